// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * far: control transfers that change CS: far jmp, call, ret, and call gates.
 *
 * Source: Intel SDM vol. 3A, 5.8 (privilege checks), 5.8.3 and 5.8.3.1 (call gates), vol. 2A CALL, JMP, vol.
 * 2B RET.
 */
#include "cpu/soft/seg.h"

void seg_check_offset(struct vcpu *v, const struct desc *cs, uint64_t off)
{
    bool to64 = long_mode(v) && desc_attr(cs) & ATTR_L;
    if (to64 ? !va_canonical(off) : off > desc_seg(cs).limit)
        soft_fault_code(v, EXC_GP, 0);
}

void seg_commit_cs(struct vcpu *v, struct desc *d, unsigned cpl, uint64_t rip)
{
    struct seg cs = desc_seg(d);
    cs.sel = (uint16_t)((d->sel & ~3u) | cpl);
    v->seg[SEG_CS] = cs;
    v->rip = rip;
    mode_update(v);
}

static void check_long_bits(struct vcpu *v, const struct desc *d)
{
    if (long_mode(v) && (desc_attr(d) & (ATTR_L | ATTR_DB)) == (ATTR_L | ATTR_DB))
        soft_fault_code(v, EXC_GP, d->sel & ~3u);
}

static void check_present(struct vcpu *v, const struct desc *d)
{
    if (!desc_present(d))
        soft_fault_code(v, EXC_NP, d->sel & ~3u);
}

/* A code segment reached directly by jmp or call: privilege stays. */
static void check_direct(struct vcpu *v, const struct desc *d)
{
    unsigned cpl = vcpu_cpl(v), dpl = desc_dpl(d);
    bool ok = desc_conforms(d) ? dpl <= cpl : (d->sel & 3u) <= cpl && dpl == cpl;
    if (!ok)
        soft_fault_code(v, EXC_GP, d->sel & ~3u);
    check_long_bits(v, d);
    check_present(v, d);
}

/* jmp and call name a target by seg_far_jmp's arguments; who is not a code segment goes on here. */
static bool is_gate(const struct vcpu *v, const struct desc *d)
{
    unsigned type = desc_system(d);
    return type == SYS_CALL32 || (type == SYS_CALL16 && !long_mode(v));
}

static bool is_task(const struct vcpu *v, const struct desc *d)
{
    unsigned type = desc_system(d);
    return !long_mode(v) && (type == SYS_TASK_GATE || type == SYS_TSS16 || type == SYS_TSS32);
}

static void check_gate_rights(struct vcpu *v, const struct desc *d)
{
    if (desc_dpl(d) < vcpu_cpl(v) || desc_dpl(d) < (d->sel & 3u))
        soft_fault_code(v, EXC_GP, d->sel & ~3u);
    check_present(v, d);
}

static void far_task(struct vcpu *v, const struct desc *d, enum task_switch why, uint64_t next_rip)
{
    check_gate_rights(v, d);
    uint16_t sel = desc_system(d) == SYS_TASK_GATE ? (uint16_t)(d->raw >> 16) : d->sel;
    task_switch(v, sel, why, next_rip, false, 0);
}

struct call_gate {
    uint64_t off;
    unsigned bytes;  /* of a stack slot */
    unsigned params; /* copied to the inner stack */
    struct desc cs;
};

static void read_call_gate(struct vcpu *v, const struct desc *d, struct call_gate *g)
{
    check_gate_rights(v, d);
    g->off = (d->raw & 0xffff) | (d->raw >> 32 & 0xffff0000);
    g->bytes = desc_system(d) == SYS_CALL32 ? 4 : 2;
    g->params = (unsigned)(d->raw >> 32 & 31);
    if (long_mode(v)) {
        g->off |= desc_read_high(v, d) << 32;
        g->bytes = 8;
        g->params = 0;
    } else if (g->bytes == 2) {
        g->off &= 0xffff;
    }
    uint16_t sel = (uint16_t)(d->raw >> 16);
    if (sel_is_null(sel))
        soft_fault_code(v, EXC_GP, 0);
    desc_read(v, sel, EXC_GP, 0, &g->cs);
    if (!desc_is_code(&g->cs) || desc_dpl(&g->cs) > vcpu_cpl(v))
        soft_fault_code(v, EXC_GP, sel & ~3u);
    if (long_mode(v) && (desc_attr(&g->cs) & (ATTR_L | ATTR_DB)) != ATTR_L)
        soft_fault_code(v, EXC_GP, sel & ~3u);
    check_present(v, &g->cs);
}

