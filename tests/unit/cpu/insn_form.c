// SPDX-License-Identifier: GPL-2.0-or-later
/* Instructions made from forms are those that Zydis decodes, in everything that the translator looks at. */
#include "unit.h"

#include <stdlib.h>

#include "cpu/soft/insn_form.h"
#include "cpu/soft/vcpu.h"

static struct insn_forms *forms;
static uint64_t seed;

static uint32_t number(void)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33);
}

static int setup(void **state)
{
    (void)state;
    seed = 1;
    forms = calloc(1, INSN_FORMS_BYTES);
    return forms ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(forms);
    return 0;
}

#define SAME(field)                                                                                          \
    if (a->field != b->field)                                                                                \
    return #field

static const char *operand_differs(const ZydisDecodedOperand *a, const ZydisDecodedOperand *b)
{
    SAME(type);
    SAME(visibility);
    SAME(actions);
    SAME(encoding);
    SAME(size);
    switch (a->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        SAME(reg.value);
        break;
    case ZYDIS_OPERAND_TYPE_MEMORY:
        SAME(mem.type);
        SAME(mem.segment);
        SAME(mem.base);
        SAME(mem.index);
        SAME(mem.scale);
        SAME(mem.disp.has_displacement);
        SAME(mem.disp.value);
        break;
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        SAME(imm.is_signed);
        SAME(imm.is_relative);
        SAME(imm.value.u);
        break;
    default:
        break;
    }
    return NULL;
}

static const char *raw_differs(const ZydisDecodedInstruction *a, const ZydisDecodedInstruction *b)
{
    SAME(raw.prefix_count);
    for (unsigned n = 0; n < a->raw.prefix_count; n++)
        SAME(raw.prefixes[n].value);
    SAME(raw.rex.W);
    SAME(raw.rex.R);
    SAME(raw.rex.X);
    SAME(raw.rex.B);
    SAME(raw.rex.offset);
    SAME(raw.modrm.offset);
    SAME(raw.modrm.mod);
    SAME(raw.modrm.reg);
    SAME(raw.modrm.rm);
    SAME(raw.sib.offset);
    SAME(raw.sib.scale);
    SAME(raw.sib.index);
    SAME(raw.sib.base);
    SAME(raw.disp.size);
    SAME(raw.disp.offset);
    SAME(raw.disp.value);
    SAME(raw.imm[0].size);
    SAME(raw.imm[0].offset);
    SAME(raw.imm[0].value.u);
    return NULL;
}

static const char *insn_differs(const struct insn *a, const struct insn *b)
{
    SAME(len);
    SAME(mnemonic);
    SAME(op_bytes);
    SAME(addr_bytes);
    SAME(stack_bytes);
    SAME(z.machine_mode);
    SAME(z.encoding);
    SAME(z.opcode);
    SAME(z.opcode_map);
    SAME(z.length);
    SAME(z.operand_width);
    SAME(z.attributes);
    SAME(z.cpu_flags);
    SAME(z.meta.category);
    SAME(z.meta.isa_ext);
    SAME(z.meta.branch_type);
    SAME(z.operand_count);
    const char *what = raw_differs(&a->z, &b->z);
    for (unsigned n = 0; !what && n < a->z.operand_count; n++)
        what = operand_differs(&a->ops[n], &b->ops[n]);
    if (!what && memcmp(a->bytes, b->bytes, a->len))
        what = "bytes";
    return what;
}

/* Often a prefix or REX, often 0F, then anything. */
static void invent(uint8_t bytes[15])
{
    static const uint8_t prefixes[] = {0x66, 0xf0, 0xf2, 0xf3, 0x64, 0x65, 0x67, 0x2e};
    unsigned n = 0;
    for (unsigned i = 0; i < 15; i++)
        bytes[i] = (uint8_t)number();
    if (number() % 4 == 0)
        bytes[n++] = prefixes[number() % sizeof(prefixes)];
    if (number() % 2 == 0)
        bytes[n++] = 0x40 | (number() & 15);
    if (number() % 3 == 0)
        bytes[n] = 0x0f;
}

/* true: made from a form. */
static bool compare(const uint8_t *bytes, unsigned len)
{
    struct insn made, decoded;
    uint32_t key;
    bool need_more, known = insn_form_decode(forms, bytes, len, &made, &key);
    bool valid = insn_decode(MODE_LONG64, bytes, len, &decoded, &need_more);
    if (known && !valid)
        fail_msg("%02x %02x %02x %02x %02x: not an instruction", bytes[0], bytes[1], bytes[2], bytes[3],
                 bytes[4]);
    const char *what = known ? insn_differs(&made, &decoded) : NULL;
    if (what)
        fail_msg("%02x %02x %02x %02x %02x %02x: %s", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
                 bytes[5], what);
    if (!known && valid && key)
        insn_form_learn(forms, key, &decoded);
    return known;
}

static void an_instruction_made_from_a_form_is_what_zydis_decodes(void **state)
{
    (void)state;
    uint8_t bytes[15];
    unsigned made = 0, tries = 600000;
    for (unsigned n = 0; n < tries; n++) {
        invent(bytes);
        made += compare(bytes, sizeof(bytes));
    }
    assert_true(made > tries / 5);
}

static void every_register_of_every_opcode_is_right(void **state)
{
    (void)state;
    for (unsigned op = 0; op < 512; op++)
        for (unsigned rex = 0x3f; rex < 0x50; rex++)
            for (unsigned modrm = 0; modrm < 256; modrm++) {
                uint8_t bytes[15] = {0}, *at = bytes;
                if (rex >= 0x40)
                    *at++ = (uint8_t)rex;
                if (op >= 256)
                    *at++ = 0x0f;
                *at++ = (uint8_t)op;
                *at++ = (uint8_t)modrm;
                memset(at, 0x91, 8);
                compare(bytes, sizeof(bytes));
            }
}

static void a_form_does_not_read_beyond_the_end(void **state)
{
    (void)state;
    static const uint8_t mov[] = {0x48, 0xc7, 0x84, 0x24, 1, 2,
                                  3,    4,    5,    6,    7, 8}; /* mov qword [rsp+disp], imm */
    uint8_t bytes[15] = {0};
    struct insn i;
    uint32_t key;
    memcpy(bytes, mov, sizeof(mov));
    compare(bytes, sizeof(mov));
    assert_true(insn_form_decode(forms, bytes, sizeof(mov), &i, &key));
    for (unsigned len = 0; len < sizeof(mov); len++)
        assert_false(insn_form_decode(forms, bytes, len, &i, &key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_instruction_made_from_a_form_is_what_zydis_decodes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(every_register_of_every_opcode_is_right, setup, teardown),
        cmocka_unit_test_setup_teardown(a_form_does_not_read_beyond_the_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
