// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * insn_form: see insn_form.h. Source: Intel SDM vol. 2A, 2.1, 2.2.1 (prefixes, ModRM, SIB), vol. 2D, A.3
 * (opcode maps).
 */
#include "cpu/soft/insn_form.h"

#include "cpu/soft/copy.h"
#include "cpu/soft/operand.h"

#define FORM_OPS 5
#define NR_HASH  1024u
#define NR_FORMS 1024u

/* What follows an opcode, and what of it is part of the form. */
enum {
    NONE = 1,   /* nothing */
    MODRM = 2,  /* ModRM, whose reg field is a register or unused */
    GROUP = 4,  /* ... is more opcode */
    IN_OP = 8,  /* register in the opcode's low bits */
    IMM1 = 16,  /* immediate or jump of 1 byte */
    IMM4 = 32,  /* of 4; 2 with 66h */
    IMM8 = 64,  /* of 8 with REX.W, else as IMM4 */
    TEST = 128, /* the immediate is there if reg is 0 or 1 */
};

#define ARITH(x)                                                                                             \
    [x] = MODRM, [(x) + 1] = MODRM, [(x) + 2] = MODRM, [(x) + 3] = MODRM, [(x) + 4] = NONE | IMM1,           \
    [(x) + 5] = NONE | IMM4

static const uint8_t one_byte[256] = {
    ARITH(0x00),
    ARITH(0x08),
    ARITH(0x10),
    ARITH(0x18),
    ARITH(0x20),
    ARITH(0x28),
    ARITH(0x30),
    ARITH(0x38),
    [0x50 ... 0x5f] = IN_OP,
    [0x63] = MODRM,
    [0x68] = NONE | IMM4,
    [0x69] = MODRM | IMM4,
    [0x6a] = NONE | IMM1,
    [0x6b] = MODRM | IMM1,
    [0x70 ... 0x7f] = NONE | IMM1,
    [0x80] = MODRM | GROUP | IMM1,
    [0x81] = MODRM | GROUP | IMM4,
    [0x83] = MODRM | GROUP | IMM1,
    [0x84 ... 0x8b] = MODRM,
    [0x8d] = MODRM,
    [0x98 ... 0x99] = NONE,
    [0xa8] = NONE | IMM1,
    [0xa9] = NONE | IMM4,
    [0xb0 ... 0xb7] = IN_OP | IMM1,
    [0xb8 ... 0xbf] = IN_OP | IMM8,
    [0xc0 ... 0xc1] = MODRM | GROUP | IMM1,
    [0xc3] = NONE,
    [0xc6] = MODRM | GROUP | IMM1,
    [0xc7] = MODRM | GROUP | IMM4,
    [0xc9] = NONE,
    [0xd0 ... 0xd3] = MODRM | GROUP,
    [0xe8 ... 0xe9] = NONE | IMM4,
    [0xeb] = NONE | IMM1,
    [0xf6] = MODRM | GROUP | IMM1 | TEST,
    [0xf7] = MODRM | GROUP | IMM4 | TEST,
    [0xfe ... 0xff] = MODRM | GROUP,
};

static const uint8_t two_byte[256] = {
    [0x1f] = MODRM | GROUP,
    [0x40 ... 0x4f] = MODRM,
    [0x80 ... 0x8f] = NONE | IMM4,
    [0x90 ... 0x9f] = MODRM,
    [0xa3] = MODRM,
    [0xa4] = MODRM | IMM1,
    [0xa5] = MODRM,
    [0xab] = MODRM,
    [0xac] = MODRM | IMM1,
    [0xad] = MODRM,
    [0xaf ... 0xb1] = MODRM,
    [0xb3] = MODRM,
    [0xb6 ... 0xb8] = MODRM,
    [0xba] = MODRM | GROUP | IMM1,
    [0xbb ... 0xbf] = MODRM,
    [0xc0 ... 0xc1] = MODRM,
    [0xc8 ... 0xcf] = IN_OP,
};

