// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * step_rare: instructions that 64-bit mode lacks or whose memory operands are not one address: decimal
 * arithmetic, BOUND, SALC, XLAT, gathers, MASKMOV.
 *
 * Source: Intel SDM vol. 2: AAA, AAD, AAM, AAS, DAA, DAS, BOUND, XLAT, MASKMOVDQU, MASKMOVQ, VGATHERDPD ...
 * VPGATHERQQ.
 */
#include "cpu/soft/step.h"

#define XSAVE_ST   32 /* MM0..7 in the low 8 of 16 bytes each */
#define XSAVE_XMM  160
#define XSAVE_YMMH 576

/* ---- vector registers in the saved area ---- */

static uint8_t *vector_byte(struct vcpu *v, unsigned reg, unsigned byte)
{
    return v->xsave + (byte < 16 ? XSAVE_XMM : XSAVE_YMMH - 16) + 16 * reg + byte;
}

static uint64_t vector_get(struct vcpu *v, unsigned reg, unsigned index, unsigned bytes)
{
    uint64_t val = 0;
    copy_bytes(&val, vector_byte(v, reg, index * bytes), bytes);
    return val;
}

static void vector_set(struct vcpu *v, unsigned reg, unsigned index, unsigned bytes, uint64_t val)
{
    copy_bytes(vector_byte(v, reg, index * bytes), &val, bytes);
}

/* The area must hold all components, those in their initial state too. */
static void vectors_to_memory(struct vcpu *v)
{
    uint64_t present, all = v->soft->xsave_mask;
    vec_restore(v);
    vec_save(v);
    copy_bytes(&present, v->xsave + 512, 8);
    if (!(present & XCR0_SSE))
        zero_bytes(v->xsave + XSAVE_XMM, 256);
    if (all & XCR0_AVX && !(present & XCR0_AVX))
        zero_bytes(v->xsave + XSAVE_YMMH, 256);
    present |= all & (XCR0_SSE | XCR0_AVX);
    copy_bytes(v->xsave + 512, &present, 8);
}

static unsigned vector_number(ZydisRegister r)
{
    return r >= ZYDIS_REGISTER_YMM0 && r <= ZYDIS_REGISTER_YMM15 ? (unsigned)r - ZYDIS_REGISTER_YMM0
                                                                 : (unsigned)r - ZYDIS_REGISTER_XMM0;
}

/* VGATHERxxx dst, [base + index * scale], mask: elements whose mask has its top bit. A fault leaves the
 * elements before it done and their masks cleared. */
static void gather(struct vcpu *v, struct stepped *s)
{
    const struct insn *i = &s->insn;
    const ZydisDecodedOperand *mem = &i->ops[1];
    uint16_t m = i->mnemonic;
    bool index64 = m == ZYDIS_MNEMONIC_VGATHERQPS || m == ZYDIS_MNEMONIC_VGATHERQPD ||
                   m == ZYDIS_MNEMONIC_VPGATHERQD || m == ZYDIS_MNEMONIC_VPGATHERQQ;
    bool data64 = m == ZYDIS_MNEMONIC_VGATHERDPD || m == ZYDIS_MNEMONIC_VGATHERQPD ||
                  m == ZYDIS_MNEMONIC_VPGATHERDQ || m == ZYDIS_MNEMONIC_VPGATHERQQ;
    unsigned dst = vector_number(i->ops[0].reg.value), mask = vector_number(i->ops[2].reg.value);
    unsigned index = vector_number(mem->mem.index), bytes = data64 ? 8 : 4, ibytes = index64 ? 8 : 4;
    unsigned width = i->z.avx.vector_length == 256 ? 32 : 16;
    unsigned nr = width / (bytes > ibytes ? bytes : ibytes);
    native_check_vectors(v, NEED_AVX);
    if (dst == mask || dst == index || mask == index)
        soft_fault(v, EXC_UD);
    vectors_to_memory(v);
    ZydisDecodedOperand base = *mem;
    base.mem.index = ZYDIS_REGISTER_NONE;
    for (unsigned n = 0; n < nr; n++) {
        if (vector_get(v, mask, n, bytes) >> (8 * bytes - 1)) {
            uint64_t by = vector_get(v, index, n, ibytes), val = 0;
            if (ibytes == 4)
                by = (uint64_t)(int64_t)(int32_t)by;
            uint64_t off = operand_offset(v, i, &base) + by * mem->mem.scale;
            if (i->addr_bytes == 4)
                off &= 0xffffffff;
            mmu_read(v, mmu_linear(v, operand_seg(mem->mem.segment), off, bytes, ACCESS_READ), &val, bytes);
            vec_save(v);
            vector_set(v, dst, n, bytes, val);
        }
        vector_set(v, mask, n, bytes, 0);
    }
    for (unsigned n = nr * bytes / 8; n < 4; n++)
        vector_set(v, dst, n, 8, 0);
    for (unsigned n = 0; n < 4; n++)
        vector_set(v, mask, n, 8, 0);
    step_done(v, s);
}

