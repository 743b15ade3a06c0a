// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * random_gen: random bytes that the decoder takes for an instruction that user code may use and whose outcome
 * depends on nothing but registers and memory. Registers of memory operands are prepared by a MOV before, so
 * that most accesses hit.
 */
#include <string.h>

#include "cpu/cpuid.h"
#include "random.h"

/* ---- what may be used ---- */

struct feature {
    ZydisISAExt ext;
    uint32_t leaf;
    uint8_t reg, bit; /* reg 0xff: always there */
};

static const struct feature features[] = {
    {ZYDIS_ISA_EXT_BASE, 0, 0xff, 0},     {ZYDIS_ISA_EXT_LONGMODE, 0, 0xff, 0},
    {ZYDIS_ISA_EXT_PAUSE, 0, 0xff, 0},    {ZYDIS_ISA_EXT_X87, 0, 0xff, 0},
    {ZYDIS_ISA_EXT_MMX, 0, 0xff, 0},      {ZYDIS_ISA_EXT_SSE, 0, 0xff, 0},
    {ZYDIS_ISA_EXT_SSE2, 0, 0xff, 0},     {ZYDIS_ISA_EXT_SSE3, 1, 2, 0},
    {ZYDIS_ISA_EXT_SSSE3, 1, 2, 9},       {ZYDIS_ISA_EXT_SSE4, 1, 2, 20},
    {ZYDIS_ISA_EXT_AES, 1, 2, 25},        {ZYDIS_ISA_EXT_PCLMULQDQ, 1, 2, 1},
    {ZYDIS_ISA_EXT_SHA, 7, 1, 29},        {ZYDIS_ISA_EXT_AVX, 1, 2, 28},
    {ZYDIS_ISA_EXT_AVX2, 7, 1, 5},        {ZYDIS_ISA_EXT_AVX2GATHER, 7, 1, 5},
    {ZYDIS_ISA_EXT_AVXAES, 1, 2, 28},     {ZYDIS_ISA_EXT_F16C, 1, 2, 29},
    {ZYDIS_ISA_EXT_FMA, 1, 2, 12},        {ZYDIS_ISA_EXT_BMI1, 7, 1, 3},
    {ZYDIS_ISA_EXT_BMI2, 7, 1, 8},        {ZYDIS_ISA_EXT_LZCNT, 0x80000001, 2, 5},
    {ZYDIS_ISA_EXT_MOVBE, 1, 2, 22},      {ZYDIS_ISA_EXT_ADOX_ADCX, 7, 1, 19},
    {ZYDIS_ISA_EXT_GFNI, 7, 2, 8},        {ZYDIS_ISA_EXT_VAES, 7, 2, 9},
    {ZYDIS_ISA_EXT_VPCLMULQDQ, 7, 2, 10},
};

static bool has(const struct feature *f)
{
    static struct cpuid_table table;
    uint32_t regs[4];
    if (f->reg == 0xff)
        return true;
    if (!table.nr)
        cpuid_build(&table, 0, 1, 1000000);
    cpuid_lookup(&table, f->leaf, 0, regs);
    return regs[f->reg] >> f->bit & 1;
}

static bool available(ZydisISAExt ext)
{
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
        if (features[i].ext == ext)
            return has(&features[i]);
    return false;
}