struct form {
    uint32_t key;
    uint16_t mnemonic;
    uint8_t op_bytes, addr_bytes, stack_bytes;
    uint8_t imm_op, mem_op, nr_regs; /* operand numbers; FORM_OPS: none */
    struct {
        uint8_t op, from; /* where its number is: enum below */
        uint16_t base;    /* ZydisRegister of number 0; 0: a byte register */
    } regs[FORM_OPS];
    ZydisDecodedInstruction z;
    ZydisDecodedOperand ops[FORM_OPS];
};
enum { FROM_REG, FROM_RM, FROM_OPCODE };

struct insn_forms {
    uint32_t nr; /* number 0 is none */
    uint16_t hash[NR_HASH];
    struct form forms[NR_FORMS];
};
_Static_assert(sizeof(struct insn_forms) <= INSN_FORMS_BYTES, "make room");

/* An instruction taken apart. */
struct parts {
    uint32_t key;
    uint8_t opcode, rex, modrm, sib;
    uint8_t at_modrm, at_imm; /* offsets; at_modrm 0: none */
    uint8_t disp_bytes, imm_bytes;
    bool has_sib;
    bool segment; /* FS or GS */
    uint8_t len;
};

static unsigned prefix_number(uint8_t b)
{
    switch (b) {
    case 0x66:
        return 1;
    case 0xf0:
        return 2;
    case 0xf2:
        return 3;
    case 0xf3:
        return 4;
    case 0x64:
        return 5;
    case 0x65:
        return 6;
    default:
        return 0;
    }
}

static bool take_modrm(struct parts *p, const uint8_t *bytes, unsigned len)
{
    unsigned n = p->len;
    if (n + 2 > len)
        return false;
    p->at_modrm = (uint8_t)n;
    p->modrm = bytes[n++];
    unsigned mod = p->modrm >> 6, rm = p->modrm & 7;
    p->has_sib = mod != 3 && rm == 4;
    p->sib = p->has_sib ? bytes[n++] : 0;
    p->disp_bytes = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    if (mod == 0 && (rm == 5 || (p->has_sib && (p->sib & 7) == 5)))
        p->disp_bytes = 4;
    p->len = (uint8_t)(n + p->disp_bytes);
    return true;
}

static unsigned imm_bytes(const struct parts *p, unsigned what, bool narrow)
{
    if (what & TEST && p->modrm >> 3 & 6)
        return 0;
    if (what & IMM1)
        return 1;
    if (what & IMM8 && p->rex & 8)
        return 8;
    return what & (IMM4 | IMM8) ? narrow ? 2 : 4 : 0;
}

/* With 66h makers of processors do not agree. */
static bool is_jump(unsigned map, unsigned opcode)
{
    return map ? (opcode & 0xf0) == 0x80 : (opcode & 0xfc) == 0xe8 || (opcode & 0xf0) == 0x70;
}

/* false: not plain, or it goes on beyond len. */
static bool take_apart(struct parts *p, const uint8_t *bytes, unsigned len)
{
    unsigned n = 0, prefix = len < 2 ? 0 : prefix_number(bytes[0]), map = 0;
    if (prefix)
        n++;
    *p = (struct parts){.segment = prefix >= 5};
    if (n < len && (bytes[n] & 0xf0) == 0x40)
        p->rex = bytes[n++];
    if (n < len && bytes[n] == 0x0f) {
        map = 1;
        n++;
    }
    if (n >= len)
        return false;
    p->opcode = bytes[n++];
    p->len = (uint8_t)n;
    unsigned what = map ? two_byte[p->opcode] : one_byte[p->opcode];
    if (prefix == 1 && is_jump(map, p->opcode))
        return false;
    if (!what || (what & MODRM && !take_modrm(p, bytes, len)))
        return false;
    p->imm_bytes = (uint8_t)imm_bytes(p, what, prefix == 1 && !(p->rex & 8));
    p->at_imm = p->len;
    p->len = (uint8_t)(p->len + p->imm_bytes);
    unsigned opcode = what & IN_OP ? p->opcode & 0xf8u : p->opcode, kind = 0;
    if (what & MODRM)
        kind = p->modrm >> 6 == 3 ? 1 : (p->modrm & 0xc7) == 5 ? 2 : 3;
    p->key = 1 | map << 1 | prefix << 2 | opcode << 5 | kind << 13 | (p->rex ? 1u : 0u) << 15 |
             (p->rex >> 3 & 1u) << 16 | (what & GROUP ? p->modrm >> 3 & 7u : 0) << 17;
    return p->len <= len;
}

