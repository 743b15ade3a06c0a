// SPDX-License-Identifier: GPL-2.0-or-later
/* An instruction with a memory operand comes out the same but for that operand: one of the scratch registers.
 */
#include "unit.h"

#include "cpu/soft/jit_tr.h"

static struct tr *work;
static uint8_t code[4096] __attribute__((aligned(16)));
static struct jit jit;

static int set_up(void **state)
{
    struct err e;
    (void)state;
    jit.rw = code;
    return tr_new(&work, &e);
}

static int tear_down(void **state)
{
    (void)state;
    tr_free(work);
    return 0;
}

static struct item *decode(const uint8_t *bytes, unsigned len)
{
    struct item *it = &work->items[0];
    bool more;
    memset(it, 0, sizeof(*it));
    work->mode = MODE_LONG64 | MODE_SSE | MODE_AVX | MODE_X87;
    work->j = &jit;
    work->nr_colds = work->nr_groups = 0;
    work->active = NULL;
    assert_true(insn_decode(work->mode, bytes, len, &it->i, &more));
    classify(it, work->mode);
    return it;
}

static bool on_scratch(const ZydisDecodedOperand *op)
{
    return op->type == ZYDIS_OPERAND_TYPE_MEMORY && op->mem.segment != ZYDIS_REGISTER_GS &&
           op->mem.base >= ZYDIS_REGISTER_R9 && op->mem.base <= ZYDIS_REGISTER_R11 &&
           op->mem.index == ZYDIS_REGISTER_NONE;
}