/* Privileged, about the machine, or told by something else than registers and memory. */
static bool forbidden(const ZydisDecodedInstruction *z)
{
    switch (z->mnemonic) {
    case ZYDIS_MNEMONIC_CPUID:
    case ZYDIS_MNEMONIC_RDTSC:
    case ZYDIS_MNEMONIC_RDTSCP:
    case ZYDIS_MNEMONIC_RDPMC:
    case ZYDIS_MNEMONIC_RDRAND:
    case ZYDIS_MNEMONIC_RDSEED:
    case ZYDIS_MNEMONIC_RDPID:
    case ZYDIS_MNEMONIC_SYSCALL:
    case ZYDIS_MNEMONIC_SYSENTER:
    case ZYDIS_MNEMONIC_SYSRET:
    case ZYDIS_MNEMONIC_SYSEXIT:
    case ZYDIS_MNEMONIC_INT:
    case ZYDIS_MNEMONIC_INT1:
    case ZYDIS_MNEMONIC_INT3:
    case ZYDIS_MNEMONIC_INTO:
    case ZYDIS_MNEMONIC_IRET:
    case ZYDIS_MNEMONIC_IRETD:
    case ZYDIS_MNEMONIC_IRETQ:
    case ZYDIS_MNEMONIC_LAR:
    case ZYDIS_MNEMONIC_LSL:
    case ZYDIS_MNEMONIC_VERR:
    case ZYDIS_MNEMONIC_VERW:
    case ZYDIS_MNEMONIC_SGDT:
    case ZYDIS_MNEMONIC_SIDT:
    case ZYDIS_MNEMONIC_SLDT:
    case ZYDIS_MNEMONIC_STR:
    case ZYDIS_MNEMONIC_SMSW:
    case ZYDIS_MNEMONIC_LFS:
    case ZYDIS_MNEMONIC_LGS:
    case ZYDIS_MNEMONIC_LSS:
    case ZYDIS_MNEMONIC_POPF:
    case ZYDIS_MNEMONIC_POPFQ:
    case ZYDIS_MNEMONIC_PUSHF: /* IF and IOPL differ */
    case ZYDIS_MNEMONIC_PUSHFQ:
    case ZYDIS_MNEMONIC_FNSTENV: /* addresses of the x87 unit */
    case ZYDIS_MNEMONIC_FNSAVE:
    case ZYDIS_MNEMONIC_FXSAVE:
    case ZYDIS_MNEMONIC_FXSAVE64:
    case ZYDIS_MNEMONIC_FXRSTOR:
    case ZYDIS_MNEMONIC_FXRSTOR64:
    case ZYDIS_MNEMONIC_VMCALL:
    case ZYDIS_MNEMONIC_VMMCALL:
        return true;
    default:
        break;
    }
    switch (z->meta.category) {
    case ZYDIS_CATEGORY_SYSTEM:
    case ZYDIS_CATEGORY_IO:
    case ZYDIS_CATEGORY_IOSTRINGOP:
    case ZYDIS_CATEGORY_INTERRUPT:
        return true;
    default:
        if (z->opcode_map == ZYDIS_OPCODE_MAP_0F && z->opcode == 0x0d && z->raw.modrm.mod == 3)
            return true; /* of no effect on Intel's, undefined on AMD's processors */
        return z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR || z->attributes & ZYDIS_ATTRIB_IS_PRIVILEGED;
    }
}

static bool names_system_register(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops)
{
    for (unsigned i = 0; i < z->operand_count_visible; i++) {
        if (ops[i].type != ZYDIS_OPERAND_TYPE_REGISTER)
            continue;
        ZydisRegisterClass c = ZydisRegisterGetClass(ops[i].reg.value);
        if (c == ZYDIS_REGCLASS_SEGMENT || c == ZYDIS_REGCLASS_CONTROL || c == ZYDIS_REGCLASS_DEBUG ||
            c == ZYDIS_REGCLASS_TEST)
            return true;
    }
    return false;
}

/* ---- bytes ---- */

static unsigned put_modrm(struct rng *r, uint8_t *b)
{
    unsigned n = 0, mod = one_in(r, 5) ? 3 : rnd_below(r, 4), rm = rnd_below(r, 8);
    b[n++] = (uint8_t)(mod << 6 | rnd_below(r, 8) << 3 | rm);
    for (unsigned i = 0; i < 10; i++) /* SIB, displacement, immediate: as many as the decoder takes */
        b[n++] = (uint8_t)rnd(r);
    return n;
}

static unsigned put_vex(struct rng *r, uint8_t *b)
{
    unsigned n = 0, vvvv = one_in(r, 3) ? 15 : rnd_below(r, 16);
    uint8_t tail = (uint8_t)(vvvv << 3 | rnd_below(r, 2) << 2 | rnd_below(r, 4));
    if (one_in(r, 2)) {
        b[n++] = 0xc5;
        b[n++] = (uint8_t)(rnd_below(r, 2) << 7 | tail);
    } else {
        b[n++] = 0xc4;
        b[n++] = (uint8_t)(rnd_below(r, 8) << 5 | (1 + rnd_below(r, 3)));
        b[n++] = (uint8_t)(rnd_below(r, 2) << 7 | tail);
    }
    b[n++] = (uint8_t)rnd(r);
    return n + put_modrm(r, b + n);
}