static struct form *find(const struct insn_forms *f, uint32_t key)
{
    for (uint32_t h = key * 0x9e3779b1u >> 22;; h = (h + 1) % NR_HASH) {
        const struct form *form = &f->forms[f->hash[h]];
        if (!f->hash[h])
            return NULL;
        if (form->key == key)
            return (struct form *)(uintptr_t)form;
    }
}

/* ---- making one ---- */

static uint64_t number_at(const uint8_t *at, unsigned bytes, bool is_signed)
{
    uint64_t val = 0;
    for (unsigned i = 0; i < bytes; i++)
        val |= (uint64_t)at[i] << 8 * i;
    unsigned unused = 64 - 8 * bytes;
    return is_signed && bytes ? (uint64_t)((int64_t)(val << unused) >> unused) : val;
}

static ZydisRegister byte_register(unsigned n, bool rex)
{
    if (n < 4)
        return (ZydisRegister)(ZYDIS_REGISTER_AL + n);
    return (ZydisRegister)((rex ? ZYDIS_REGISTER_SPL : ZYDIS_REGISTER_AH) + (n - 4));
}

static void set_registers(const struct form *f, const struct parts *p, struct insn *i)
{
    for (unsigned n = 0; n < f->nr_regs; n++) {
        unsigned number = 0;
        switch (f->regs[n].from) {
        case FROM_REG:
            number = (p->modrm >> 3 & 7u) | (p->rex << 1 & 8u);
            break;
        case FROM_RM:
            number = (p->modrm & 7u) | (p->rex << 3 & 8u);
            break;
        default:
            number = (p->opcode & 7u) | (p->rex << 3 & 8u);
        }
        i->ops[f->regs[n].op].reg.value =
            f->regs[n].base ? (ZydisRegister)(f->regs[n].base + number) : byte_register(number, p->rex);
    }
}

static void set_memory(const struct parts *p, struct insn *i, ZydisDecodedOperand *op)
{
    unsigned mod = p->modrm >> 6, base = (p->modrm & 7u) | (p->rex << 3 & 8u);
    bool has_base = true;
    op->mem.index = ZYDIS_REGISTER_NONE;
    op->mem.scale = 0;
    if (p->has_sib) {
        unsigned index = (p->sib >> 3 & 7u) | (p->rex << 2 & 8u);
        base = (p->sib & 7u) | (p->rex << 3 & 8u);
        has_base = mod != 0 || (p->sib & 7) != 5;
        if (index != 4) {
            op->mem.index = (ZydisRegister)(ZYDIS_REGISTER_RAX + index);
            op->mem.scale = (uint8_t)(1u << (p->sib >> 6));
        }
    }
    bool rip = mod == 0 && (p->modrm & 7) == 5;
    op->mem.base = rip ? ZYDIS_REGISTER_RIP
                       : (has_base ? (ZydisRegister)(ZYDIS_REGISTER_RAX + base) : ZYDIS_REGISTER_NONE);
    if (!p->segment)
        op->mem.segment =
            !rip && has_base && (base == 4 || base == 5) ? ZYDIS_REGISTER_SS : ZYDIS_REGISTER_DS;
    op->mem.disp.has_displacement = p->disp_bytes != 0;
    op->mem.disp.value = (int64_t)i->z.raw.disp.value;
}

