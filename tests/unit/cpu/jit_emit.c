// SPDX-License-Identifier: GPL-2.0-or-later
/* The translator's emitter: what it writes, the decoder reads back. */
#include "unit.h"

#include "cpu/soft/jit_emit.h"
#include "cpu/soft/operand.h"

struct read {
    struct insn i;
    unsigned reg, base, index;
};

static unsigned number(ZydisRegister r)
{
    unsigned bytes, shift;
    return operand_gpr(r, &bytes, &shift);
}

static struct read read_back(const uint8_t *from, const uint8_t *to)
{
    struct read r;
    bool more;
    assert_true(insn_decode(MODE_LONG64, from, (unsigned)(to - from), &r.i, &more));
    assert_int_equal(r.i.len, to - from);
    r.reg = number(r.i.ops[0].reg.value);
    r.base = number(r.i.ops[1].mem.base);
    r.index = number(r.i.ops[1].mem.index);
    return r;
}

static void every_address_form_is_what_was_asked_for(void **state)
{
    static const int32_t disps[] = {0, 1, -128, 127, 128, -129, 0x12345678};
    (void)state;
    for (unsigned base = 0; base <= NONE; base++)
        for (unsigned index = 0; index <= NONE; index++)
            for (unsigned d = 0; d < 7 && index != RSP; d++) {
                uint8_t buf[16];
                struct emit e = {buf};
                e_lea(&e, R13, base, index, 2, disps[d]);
                struct read r = read_back(buf, e.p);
                assert_int_equal(r.i.mnemonic, ZYDIS_MNEMONIC_LEA);
                assert_int_equal(r.reg, R13);
                assert_int_equal(r.base, base);
                assert_int_equal(r.index, index);
                assert_true(index == NONE || r.i.ops[1].mem.scale == 4);
                assert_true(r.i.ops[1].mem.disp.value == disps[d]);
            }
}

static void state_is_addressed_through_gs(void **state)
{
    (void)state;
    for (unsigned reg = 0; reg < 16; reg++) {
        uint8_t buf[16];
        struct emit e = {buf};
        e_gs_load(&e, reg, 0x12340);
        struct read r = read_back(buf, e.p);
        assert_int_equal(r.i.mnemonic, ZYDIS_MNEMONIC_MOV);
        assert_int_equal(r.reg, reg);
        assert_int_equal(r.i.ops[1].mem.segment, ZYDIS_REGISTER_GS);
        assert_int_equal(r.base, NONE);
        assert_true(r.i.ops[1].mem.disp.value == 0x12340);
    }
}

static void shifts_name_their_three_registers(void **state)
{
    static const struct {
        enum shift kind;
        ZydisMnemonic mnemonic;
    } kinds[] = {{SHLX, ZYDIS_MNEMONIC_SHLX}, {SARX, ZYDIS_MNEMONIC_SARX}, {SHRX, ZYDIS_MNEMONIC_SHRX}};
    (void)state;
    for (unsigned k = 0; k < 3; k++)
        for (unsigned n = 0; n < 16 * 16; n++) {
            uint8_t buf[16];
            struct emit e = {buf};
            e_shift(&e, kinds[k].kind, n / 16, n % 16, R11);
            struct read r = read_back(buf, e.p);
            assert_int_equal(r.i.mnemonic, kinds[k].mnemonic);
            assert_int_equal(r.reg, n / 16);
            assert_int_equal(number(r.i.ops[1].reg.value), n % 16);
            assert_int_equal(number(r.i.ops[2].reg.value), R11);
        }
}

static void displacements_that_are_patched_lie_in_eight_aligned_bytes(void **state)
{
    uint8_t buf[64] __attribute__((aligned(8)));
    (void)state;
    for (unsigned start = 0; start < 16; start++)
        for (unsigned skip = 1; skip <= 2; skip++) {
            struct emit e = {buf + start};
            e_align_disp(&e, skip);
            assert_true(((uintptr_t)(e.p + skip) & 7) <= 4);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_address_form_is_what_was_asked_for),
        cmocka_unit_test(state_is_addressed_through_gs),
        cmocka_unit_test(shifts_name_their_three_registers),
        cmocka_unit_test(displacements_that_are_patched_lie_in_eight_aligned_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