static unsigned put_prefixes(struct rng *r, uint8_t *b)
{
    unsigned n = 0;
    if (one_in(r, 25))
        b[n++] = 0xf0;
    if (one_in(r, 6))
        b[n++] = 0x66;
    if (one_in(r, 6))
        b[n++] = one_in(r, 2) ? 0xf2 : 0xf3;
    if (one_in(r, 40))
        b[n++] = 0x65;
    if (one_in(r, 40))
        b[n++] = 0x67;
    if (one_in(r, 2))
        b[n++] = (uint8_t)(0x40 | rnd_below(r, 16));
    return n;
}

static void random_bytes(struct rng *r, uint8_t b[32])
{
    unsigned kind = rnd_below(r, 100), n;
    if (kind < 22) {
        put_vex(r, b);
        return;
    }
    n = put_prefixes(r, b);
    if (kind < 30) {
        b[n++] = (uint8_t)(0xd8 | rnd_below(r, 8));
    } else if (kind < 65) {
        b[n++] = (uint8_t)rnd(r);
    } else if (kind < 85) {
        b[n++] = 0x0f;
        b[n++] = (uint8_t)rnd(r);
    } else {
        b[n++] = 0x0f;
        b[n++] = kind < 95 ? 0x38 : 0x3a;
        b[n++] = (uint8_t)rnd(r);
    }
    put_modrm(r, b + n);
}

/* ---- preparation ---- */

struct piece *gen_add(struct sequence *s)
{
    struct piece *p = &s->pieces[s->nr++];
    memset(p, 0, sizeof(*p));
    p->skip = -1;
    return p;
}

void gen_mov(struct sequence *s, unsigned reg, uint64_t val)
{
    struct piece *p = gen_add(s);
    p->bytes[0] = (uint8_t)(reg < 8 ? 0x48 : 0x49);
    p->bytes[1] = (uint8_t)(0xb8 | (reg & 7));
    memcpy(p->bytes + 2, &val, 8);
    p->len = 10;
}

static unsigned gpr_number(ZydisRegister reg)
{
    ZydisRegister full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
    return full >= ZYDIS_REGISTER_RAX && full <= ZYDIS_REGISTER_R15 ? full - ZYDIS_REGISTER_RAX : 16;
}

static uint64_t some_address(struct rng *r)
{
    unsigned kind = rnd_below(r, 100);
    if (kind < 55)
        return DATA_VA + 64 + rnd_below(r, DATA_PAGES * PAGE - 512) / 64 * 64;
    if (kind < 75)
        return DATA_VA + 64 + rnd_below(r, DATA_PAGES * PAGE - 512);
    if (kind < 94)
        return DATA_VA + (1 + rnd_below(r, DATA_PAGES - 1)) * PAGE - rnd_below(r, 40);
    if (kind < 97)
        return DATA_VA + DATA_PAGES * PAGE - rnd_below(r, 40) + rnd_below(r, 3) * 400;
    if (kind < 99)
        return DATA_VA + DATA_BYTES - rnd_below(r, 40);
    return rnd(r);
}

/* VPSRLD or VPSRLQ: leaves small numbers in an index register of a gather. */
static void add_small_index(struct sequence *s, ZydisRegister reg, bool wide)
{
    unsigned n = reg >= ZYDIS_REGISTER_YMM0 && reg <= ZYDIS_REGISTER_YMM15
                     ? (unsigned)reg - ZYDIS_REGISTER_YMM0
                     : (unsigned)reg - ZYDIS_REGISTER_XMM0;
    struct piece *p = gen_add(s);
    const uint8_t code[] = {0xc4,
                            (uint8_t)(n < 8 ? 0xe1 : 0xc1),
                            (uint8_t)((~n & 15) << 3 | 5),
                            wide ? 0x73 : 0x72,
                            (uint8_t)(0xd0 | (n & 7)),
                            wide ? 58 : 26};
    memcpy(p->bytes, code, sizeof(code));
    p->len = sizeof(code);
}

static bool is_index_wide(ZydisMnemonic m)
{
    return m == ZYDIS_MNEMONIC_VGATHERQPS || m == ZYDIS_MNEMONIC_VGATHERQPD ||
           m == ZYDIS_MNEMONIC_VPGATHERQD || m == ZYDIS_MNEMONIC_VPGATHERQQ;
}

