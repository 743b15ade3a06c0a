// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sys_seg: segment registers by instruction, far transfers, FS and GS bases.
 *
 * Source: Intel SDM vol. 2: MOV (segment registers), PUSH, POP, LDS/LES/LFS/LGS/LSS, JMP, CALL, RET, SWAPGS,
 * RDFSBASE ... WRGSBASE.
 */
#include "cpu/soft/sys.h"

static bool is_seg(const ZydisDecodedOperand *op)
{
    return op->type == ZYDIS_OPERAND_TYPE_REGISTER && op->reg.value >= ZYDIS_REGISTER_ES &&
           op->reg.value <= ZYDIS_REGISTER_GS;
}

bool sys_mov_seg(struct vcpu *v, const struct insn *i)
{
    const ZydisDecodedOperand *to = &i->ops[0], *from = &i->ops[1];
    if (!is_seg(to)) {
        bool memory = to->type == ZYDIS_OPERAND_TYPE_MEMORY;
        operand_write(v, i, to, memory ? 2 : i->op_bytes, v->seg[operand_seg(from->reg.value)].sel);
        return sys_done(v, i);
    }
    unsigned seg = operand_seg(to->reg.value);
    if (seg == SEG_CS)
        soft_fault(v, EXC_UD);
    seg_load(v, seg, (uint16_t)operand_read(v, i, from, 2));
    if (seg == SEG_SS)
        v->shadow = v->shadow_ss = true;
    return sys_done(v, i);
}

bool sys_push(struct vcpu *v, const struct insn *i)
{
    if (!is_seg(&i->ops[0]))
        return false;
    struct stack s = stack_now(v);
    stack_push(v, &s, v->seg[operand_seg(i->ops[0].reg.value)].sel, sys_push_bytes(v, i));
    stack_commit(v, &s);
    return sys_done(v, i);
}

bool sys_pop(struct vcpu *v, const struct insn *i)
{
    if (!is_seg(&i->ops[0]))
        return false;
    unsigned seg = operand_seg(i->ops[0].reg.value);
    struct stack s = stack_now(v);
    uint16_t sel = (uint16_t)stack_pop(v, &s, sys_push_bytes(v, i));
    seg_load(v, seg, sel);
    stack_commit(v, &s);
    if (seg == SEG_SS)
        v->shadow = v->shadow_ss = true;
    return sys_done(v, i);
}

/* Offset and selector of a far pointer in memory. */
static uint16_t read_pointer(struct vcpu *v, const struct insn *i, const ZydisDecodedOperand *op,
                             uint64_t *off)
{
    uint8_t bytes[10];
    uint16_t sel;
    unsigned n = i->op_bytes;
    mmu_read(v, operand_linear(v, i, op, n + 2, ACCESS_READ), bytes, n + 2);
    *off = 0;
    copy_bytes(off, bytes, n);
    copy_bytes(&sel, bytes + n, 2);
    return sel;
}

bool sys_load_pointer(struct vcpu *v, const struct insn *i)
{
    uint64_t off;
    unsigned seg = i->mnemonic == ZYDIS_MNEMONIC_LDS   ? SEG_DS
                   : i->mnemonic == ZYDIS_MNEMONIC_LES ? SEG_ES
                   : i->mnemonic == ZYDIS_MNEMONIC_LFS ? SEG_FS
                   : i->mnemonic == ZYDIS_MNEMONIC_LGS ? SEG_GS
                                                       : SEG_SS;
    uint16_t sel = read_pointer(v, i, &i->ops[1], &off);
    seg_load(v, seg, sel);
    operand_write(v, i, &i->ops[0], i->op_bytes, off);
    return sys_done(v, i);
}

static bool is_far(const struct insn *i)
{
    return i->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
}

static uint16_t far_target(struct vcpu *v, const struct insn *i, uint64_t *off)
{
    const ZydisDecodedOperand *op = &i->ops[0];
    if (op->type == ZYDIS_OPERAND_TYPE_POINTER) {
        *off = op->ptr.offset;
        return op->ptr.segment;
    }
    return read_pointer(v, i, op, off);
}

bool sys_jmp(struct vcpu *v, const struct insn *i)
{
    uint64_t off;
    if (!is_far(i))
        return false;
    uint16_t sel = far_target(v, i, &off);
    seg_far_jmp(v, sel, off, i->op_bytes, sys_next_rip(v, i));
    return true;
}

bool sys_call(struct vcpu *v, const struct insn *i)
{
    uint64_t off;
    if (!is_far(i))
        return false;
    uint16_t sel = far_target(v, i, &off);
    seg_far_call(v, sel, off, i->op_bytes, sys_next_rip(v, i));
    return true;
}

bool sys_ret(struct vcpu *v, const struct insn *i)
{
    if (!is_far(i))
        return false;
    bool pops = i->ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
    seg_far_ret(v, i->op_bytes, pops ? (unsigned)i->ops[0].imm.value.u & 0xffff : 0);
    return true;
}

bool sys_swapgs(struct vcpu *v, const struct insn *i)
{
    if (!(v->mode & MODE_LONG64))
        soft_fault(v, EXC_UD);
    sys_need_cpl0(v);
    uint64_t base = v->seg[SEG_GS].base;
    v->seg[SEG_GS].base = v->seg_base[SEG_GS] = v->kernel_gs_base;
    v->kernel_gs_base = base;
    return sys_done(v, i);
}

static bool read_base(struct vcpu *v, const struct insn *i, unsigned seg)
{
    if (!(v->mode & MODE_LONG64) || !(v->cr4 & CR4_FSGSBASE))
        soft_fault(v, EXC_UD);
    operand_write(v, i, &i->ops[0], i->op_bytes, v->seg[seg].base);
    return sys_done(v, i);
}

static bool write_base(struct vcpu *v, const struct insn *i, unsigned seg)
{
    if (!(v->mode & MODE_LONG64) || !(v->cr4 & CR4_FSGSBASE))
        soft_fault(v, EXC_UD);
    uint64_t base = operand_read(v, i, &i->ops[0], i->op_bytes);
    if (!va_canonical(base))
        soft_fault_code(v, EXC_GP, 0);
    v->seg[seg].base = v->seg_base[seg] = base;
    return sys_done(v, i);
}

bool sys_rdfsbase(struct vcpu *v, const struct insn *i)
{
    return read_base(v, i, SEG_FS);
}

bool sys_rdgsbase(struct vcpu *v, const struct insn *i)
{
    return read_base(v, i, SEG_GS);
}

bool sys_wrfsbase(struct vcpu *v, const struct insn *i)
{
    return write_base(v, i, SEG_FS);
}

bool sys_wrgsbase(struct vcpu *v, const struct insn *i)
{
    return write_base(v, i, SEG_GS);
}