static void assert_same_operands(const struct insn *a, const struct insn *b)
{
    assert_int_equal(a->z.operand_count_visible, b->z.operand_count_visible);
    assert_int_equal(a->op_bytes, b->op_bytes);
    for (unsigned n = 0; n < a->z.operand_count_visible; n++) {
        assert_int_equal(a->ops[n].type, b->ops[n].type);
        assert_int_equal(a->ops[n].size, b->ops[n].size);
        if (a->ops[n].type == ZYDIS_OPERAND_TYPE_REGISTER)
            assert_int_equal(a->ops[n].reg.value, b->ops[n].reg.value);
        if (a->ops[n].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
            assert_true(a->ops[n].imm.value.u == b->ops[n].imm.value.u);
    }
}

/* The last of the emitted instructions that has the same mnemonic and works on the host's address. */
static void comes_out_the_same(const uint8_t *bytes, unsigned len)
{
    struct item *it = decode(bytes, len);
    bool found = false;
    assert_int_equal(it->kind, K_PLAIN);
    work->e.p = code;
    plain(work, it);
    for (uint8_t *p = code; p < work->e.p;) {
        struct insn i;
        bool more;
        assert_true(insn_decode(MODE_LONG64, p, (unsigned)(work->e.p - p), &i, &more));
        p += i.len;
        for (unsigned n = 0; n < i.z.operand_count_visible; n++)
            if (i.mnemonic == it->i.mnemonic && on_scratch(&i.ops[n])) {
                assert_same_operands(&it->i, &i);
                for (unsigned k = 0; k < i.z.operand_count_visible; k++)
                    assert_true(i.ops[k].type != ZYDIS_OPERAND_TYPE_REGISTER ||
                                i.ops[k].reg.value != i.ops[n].mem.base);
                found = true;
            }
    }
    assert_true(found);
}

#define SAME(...) comes_out_the_same((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void plain_instructions_keep_their_operands(void **state)
{
    (void)state;
    SAME(0x48, 0x03, 0x44, 0x8b, 0x10);             /* add rax, [rbx+rcx*4+16] */
    SAME(0x66, 0x81, 0x3e, 0x34, 0x12);             /* cmp word [rsi], 0x1234 */
    SAME(0xc6, 0x80, 0, 1, 0, 0, 7);                /* mov byte [rax+256], 7 */
    SAME(0x40, 0x88, 0x37);                         /* mov [rdi], sil */
    SAME(0x88, 0x07);                               /* mov [rdi], al */
    SAME(0xf0, 0x48, 0x0f, 0xb1, 0x0d, 1, 2, 3, 0); /* lock cmpxchg [rip+...], rcx */
    SAME(0xdb, 0x2c, 0x24);                         /* fld tbyte [rsp] */
}

static void segments_and_short_addresses_go_into_the_address(void **state)
{
    (void)state;
    SAME(0x65, 0x48, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0); /* mov rax, gs:[16] */
    SAME(0x64, 0x48, 0x8b, 0x00);                      /* mov rax, fs:[rax] */
    SAME(0x67, 0x8b, 0x03);                            /* mov eax, [ebx] */
}

static void vector_instructions_keep_their_operands(void **state)
{
    (void)state;
    SAME(0x66, 0x44, 0x0f, 0xfe, 0x44, 0x24, 8); /* paddd xmm8, [rsp+8] */
    SAME(0xc5, 0xfd, 0x6f, 0x07);                /* vmovdqa ymm0, [rdi] (two bytes of VEX) */
    SAME(0xc4, 0x41, 0x35, 0xfe, 0x3c, 0x24);    /* vpaddd ymm15, ymm9, [r12] */
    SAME(0xc4, 0xe3, 0x7d, 0x39, 0x07, 1);       /* vextracti128 [rdi], ymm0, 1 */
    SAME(0xf2, 0x48, 0x0f, 0x38, 0xf1, 0x06);    /* crc32 rax, qword [rsi] */
}

static void an_address_never_takes_the_place_of_an_operand(void **state)
{
    (void)state;
    SAME(0x4d, 0x01, 0x09);             /* add [r9], r9 */
    SAME(0x4d, 0x87, 0x54, 0x11, 0x08); /* xchg [r9+rdx+8], r10 */
    SAME(0x4f, 0x03, 0x1c, 0x91);       /* add r11, [r9+r10*4] */
    SAME(0xc4, 0x42, 0xb0, 0xf2, 0x13); /* andn r10, r9, [r11] */
}

static void a_high_byte_with_memory_is_for_the_stepper(void **state)
{
    (void)state;
    assert_int_equal(decode((const uint8_t[]){0x88, 0x27}, 2)->kind, K_STEP); /* mov [rdi], ah */
}

static void an_exchange_that_looks_like_a_pause_is_copied(void **state)
{
    (void)state;
    assert_int_equal(decode((const uint8_t[]){0xf3, 0x41, 0x90}, 3)->kind, K_PLAIN); /* xchg r8d, eax */
    assert_int_equal(decode((const uint8_t[]){0xf3, 0x90}, 2)->kind, K_STEP);
}

static void what_the_guest_must_not_run_natively_is_for_the_stepper(void **state)
{
    static const struct {
        uint8_t bytes[4];
        unsigned len;
    } never[] = {
        {{0x0f, 0xa2}, 2},             /* cpuid */
        {{0x0f, 0x01, 0xd0}, 3},       /* xgetbv */
        {{0x0f, 0x01, 0xf9}, 3},       /* rdtscp */
        {{0x0f, 0x31}, 2},             /* rdtsc */
        {{0x0f, 0x05}, 2},             /* syscall */
        {{0x0f, 0x20, 0xc0}, 3},       /* mov rax, cr0 */
        {{0x8e, 0xd8}, 2},             /* mov ds, eax */
        {{0x0f, 0xae, 0x07}, 3},       /* fxsave [rdi] */
        {{0x0f, 0xae, 0x27}, 3},       /* xsave [rdi] */
        {{0xf3, 0x48, 0xab}, 3},       /* rep stosq */
        {{0xcd, 0x80}, 2},             /* int 0x80 */
        {{0xf4}, 1},                   /* hlt */
        {{0xf3, 0x0f, 0xc7, 0xf8}, 4}, /* rdpid rax */
    };
    (void)state;
    for (unsigned n = 0; n < sizeof(never) / sizeof(never[0]); n++)
        assert_int_equal(decode(never[n].bytes, never[n].len)->kind, K_STEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_instructions_keep_their_operands),
        cmocka_unit_test(segments_and_short_addresses_go_into_the_address),
        cmocka_unit_test(vector_instructions_keep_their_operands),
        cmocka_unit_test(an_address_never_takes_the_place_of_an_operand),
        cmocka_unit_test(a_high_byte_with_memory_is_for_the_stepper),
        cmocka_unit_test(an_exchange_that_looks_like_a_pause_is_copied),
        cmocka_unit_test(what_the_guest_must_not_run_natively_is_for_the_stepper),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