/* The operand in ModRM: make its registers point somewhere. false: cannot be. */
static bool prepare_memory(struct rng *r, struct sequence *s, struct piece *p,
                           const ZydisDecodedInstruction *z, const ZydisDecodedOperand *op)
{
    uint64_t at = some_address(r), index_val = rnd_below(r, 64);
    ZydisRegister base = op->mem.base, index = op->mem.index;
    int64_t disp = op->mem.disp.has_displacement ? op->mem.disp.value : 0;
    if (one_in(r, 40))
        return true; /* whatever is there */
    if (op->mem.segment == ZYDIS_REGISTER_GS)
        at -= DATA_VA;
    if (base == ZYDIS_REGISTER_RIP || base == ZYDIS_REGISTER_EIP) {
        p->disp_at = z->raw.disp.offset;
        p->rip_target = op->mem.segment == ZYDIS_REGISTER_GS ? (uint32_t)at : (uint32_t)at;
        return op->mem.segment != ZYDIS_REGISTER_GS;
    }
    bool vector_index = index >= ZYDIS_REGISTER_XMM0;
    if (vector_index)
        add_small_index(s, index, is_index_wide(z->mnemonic));
    else if (index != ZYDIS_REGISTER_NONE && gpr_number(index) < 16) {
        gen_mov(s, gpr_number(index), index_val);
        at -= index_val * op->mem.scale;
    }
    if (base == ZYDIS_REGISTER_NONE) {
        uint32_t low = (uint32_t)at;
        if (z->raw.disp.size == 32)
            memcpy(p->bytes + z->raw.disp.offset, &low, 4);
        else if (z->raw.disp.size == 64)
            memcpy(p->bytes + z->raw.disp.offset, &at, 8);
        return true;
    }
    unsigned n = gpr_number(base);
    if (n == 4)
        return true;
    if (index != ZYDIS_REGISTER_NONE && gpr_number(index) == n)
        return false;
    gen_mov(s, n, at - (uint64_t)disp);
    return true;
}

static void prepare_hidden(struct rng *r, struct sequence *s, const ZydisDecodedInstruction *z,
                           const ZydisDecodedOperand *ops)
{
    switch (z->mnemonic) {
    case ZYDIS_MNEMONIC_DIV:
    case ZYDIS_MNEMONIC_IDIV:
        if (!one_in(r, 8)) {
            gen_mov(s, 2, 0);
            gen_mov(s, 0, rnd_below(r, 0x7f));
        }
        return;
    case ZYDIS_MNEMONIC_BT:
    case ZYDIS_MNEMONIC_BTS:
    case ZYDIS_MNEMONIC_BTR:
    case ZYDIS_MNEMONIC_BTC:
        if (ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER)
            gen_mov(s, gpr_number(ops[1].reg.value), rnd_below(r, 2000) - 400ull);
        return;
    case ZYDIS_MNEMONIC_LEAVE:
    case ZYDIS_MNEMONIC_ENTER:
        gen_mov(s, 5, DATA_VA + PAGE + rnd_below(r, PAGE));
        return;
    case ZYDIS_MNEMONIC_XLAT:
        gen_mov(s, 3, some_address(r));
        return;
    default:
        break;
    }
    if (z->meta.category == ZYDIS_CATEGORY_STRINGOP || z->mnemonic == ZYDIS_MNEMONIC_MASKMOVQ ||
        z->mnemonic == ZYDIS_MNEMONIC_MASKMOVDQU || z->mnemonic == ZYDIS_MNEMONIC_VMASKMOVDQU) {
        gen_mov(s, 6, some_address(r));
        gen_mov(s, 7, some_address(r));
        gen_mov(s, 1, rnd_below(r, one_in(r, 6) ? 3000 : 40));
    }
}

