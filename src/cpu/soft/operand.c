// SPDX-License-Identifier: GPL-2.0-or-later
/* operand: see operand.h. */
#include "cpu/soft/operand.h"

unsigned operand_gpr(ZydisRegister r, unsigned *ret_bytes, unsigned *ret_shift)
{
    unsigned n = r;
    *ret_shift = 0;
    if (n >= ZYDIS_REGISTER_RAX && n <= ZYDIS_REGISTER_R15) {
        *ret_bytes = 8;
        return n - ZYDIS_REGISTER_RAX;
    }
    if (n >= ZYDIS_REGISTER_EAX && n <= ZYDIS_REGISTER_R15D) {
        *ret_bytes = 4;
        return n - ZYDIS_REGISTER_EAX;
    }
    if (n >= ZYDIS_REGISTER_AX && n <= ZYDIS_REGISTER_R15W) {
        *ret_bytes = 2;
        return n - ZYDIS_REGISTER_AX;
    }
    *ret_bytes = 1;
    if (n >= ZYDIS_REGISTER_AH && n <= ZYDIS_REGISTER_BH) {
        *ret_shift = 8;
        return n - ZYDIS_REGISTER_AH;
    }
    if (n >= ZYDIS_REGISTER_SPL && n <= ZYDIS_REGISTER_R15B) /* SPL BPL SIL DIL R8B ... */
        return n - ZYDIS_REGISTER_SPL + RSP;
    if (n >= ZYDIS_REGISTER_AL && n <= ZYDIS_REGISTER_BL)
        return n - ZYDIS_REGISTER_AL;
    return 16;
}

unsigned operand_seg(ZydisRegister r)
{
    return (unsigned)r - ZYDIS_REGISTER_ES;
}

static uint64_t low_bytes(uint64_t val, unsigned bytes)
{
    return bytes >= 8 ? val : val & ((1ull << bytes * 8) - 1);
}

uint64_t gpr_read(const struct vcpu *v, unsigned reg, unsigned bytes)
{
    return low_bytes(v->gpr[reg], bytes);
}

void gpr_write(struct vcpu *v, unsigned reg, unsigned bytes, uint64_t val)
{
    if (bytes >= 4)
        v->gpr[reg] = low_bytes(val, bytes);
    else
        v->gpr[reg] = (v->gpr[reg] & ~((1ull << bytes * 8) - 1)) | low_bytes(val, bytes);
}

static uint64_t address_register(const struct vcpu *v, const struct insn *i, ZydisRegister r)
{
    unsigned bytes, shift, n;
    if (r == ZYDIS_REGISTER_RIP || r == ZYDIS_REGISTER_EIP)
        return v->rip + i->len;
    n = operand_gpr(r, &bytes, &shift);
    return n < 16 ? v->gpr[n] : 0;
}

uint64_t operand_offset(const struct vcpu *v, const struct insn *i, const ZydisDecodedOperand *op)
{
    uint64_t off = address_register(v, i, op->mem.base);
    off += low_bytes(address_register(v, i, op->mem.index), i->addr_bytes) * op->mem.scale;
    if (op->mem.disp.has_displacement)
        off += (uint64_t)op->mem.disp.value;
    return low_bytes(off, i->addr_bytes);
}

uint64_t operand_linear(struct vcpu *v, const struct insn *i, const ZydisDecodedOperand *op, unsigned size,
                        enum access access)
{
    return mmu_linear(v, operand_seg(op->mem.segment), operand_offset(v, i, op), size, access);
}

uint64_t operand_read(struct vcpu *v, const struct insn *i, const ZydisDecodedOperand *op, unsigned bytes)
{
    unsigned own, shift;
    uint64_t val = 0;
    switch (op->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER: {
        unsigned n = operand_gpr(op->reg.value, &own, &shift);
        return n < 16 ? low_bytes(v->gpr[n] >> shift, bytes) : 0;
    }
    case ZYDIS_OPERAND_TYPE_MEMORY:
        mmu_read(v, operand_linear(v, i, op, bytes, ACCESS_READ), &val, bytes);
        return val;
    default:
        return low_bytes(op->imm.value.u, bytes);
    }
}

void operand_write(struct vcpu *v, const struct insn *i, const ZydisDecodedOperand *op, unsigned bytes,
                   uint64_t val)
{
    unsigned own, shift;
    if (op->type == ZYDIS_OPERAND_TYPE_MEMORY) {
        mmu_write(v, operand_linear(v, i, op, bytes, ACCESS_WRITE), &val, bytes);
        return;
    }
    unsigned n = operand_gpr(op->reg.value, &own, &shift);
    if (n < 16 && !shift)
        gpr_write(v, n, bytes, val);
}
