// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iret: the way back from a handler, in every mode.
 *
 * Source: Intel SDM vol. 2A, IRET; vol. 3A, 20.2.3 (to virtual-8086 mode), 6.7.1 (NMIs are unmasked).
 * RF is kept only while there are breakpoints.
 */
#include "cpu/soft/seg.h"
#include "cpu/soft/state.h"

/* What an IRET at cpl may change of RFLAGS. */
static uint64_t changeable(const struct vcpu *v, unsigned cpl, unsigned op_bytes)
{
    uint64_t m = FL_ARITH | FL_TF | FL_DF | FL_NT | FL_AC | FL_ID;
    if (cpl <= (v->rflags & FL_IOPL) >> 12)
        m |= FL_IF;
    if (cpl == 0)
        m |= FL_IOPL;
    if (vcpu_watched(v))
        m |= FL_RF;
    return op_bytes == 2 ? m & 0xffff : m;
}

static void load_flags(struct vcpu *v, uint64_t flags, uint64_t mask)
{
    v->rflags = (v->rflags & ~mask & ~(uint64_t)FL_RF) | (flags & mask) | 2;
}

static void iret_real(struct vcpu *v, unsigned op_bytes)
{
    bool vm86 = v->cr0 & CR0_PE;
    if (vm86 && (v->rflags & FL_IOPL) != FL_IOPL)
        soft_fault_code(v, EXC_GP, 0);
    struct stack s = stack_now(v);
    uint64_t off = stack_pop(v, &s, op_bytes);
    uint16_t sel = (uint16_t)stack_pop(v, &s, op_bytes);
    uint64_t flags = stack_pop(v, &s, op_bytes);
    if (off > v->seg[SEG_CS].limit)
        soft_fault_code(v, EXC_GP, 0);
    load_flags(v, flags, changeable(v, vm86 ? 3 : 0, op_bytes));
    seg_set_real(v, SEG_CS, sel);
    v->rip = off;
    stack_commit(v, &s);
}

static void iret_to_vm86(struct vcpu *v, struct stack *s, uint64_t off, uint16_t cs, uint64_t flags)
{
    static const uint8_t order[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};
    uint16_t sel[4];
    uint64_t rsp = stack_pop(v, s, 4);
    uint16_t ss = (uint16_t)stack_pop(v, s, 4);
    for (unsigned i = 0; i < 4; i++)
        sel[i] = (uint16_t)stack_pop(v, s, 4);
    v->rflags = (flags & FL_GUEST & ~(uint64_t)FL_RF) | FL_VM | 2;
    for (unsigned i = 0; i < 4; i++)
        seg_set_real(v, order[i], sel[i]);
    seg_set_real(v, SEG_SS, ss);
    seg_set_real(v, SEG_CS, cs);
    v->gpr[RSP] = rsp & 0xffffffff;
    v->rip = off & 0xffff;
}

static void iret_task(struct vcpu *v, uint64_t next_rip)
{
    uint16_t back;
    mmu_read_sys(v, v->seg[SEG_TR].base, &back, sizeof(back));
    task_switch(v, back, TASK_IRET, next_rip, false, 0);
}

static void iret_protected(struct vcpu *v, unsigned op_bytes)
{
    struct stack s = stack_now(v);
    unsigned old_cpl = vcpu_cpl(v);
    uint64_t off = stack_pop(v, &s, op_bytes);
    uint16_t sel = (uint16_t)stack_pop(v, &s, op_bytes);
    uint64_t flags = stack_pop(v, &s, op_bytes), rsp = 0;
    if (flags & FL_VM && old_cpl == 0 && op_bytes == 4 && !long_mode(v)) {
        iret_to_vm86(v, &s, off, sel, flags);
        return;
    }
    struct desc cs, ss;
    uint16_t ss_sel = 0;
    bool outer = (sel & 3u) > old_cpl, with_ss = outer || v->mode & MODE_LONG64, has_ss = false;
    seg_check_return(v, sel, &cs);
    if (with_ss) {
        rsp = stack_pop(v, &s, op_bytes);
        ss_sel = (uint16_t)stack_pop(v, &s, op_bytes);
        has_ss = seg_check_outer_ss(v, ss_sel, &cs, &ss);
    }
    seg_check_offset(v, &cs, off);
    desc_set_accessed(v, &cs);
    if (has_ss)
        desc_set_accessed(v, &ss);
    load_flags(v, flags, changeable(v, old_cpl, op_bytes));
    if (with_ss)
        seg_commit_outer(v, &cs, &ss, has_ss, ss_sel, rsp);
    else
        stack_commit(v, &s);
    if (outer)
        seg_drop_inner(v, sel & 3);
    seg_commit_cs(v, &cs, sel & 3, off);
}

void soft_iret(struct vcpu *v, unsigned op_bytes, uint64_t next_rip)
{
    if (real_like(v))
        iret_real(v, op_bytes);
    else if (v->rflags & FL_NT) {
        if (long_mode(v))
            soft_fault_code(v, EXC_GP, 0);
        iret_task(v, next_rip);
    } else
        iret_protected(v, op_bytes);
    v->nmi_masked = false;
}