bool is_masked_move(const struct insn *i)
{
    return i->mnemonic == ZYDIS_MNEMONIC_VMASKMOVPS || i->mnemonic == ZYDIS_MNEMONIC_VMASKMOVPD ||
           i->mnemonic == ZYDIS_MNEMONIC_VPMASKMOVD || i->mnemonic == ZYDIS_MNEMONIC_VPMASKMOVQ;
}

void masked_move(struct vcpu *v, const struct insn *i, uint64_t off)
{
    bool store = i->ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY;
    unsigned bytes =
        i->mnemonic == ZYDIS_MNEMONIC_VMASKMOVPD || i->mnemonic == ZYDIS_MNEMONIC_VPMASKMOVQ ? 8 : 4;
    unsigned nr = (i->z.avx.vector_length == 256 ? 32 : 16) / bytes,
             mask = vector_number(i->ops[1].reg.value);
    unsigned reg = vector_number(i->ops[store ? 2 : 0].reg.value);
    unsigned seg = operand_seg(i->ops[store ? 0 : 2].mem.segment);
    uint64_t val[8] = {0}, va[8];
    vectors_to_memory(v);
    for (unsigned n = 0; n < nr; n++) {
        va[n] = 0;
        if (!(vector_get(v, mask, n, bytes) >> (8 * bytes - 1)))
            continue;
        va[n] = mmu_linear(v, seg, off + n * bytes, bytes, store ? ACCESS_WRITE : ACCESS_READ);
        if (store)
            mmu_probe_write(v, va[n], bytes);
        else
            mmu_read(v, va[n], &val[n], bytes);
    }
    for (unsigned n = 0; store && n < nr; n++)
        if (va[n]) {
            val[n] = vector_get(v, reg, n, bytes);
            mmu_write(v, va[n], &val[n], bytes);
        }
    for (unsigned n = 0; !store && n < 32 / bytes; n++)
        vector_set(v, reg, n, bytes, n < nr ? val[n] : 0);
}

/* A byte of a register that MASKMOV names. MMX registers are the x87 unit's by number, its saved area has
 * them by place on the stack. Source: Intel SDM vol. 1, 9.2.1. */
static uint8_t masked_byte(struct vcpu *v, ZydisRegister r, unsigned byte)
{
    if (r < ZYDIS_REGISTER_MM0 || r > ZYDIS_REGISTER_MM7)
        return *vector_byte(v, vector_number(r), byte);
    unsigned top = v->xsave[3] >> 3 & 7, place = ((unsigned)r - ZYDIS_REGISTER_MM0 - top) & 7;
    return v->xsave[XSAVE_ST + 16 * place + byte];
}

/* MASKMOVDQU, MASKMOVQ, VMASKMOVDQU: bytes of the first register whose mask byte has its top bit, to [rDI].
 */