static void set_raw(const struct parts *p, struct insn *i)
{
    i->z.length = p->len;
    i->z.opcode = p->opcode;
    i->z.raw.rex.W = p->rex >> 3 & 1;
    i->z.raw.rex.R = p->rex >> 2 & 1;
    i->z.raw.rex.X = p->rex >> 1 & 1;
    i->z.raw.rex.B = p->rex & 1;
    for (unsigned n = 0; p->rex && n < i->z.raw.prefix_count; n++)
        if ((i->z.raw.prefixes[n].value & 0xf0) == 0x40)
            i->z.raw.prefixes[n].value = p->rex;
    if (p->at_modrm) {
        i->z.raw.modrm.mod = p->modrm >> 6;
        i->z.raw.modrm.reg = p->modrm >> 3 & 7;
        i->z.raw.modrm.rm = p->modrm & 7;
        i->z.attributes &= ~(uint64_t)ZYDIS_ATTRIB_HAS_SIB;
        i->z.attributes |= p->has_sib ? ZYDIS_ATTRIB_HAS_SIB : 0;
        i->z.raw.sib.offset = p->has_sib ? p->at_modrm + 1 : 0;
        i->z.raw.sib.scale = p->sib >> 6;
        i->z.raw.sib.index = p->sib >> 3 & 7;
        i->z.raw.sib.base = p->sib & 7;
        i->z.raw.disp.size = (uint8_t)(8 * p->disp_bytes);
        i->z.raw.disp.offset = p->disp_bytes ? (uint8_t)(p->at_modrm + 1 + p->has_sib) : 0;
        i->z.raw.disp.value =
            (int64_t)number_at(i->bytes + p->at_modrm + 1 + p->has_sib, p->disp_bytes, true);
    }
}

static void set_immediate(const struct form *f, const struct parts *p, struct insn *i)
{
    if (!p->imm_bytes)
        return;
    uint64_t val = number_at(i->bytes + p->at_imm, p->imm_bytes, i->z.raw.imm[0].is_signed);
    i->z.raw.imm[0].value.u = val;
    i->z.raw.imm[0].offset = p->at_imm;
    if (f->imm_op < FORM_OPS)
        i->ops[f->imm_op].imm.value.u = val;
}

/* Not by REP, which takes longer for so little, nor by libc. A constant number of words is unrolled. */
__attribute__((always_inline)) static inline void copy_words(void *to, const void *from, size_t words)
{
    uint64_t *t = to;
    const uint64_t *f = from;
#pragma GCC unroll 16
    for (size_t n = 0; n < words; n++) {
        t[n] = f[n];
        __asm__ volatile("" : : : "memory");
    }
}

static void take_bytes(uint8_t to[15], const uint8_t *from, unsigned len)
{
    if (len < 15) {
        copy_bytes(to, from, len);
        return;
    }
    *(loose64 *)(void *)to = *(const loose64 *)(const void *)from;
    *(loose64 *)(void *)(to + 7) = *(const loose64 *)(const void *)(from + 7);
}

#define FORM_PREFIXES 2u /* a form has no more */

/* Words of a decoded instruction from one member to before another, but for what is not of plain
 * instructions: flags of AVX, more prefixes, a second immediate. */
#define PART(to, from, first, behind)                                                                        \
    copy_words((uint64_t *)(void *)(to) + offsetof(ZydisDecodedInstruction, first) / 8,                      \
               (const uint64_t *)(const void *)(from) + offsetof(ZydisDecodedInstruction, first) / 8,        \
               (offsetof(ZydisDecodedInstruction, behind) + 7) / 8 -                                         \
                   offsetof(ZydisDecodedInstruction, first) / 8)

static void copy_decoded(ZydisDecodedInstruction *to, const ZydisDecodedInstruction *from)
{
    PART(to, from, machine_mode, avx);
    PART(to, from, meta, raw.prefixes[FORM_PREFIXES]);
    PART(to, from, raw.encoding2, raw.imm[1]);
}