static bool writes_rsp(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops)
{
    for (unsigned i = 0; i < z->operand_count_visible; i++)
        if (ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER && gpr_number(ops[i].reg.value) == 4 &&
            ops[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
            return true;
    return false;
}

/* Branches go over a few pieces; those through a register get the address into it first. false: of another
 * kind. */
static bool prepare_branch(struct rng *r, struct sequence *s, struct piece *p,
                           const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops)
{
    bool ret = z->mnemonic == ZYDIS_MNEMONIC_RET;
    if (z->meta.branch_type == ZYDIS_BRANCH_TYPE_NONE && !ret)
        return true;
    if (z->attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE)
        return false; /* Intel's and AMD's processors differ */
    for (unsigned i = 0; i < z->raw.prefix_count; i++)
        if (z->raw.prefixes[i].value == 0xf2 || z->raw.prefixes[i].value == 0xf3)
            return false; /* AMD's take them for LOOP's condition */
    int8_t skip = (int8_t)rnd_below(r, 4);
    if (ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && !ret) {
        p->skip = skip;
        p->rel_bytes = (uint8_t)(z->raw.imm[0].size / 8);
        return p->rel_bytes == 1 || p->rel_bytes == 4;
    }
    unsigned reg = ret ? 0 : ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER ? gpr_number(ops[0].reg.value) : 16;
    if (reg == 4 || reg > 15)
        return false;
    gen_mov(s, reg, 0);
    struct piece *mov = &s->pieces[s->nr - 1];
    mov->skip = (int8_t)(skip + (ret ? 2 : 1)); /* over the push and the branch itself */
    mov->rel_bytes = 8;
    if (ret) {
        struct piece *push = gen_add(s);
        push->bytes[0] = 0x50;
        push->len = 1;
        if (ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) /* how much it pops */
            p->bytes[z->raw.imm[0].offset] = 8, p->bytes[z->raw.imm[0].offset + 1] = 0;
    }
    return true;
}

bool gen_usable(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops)
{
    return available(z->meta.isa_ext) && !(z->attributes & ZYDIS_ATTRIB_HAS_SEGMENT_FS) && !forbidden(z) &&
           !names_system_register(z, ops);
}

static bool acceptable(struct rng *r, const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops)
{
    if (!gen_usable(z, ops))
        return false;
    return !writes_rsp(z, ops) || z->mnemonic == ZYDIS_MNEMONIC_POP ? true : one_in(r, 30);
}

/* Flags that an instruction leaves undefined become 0: PUSHFQ; AND [RSP], mask; POPFQ. */
void gen_clear_undefined(struct sequence *s, const ZydisDecodedInstruction *z)
{
    if (!z->cpu_flags || !z->cpu_flags->undefined)
        return;
    uint32_t mask = ~z->cpu_flags->undefined;
    static const uint8_t code[] = {0x9c, 0x48, 0x81, 0x24, 0x24};
    struct piece *p = gen_add(s);
    memcpy(p->bytes, code, sizeof(code));
    memcpy(p->bytes + 5, &mask, 4);
    p->bytes[9] = 0x9d;
    p->len = 10;
    p->glued = true;
}

static bool add_random(struct rng *r, struct sequence *s, const ZydisDecoder *d)
{
    uint8_t bytes[32];
    ZydisDecodedInstruction z;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
    random_bytes(r, bytes);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(d, bytes, 15, &z, ops)) || !acceptable(r, &z, ops))
        return false;
    struct piece p = {.skip = -1, .len = z.length, .tested = true};
    memcpy(p.bytes, bytes, z.length);
    unsigned before = s->nr;
    bool ok = true;
    for (unsigned i = 0; ok && i < z.operand_count_visible; i++)
        if (ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY && ops[i].mem.type != ZYDIS_MEMOP_TYPE_AGEN &&
            z.raw.modrm.offset + z.raw.disp.size)
            ok = prepare_memory(r, s, &p, &z, &ops[i]);
    prepare_hidden(r, s, &z, ops);
    ok = ok && prepare_branch(r, s, &p, &z, ops);
    if (!ok) {
        s->nr = before;
        return false;
    }
    s->pieces[s->nr++] = p;
    gen_clear_undefined(s, &z);
    return true;
}

void gen_sequence(struct rng *r, struct sequence *s)
{
    ZydisDecoder d;
    ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    ZydisDecoderEnableMode(&d, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
    ZydisDecoderEnableMode(&d, ZYDIS_DECODER_MODE_CET, ZYAN_TRUE);
    ZydisDecoderEnableMode(&d, ZYDIS_DECODER_MODE_CLDEMOTE, ZYAN_FALSE);
    unsigned want = 1 + rnd_below(r, 24), have = 0;
    s->nr = 0;
    s->start = 0;
    if (one_in(r, 3)) {
        shape_sequence(r, s, &d);
        return;
    }
    s->repeats = one_in(r, 4) ? 1 + rnd_below(r, 4) : 0;
    while (have < want && s->nr + 7 < MAX_INSNS)
        have += add_random(r, s, &d);
}