static void maskmov(struct vcpu *v, struct stepped *s)
{
    const struct insn *i = &s->insn;
    bool mmx = i->mnemonic == ZYDIS_MNEMONIC_MASKMOVQ;
    const ZydisDecodedOperand *mem = NULL;
    ZydisRegister reg[2] = {ZYDIS_REGISTER_NONE, ZYDIS_REGISTER_NONE};
    for (unsigned n = 0, r = 0; n < i->z.operand_count; n++) {
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_MEMORY)
            mem = &i->ops[n];
        else if (i->ops[n].type == ZYDIS_OPERAND_TYPE_REGISTER && r < 2 &&
                 i->ops[n].visibility == ZYDIS_OPERAND_VISIBILITY_EXPLICIT)
            reg[r++] = i->ops[n].reg.value;
    }
    native_check_vectors(v, native_need(i));
    if (!mem || !reg[0] || !reg[1])
        soft_fault(v, EXC_UD);
    if (mmx)
        native_check_pending(v);
    unsigned bytes = mmx ? 8 : 16;
    uint8_t from[16], mask[16];
    uint32_t unused;
    uint64_t va =
        mmu_linear(v, operand_seg(mem->mem.segment), gpr_read(v, RDI, i->addr_bytes), bytes, ACCESS_WRITE);
    vectors_to_memory(v);
    for (unsigned n = 0; n < bytes; n++) {
        from[n] = masked_byte(v, reg[0], n);
        mask[n] = masked_byte(v, reg[1], n);
    }
    mmu_probe_write(v, va, bytes); /* whatever the mask says, as AMD's processors do */
    if (mmx) { /* it is an MMX instruction after all: the x87 stack becomes flat and full */
        vec_restore(v);
        __asm__ volatile("movd %%mm0, %0" : "=r"(unused));
    }
    for (unsigned n = 0; n < bytes; n++)
        if (mask[n] & 0x80)
            mmu_write(v, va + n, &from[n], 1);
    step_done(v, s);
}

/* ---- 8086 ---- */

static void flags_of_al(struct vcpu *v)
{
    uint8_t al = (uint8_t)v->gpr[RAX];
    v->rflags &= ~(uint64_t)(FL_SF | FL_ZF | FL_PF);
    v->rflags |= (al & 0x80 ? FL_SF : 0) | (al ? 0 : FL_ZF) | (__builtin_popcount(al) & 1 ? 0 : FL_PF);
}

static void set_flag(struct vcpu *v, uint64_t flag, bool on)
{
    v->rflags = on ? v->rflags | flag : v->rflags & ~flag;
}

static void ascii_adjust(struct vcpu *v, struct stepped *s)
{
    bool add = s->insn.mnemonic == ZYDIS_MNEMONIC_AAA, carry = (v->gpr[RAX] & 15) > 9 || v->rflags & FL_AF;
    uint64_t ax = v->gpr[RAX] & 0xffff;
    if (carry)
        ax = add ? ax + 0x106 : ax - 0x106;
    gpr_write(v, RAX, 2, ax & 0xff0f);
    set_flag(v, FL_AF, carry);
    set_flag(v, FL_CF, carry);
    step_done(v, s);
}

static void decimal_adjust(struct vcpu *v, struct stepped *s)
{
    bool add = s->insn.mnemonic == ZYDIS_MNEMONIC_DAA, cf = v->rflags & FL_CF;
    unsigned old = (unsigned)v->gpr[RAX] & 0xff, al = old;
    bool low = (old & 15) > 9 || v->rflags & FL_AF, high = old > 0x99 || cf;
    bool borrow = !add && low && old < 6;
    if (low)
        al = add ? al + 6 : al - 6;
    if (high)
        al = add ? al + 0x60 : al - 0x60;
    gpr_write(v, RAX, 1, al);
    flags_of_al(v);
    set_flag(v, FL_AF, low);
    set_flag(v, FL_CF, high || borrow);
    step_done(v, s);
}