static void real_jump(struct vcpu *v, uint16_t sel, uint64_t off)
{
    if (off > v->seg[SEG_CS].limit)
        soft_fault_code(v, EXC_GP, 0);
    seg_set_real(v, SEG_CS, sel);
    v->rip = off;
}

static uint64_t trim(uint64_t off, unsigned op_bytes)
{
    return op_bytes == 2 ? off & 0xffff : op_bytes == 4 ? off & 0xffffffff : off;
}

void seg_far_jmp(struct vcpu *v, uint16_t sel, uint64_t off, unsigned op_bytes, uint64_t next_rip)
{
    off = trim(off, op_bytes);
    if (real_like(v)) {
        real_jump(v, sel, off);
        return;
    }
    struct desc d;
    if (sel_is_null(sel))
        soft_fault_code(v, EXC_GP, 0);
    desc_read(v, sel, EXC_GP, 0, &d);
    if (desc_is_code(&d)) {
        check_direct(v, &d);
    } else if (is_gate(v, &d)) {
        struct call_gate g;
        read_call_gate(v, &d, &g);
        if (!desc_conforms(&g.cs) && desc_dpl(&g.cs) != vcpu_cpl(v))
            soft_fault_code(v, EXC_GP, g.cs.sel & ~3u);
        off = g.off;
        d = g.cs;
    } else if (is_task(v, &d)) {
        far_task(v, &d, TASK_JMP, next_rip);
        return;
    } else {
        soft_fault_code(v, EXC_GP, sel & ~3u);
    }
    seg_check_offset(v, &d, off);
    desc_set_accessed(v, &d);
    seg_commit_cs(v, &d, vcpu_cpl(v), off);
}

static void call_same(struct vcpu *v, struct desc *d, uint64_t off, unsigned bytes, uint64_t next_rip)
{
    struct stack s = stack_now(v);
    stack_push(v, &s, v->seg[SEG_CS].sel, bytes);
    stack_push(v, &s, next_rip, bytes);
    seg_check_offset(v, d, off);
    desc_set_accessed(v, d);
    stack_commit(v, &s);
    seg_commit_cs(v, d, vcpu_cpl(v), off);
}

static void call_inner(struct vcpu *v, struct call_gate *g, uint64_t next_rip)
{
    struct desc ss;
    unsigned cpl = desc_dpl(&g->cs);
    uint64_t params[31];
    struct stack outer = stack_now(v), s;
    if (long_mode(v))
        s = (struct stack){.sp = tss_rsp(v, cpl, 0), .mask = UINT64_MAX, .flat = true, .sys = true};
    else
        s = tss_stack(v, cpl, 0, &ss);
    for (unsigned i = 0; i < g->params; i++)
        params[i] = stack_pop(v, &outer, g->bytes);
    stack_push(v, &s, v->seg[SEG_SS].sel, g->bytes);
    stack_push(v, &s, v->gpr[RSP], g->bytes);
    for (unsigned i = g->params; i-- > 0;)
        stack_push(v, &s, params[i], g->bytes);
    stack_push(v, &s, v->seg[SEG_CS].sel, g->bytes);
    stack_push(v, &s, next_rip, g->bytes);
    seg_check_offset(v, &g->cs, g->off);
    desc_set_accessed(v, &g->cs);
    if (long_mode(v)) {
        seg_null_ss(v, cpl, (uint16_t)cpl);
    } else {
        desc_set_accessed(v, &ss);
        v->seg[SEG_SS] = desc_seg(&ss);
    }
    stack_commit(v, &s);
    seg_commit_cs(v, &g->cs, cpl, g->off);
}