static void copy_form(struct insn *to, const struct form *from)
{
    _Static_assert(sizeof(from->z) % 8 == 0 && sizeof(from->ops[0]) % 8 == 0, "copied by words");
    to->mnemonic = from->mnemonic;
    to->op_bytes = from->op_bytes;
    to->addr_bytes = from->addr_bytes;
    to->stack_bytes = from->stack_bytes;
    copy_decoded(&to->z, &from->z);
    for (unsigned n = 0; n < from->z.operand_count; n++)
        copy_words(&to->ops[n], &from->ops[n], sizeof(from->ops[0]) / 8);
}

bool insn_form_decode(const struct insn_forms *f, const uint8_t *bytes, unsigned len, struct insn *ret,
                      uint32_t *ret_key)
{
    struct parts p;
    take_bytes(ret->bytes, bytes, len); /* another CPU may write them meanwhile */
    *ret_key = 0;
    if (!take_apart(&p, ret->bytes, len))
        return false;
    const struct form *form = find(f, p.key);
    if (!form) {
        *ret_key = p.key;
        return false;
    }
    copy_form(ret, form);
    ret->len = p.len;
    set_raw(&p, ret);
    set_registers(form, &p, ret);
    if (form->mem_op < FORM_OPS)
        set_memory(&p, ret, &ret->ops[form->mem_op]);
    set_immediate(form, &p, ret);
    return true;
}

/* ---- learning ---- */

static bool note_register(struct form *f, unsigned n, const ZydisDecodedOperand *op)
{
    unsigned bytes, shift;
    switch (op->encoding) {
    case ZYDIS_OPERAND_ENCODING_MODRM_REG:
        f->regs[f->nr_regs].from = FROM_REG;
        break;
    case ZYDIS_OPERAND_ENCODING_MODRM_RM:
        f->regs[f->nr_regs].from = FROM_RM;
        break;
    case ZYDIS_OPERAND_ENCODING_OPCODE:
        f->regs[f->nr_regs].from = FROM_OPCODE;
        break;
    case ZYDIS_OPERAND_ENCODING_NONE:
        return true;
    default:
        return false;
    }
    unsigned number = operand_gpr(op->reg.value, &bytes, &shift);
    if (number > R15)
        return false;
    f->regs[f->nr_regs].op = (uint8_t)n;
    f->regs[f->nr_regs++].base = bytes == 1 ? 0 : (uint16_t)(op->reg.value - number);
    return true;
}

static bool note_operand(struct form *f, unsigned n)
{
    const ZydisDecodedOperand *op = &f->ops[n];
    switch (op->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        return note_register(f, n, op);
    case ZYDIS_OPERAND_TYPE_MEMORY:
        if (op->encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM)
            f->mem_op = (uint8_t)n;
        return op->encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM || op->encoding == ZYDIS_OPERAND_ENCODING_NONE;
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        if (op->encoding != ZYDIS_OPERAND_ENCODING_NONE)
            f->imm_op = (uint8_t)n;
        return true;
    default:
        return false;
    }
}

void insn_form_learn(struct insn_forms *f, uint32_t key, const struct insn *i)
{
    if (f->nr + 1 >= NR_FORMS || f->nr + NR_HASH / 8 >= NR_HASH || i->z.operand_count > FORM_OPS)
        return;
    struct form *form = &f->forms[f->nr + 1];
    form->key = key;
    form->mnemonic = i->mnemonic;
    form->op_bytes = i->op_bytes;
    form->addr_bytes = i->addr_bytes;
    form->stack_bytes = i->stack_bytes;
    form->imm_op = form->mem_op = FORM_OPS;
    form->nr_regs = 0;
    copy_words(&form->z, &i->z, sizeof(form->z) / 8);
    copy_words(form->ops, i->ops, i->z.operand_count * sizeof(form->ops[0]) / 8);
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (!note_operand(form, n))
            return;
    uint32_t h = key * 0x9e3779b1u >> 22;
    while (f->hash[h])
        h = (h + 1) % NR_HASH;
    f->hash[h] = (uint16_t)++f->nr;
}