static void aam(struct vcpu *v, struct stepped *s)
{
    unsigned base = (unsigned)s->insn.ops[0].imm.value.u & 0xff, al = (unsigned)v->gpr[RAX] & 0xff;
    if (!base)
        soft_fault(v, EXC_DE);
    gpr_write(v, RAX, 2, (al / base) << 8 | al % base);
    flags_of_al(v);
    step_done(v, s);
}

static void aad(struct vcpu *v, struct stepped *s)
{
    unsigned base = (unsigned)s->insn.ops[0].imm.value.u & 0xff, ax = (unsigned)v->gpr[RAX] & 0xffff;
    gpr_write(v, RAX, 2, ((ax & 0xff) + (ax >> 8) * base) & 0xff);
    flags_of_al(v);
    step_done(v, s);
}

static void salc(struct vcpu *v, struct stepped *s)
{
    gpr_write(v, RAX, 1, v->rflags & FL_CF ? 0xff : 0);
    step_done(v, s);
}

static void xlat(struct vcpu *v, struct stepped *s)
{
    const struct insn *i = &s->insn;
    unsigned seg = SEG_DS;
    uint64_t val = 0, off = v->gpr[RBX] + (v->gpr[RAX] & 0xff);
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_MEMORY)
            seg = operand_seg(i->ops[n].mem.segment);
    if (i->addr_bytes < 8)
        off &= i->addr_bytes == 4 ? 0xffffffff : 0xffff;
    mmu_read(v, mmu_linear(v, seg, off, 1, ACCESS_READ), &val, 1);
    gpr_write(v, RAX, 1, val);
    step_done(v, s);
}

static int64_t extend(uint64_t val, unsigned bytes)
{
    return bytes == 2 ? (int64_t)(int16_t)val : (int64_t)(int32_t)val;
}

static void bound(struct vcpu *v, struct stepped *s)
{
    const struct insn *i = &s->insn;
    unsigned bytes = i->op_bytes;
    uint64_t low = 0, high = 0, va = operand_linear(v, i, &i->ops[1], 2 * bytes, ACCESS_READ);
    int64_t index = extend(operand_read(v, i, &i->ops[0], bytes), bytes);
    mmu_read(v, va, &low, bytes);
    mmu_read(v, va + bytes, &high, bytes);
    if (index < extend(low, bytes) || index > extend(high, bytes))
        soft_fault(v, EXC_BR);
    step_done(v, s);
}

step_fn *rare_handler(const struct insn *i)
{
    if (i->z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY && i->z.encoding != ZYDIS_INSTRUCTION_ENCODING_VEX)
        return NULL;
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_VGATHERDPS:
    case ZYDIS_MNEMONIC_VGATHERDPD:
    case ZYDIS_MNEMONIC_VGATHERQPS:
    case ZYDIS_MNEMONIC_VGATHERQPD:
    case ZYDIS_MNEMONIC_VPGATHERDD:
    case ZYDIS_MNEMONIC_VPGATHERDQ:
    case ZYDIS_MNEMONIC_VPGATHERQD:
    case ZYDIS_MNEMONIC_VPGATHERQQ:
        return gather;
    case ZYDIS_MNEMONIC_MASKMOVQ:
    case ZYDIS_MNEMONIC_MASKMOVDQU:
    case ZYDIS_MNEMONIC_VMASKMOVDQU:
        return maskmov;
    case ZYDIS_MNEMONIC_AAA:
    case ZYDIS_MNEMONIC_AAS:
        return ascii_adjust;
    case ZYDIS_MNEMONIC_DAA:
    case ZYDIS_MNEMONIC_DAS:
        return decimal_adjust;
    case ZYDIS_MNEMONIC_AAM:
        return aam;
    case ZYDIS_MNEMONIC_AAD:
        return aad;
    case ZYDIS_MNEMONIC_SALC:
        return salc;
    case ZYDIS_MNEMONIC_XLAT:
        return xlat;
    case ZYDIS_MNEMONIC_BOUND:
        return bound;
    default:
        return NULL;
    }
}