void seg_far_call(struct vcpu *v, uint16_t sel, uint64_t off, unsigned op_bytes, uint64_t next_rip)
{
    off = trim(off, op_bytes);
    if (real_like(v)) {
        struct stack s = stack_now(v);
        stack_push(v, &s, v->seg[SEG_CS].sel, op_bytes);
        stack_push(v, &s, next_rip, op_bytes);
        real_jump(v, sel, off);
        stack_commit(v, &s);
        return;
    }
    struct desc d;
    if (sel_is_null(sel))
        soft_fault_code(v, EXC_GP, 0);
    desc_read(v, sel, EXC_GP, 0, &d);
    if (desc_is_code(&d)) {
        check_direct(v, &d);
        call_same(v, &d, off, op_bytes, next_rip);
    } else if (is_gate(v, &d)) {
        struct call_gate g;
        read_call_gate(v, &d, &g);
        if (!desc_conforms(&g.cs) && desc_dpl(&g.cs) < vcpu_cpl(v))
            call_inner(v, &g, next_rip);
        else
            call_same(v, &g.cs, g.off, g.bytes, next_rip);
    } else if (is_task(v, &d)) {
        far_task(v, &d, TASK_CALL, next_rip);
    } else {
        soft_fault_code(v, EXC_GP, sel & ~3u);
    }
}

static void ret_real(struct vcpu *v, unsigned op_bytes, unsigned pop_bytes)
{
    struct stack s = stack_now(v);
    uint64_t off = stack_pop(v, &s, op_bytes);
    uint16_t sel = (uint16_t)stack_pop(v, &s, op_bytes);
    s.sp += pop_bytes;
    real_jump(v, sel, off);
    stack_commit(v, &s);
}

void seg_check_return(struct vcpu *v, uint16_t sel, struct desc *ret)
{
    unsigned rpl = sel & 3;
    if (sel_is_null(sel))
        soft_fault_code(v, EXC_GP, 0);
    desc_read(v, sel, EXC_GP, 0, ret);
    bool ok = desc_is_code(ret) && rpl >= vcpu_cpl(v) &&
              (desc_conforms(ret) ? desc_dpl(ret) <= rpl : desc_dpl(ret) == rpl);
    if (!ok)
        soft_fault_code(v, EXC_GP, sel & ~3u);
    check_long_bits(v, ret);
    check_present(v, ret);
}

bool seg_check_outer_ss(struct vcpu *v, uint16_t sel, const struct desc *cs, struct desc *ret)
{
    unsigned cpl = cs->sel & 3;
    if (sel_is_null(sel)) {
        bool to64 = long_mode(v) && desc_attr(cs) & ATTR_L;
        if (!to64 || cpl == 3)
            soft_fault_code(v, EXC_GP, 0);
        return false;
    }
    seg_check_ss(v, sel, cpl, EXC_GP, 0, ret);
    return true;
}

void seg_commit_outer(struct vcpu *v, const struct desc *cs, const struct desc *ss, bool has_ss,
                      uint16_t ss_sel, uint64_t rsp)
{
    unsigned cpl = cs->sel & 3;
    bool to64 = long_mode(v) && desc_attr(cs) & ATTR_L;
    if (has_ss)
        v->seg[SEG_SS] = desc_seg(ss);
    else
        seg_null_ss(v, cpl, ss_sel);
    if (to64 || v->seg[SEG_SS].attr & ATTR_DB)
        v->gpr[RSP] = to64 ? rsp : rsp & 0xffffffff;
    else
        v->gpr[RSP] = (v->gpr[RSP] & ~0xffffull) | (rsp & 0xffff);
}

void seg_far_ret(struct vcpu *v, unsigned op_bytes, unsigned pop_bytes)
{
    if (real_like(v)) {
        ret_real(v, op_bytes, pop_bytes);
        return;
    }
    struct stack s = stack_now(v);
    uint64_t off = stack_pop(v, &s, op_bytes);
    uint16_t sel = (uint16_t)stack_pop(v, &s, op_bytes);
    struct desc cs, ss;
    seg_check_return(v, sel, &cs);
    s.sp += pop_bytes;
    if ((sel & 3u) == vcpu_cpl(v)) {
        seg_check_offset(v, &cs, off);
        desc_set_accessed(v, &cs);
        stack_commit(v, &s);
        seg_commit_cs(v, &cs, sel & 3, off);
        return;
    }
    uint64_t rsp = stack_pop(v, &s, op_bytes);
    uint16_t ss_sel = (uint16_t)stack_pop(v, &s, op_bytes);
    bool has_ss = seg_check_outer_ss(v, ss_sel, &cs, &ss);
    seg_check_offset(v, &cs, off);
    desc_set_accessed(v, &cs);
    if (has_ss)
        desc_set_accessed(v, &ss);
    seg_commit_outer(v, &cs, &ss, has_ss, ss_sel, rsp + pop_bytes);
    seg_drop_inner(v, sel & 3);
    seg_commit_cs(v, &cs, sel & 3, off);
}
