// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * excp: exceptions and interrupts on their way into the guest's handlers.
 *
 * Source: Intel SDM vol. 3A, 6.12 (protected mode), 6.13 (error code), 6.14 (64-bit), 6.15 (double
 * fault), 20.1.4 (real mode), 20.2 (virtual-8086). Left out: VME's redirection bitmap.
 */
#include "cpu/soft/seg.h"

struct event {
    uint8_t vector;
    bool has_error;
    uint32_t error;
    bool soft;    /* INT n, INT3, INTO: the gate's DPL counts */
    bool fault;   /* restarts the instruction: RF is set in the saved flags */
    unsigned ext; /* EXT bit of error codes raised meanwhile */
    uint64_t rip; /* return address */
};

struct gate {
    uint16_t attr, sel;
    uint64_t off;
    unsigned ist;
};

static void read_gate(struct vcpu *v, const struct event *ev, struct gate *g)
{
    unsigned size = long_mode(v) ? 16 : 8;
    uint32_t at = ev->vector * size, error = ev->vector * 8u + 2 + ev->ext;
    uint64_t raw[2] = {0, 0};
    if (at + size - 1 > v->idt.limit)
        soft_fault_code(v, EXC_GP, error);
    mmu_read_sys(v, v->idt.base + at, raw, size);
    g->attr = (uint16_t)(raw[0] >> 40 & 0xff);
    g->sel = (uint16_t)(raw[0] >> 16);
    g->off = (raw[0] & 0xffff) | (raw[0] >> 32 & 0xffff0000) | raw[1] << 32;
    g->ist = (unsigned)(raw[0] >> 32 & 7);
    unsigned type = g->attr & 0x1f;
    bool ok = type == SYS_INT32 || type == SYS_TRAP32;
    if (!long_mode(v))
        ok = ok || type == SYS_INT16 || type == SYS_TRAP16 || type == SYS_TASK_GATE;
    if (!ok || (ev->soft && (unsigned)(g->attr >> 5 & 3) < vcpu_cpl(v)))
        soft_fault_code(v, EXC_GP, error);
    if (!(g->attr & ATTR_P))
        soft_fault_code(v, EXC_NP, error);
}

/* The handler's segment; returns the privilege it runs at. */
static unsigned check_handler(struct vcpu *v, const struct event *ev, const struct gate *g, struct desc *cs)
{
    uint32_t error = (g->sel & ~3u) | ev->ext;
    if (sel_is_null(g->sel))
        soft_fault_code(v, EXC_GP, ev->ext);
    desc_read(v, g->sel, EXC_GP, ev->ext, cs);
    if (!desc_is_code(cs) || desc_dpl(cs) > vcpu_cpl(v))
        soft_fault_code(v, EXC_GP, error);
    if (long_mode(v) && (desc_attr(cs) & (ATTR_L | ATTR_DB)) != ATTR_L)
        soft_fault_code(v, EXC_GP, error);
    if (!desc_present(cs))
        soft_fault_code(v, EXC_NP, error);
    return desc_conforms(cs) ? vcpu_cpl(v) : desc_dpl(cs);
}

static uint64_t saved_flags(const struct vcpu *v, const struct event *ev)
{
    return (v->rflags & ~(uint64_t)FL_RF) | (ev->fault ? FL_RF : 0) | 2;
}

static void enter_flags(struct vcpu *v, const struct gate *g)
{
    v->rflags &= ~(uint64_t)(FL_TF | FL_NT | FL_RF | FL_VM);
    if (!(g->attr & 1)) /* interrupt gate, not trap gate */
        v->rflags &= ~(uint64_t)FL_IF;
}

static void deliver_long(struct vcpu *v, const struct event *ev, const struct gate *g)
{
    struct desc cs;
    unsigned cpl = check_handler(v, ev, g, &cs), old_cpl = vcpu_cpl(v);
    struct stack s = {.sp = v->gpr[RSP], .mask = UINT64_MAX, .flat = true, .sys = cpl < 3};
    if (g->ist)
        s.sp = tss_rsp(v, 3 + g->ist, ev->ext);
    else if (cpl < old_cpl)
        s.sp = tss_rsp(v, cpl, ev->ext);
    s.sp &= ~15ull;
    stack_push(v, &s, v->seg[SEG_SS].sel, 8);
    stack_push(v, &s, v->gpr[RSP], 8);
    stack_push(v, &s, saved_flags(v, ev), 8);
    stack_push(v, &s, v->seg[SEG_CS].sel, 8);
    stack_push(v, &s, ev->rip, 8);
    if (ev->has_error)
        stack_push(v, &s, ev->error, 8);
    if (!va_canonical(g->off))
        soft_fault_code(v, EXC_GP, ev->ext);
    desc_set_accessed(v, &cs);
    stack_commit(v, &s);
    enter_flags(v, g);
    if (cpl < old_cpl)
        seg_null_ss(v, cpl, (uint16_t)cpl);
    seg_commit_cs(v, &cs, cpl, g->off);
}

static void push_vm86(struct vcpu *v, struct stack *s, unsigned bytes)
{
    stack_push(v, s, v->seg[SEG_GS].sel, bytes);
    stack_push(v, s, v->seg[SEG_FS].sel, bytes);
    stack_push(v, s, v->seg[SEG_DS].sel, bytes);
    stack_push(v, s, v->seg[SEG_ES].sel, bytes);
}

static void deliver_protected(struct vcpu *v, const struct event *ev, const struct gate *g)
{
    static const uint8_t data[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};
    struct desc cs, ss;
    unsigned cpl = check_handler(v, ev, g, &cs), old_cpl = vcpu_cpl(v), bytes = g->attr & 8 ? 4 : 2;
    bool inner = cpl < old_cpl, vm86 = v->rflags & FL_VM;
    if (vm86 && cpl != 0)
        soft_fault_code(v, EXC_GP, (g->sel & ~3u) | ev->ext);
    struct stack s = inner ? tss_stack(v, cpl, ev->ext, &ss) : stack_now(v);
    if (vm86)
        push_vm86(v, &s, bytes);
    if (inner) {
        stack_push(v, &s, v->seg[SEG_SS].sel, bytes);
        stack_push(v, &s, v->gpr[RSP], bytes);
    }
    stack_push(v, &s, saved_flags(v, ev), bytes);
    stack_push(v, &s, v->seg[SEG_CS].sel, bytes);
    stack_push(v, &s, ev->rip, bytes);
    if (ev->has_error)
        stack_push(v, &s, ev->error, bytes);
    uint64_t off = bytes == 2 ? g->off & 0xffff : g->off & 0xffffffff;
    if (off > desc_seg(&cs).limit)
        soft_fault_code(v, EXC_GP, ev->ext);
    desc_set_accessed(v, &cs);
    if (inner)
        desc_set_accessed(v, &ss);
    enter_flags(v, g);
    if (inner)
        v->seg[SEG_SS] = desc_seg(&ss);
    for (unsigned i = 0; vm86 && i < sizeof(data); i++)
        v->seg[data[i]] = (struct seg){.unusable = true};
    stack_commit(v, &s);
    seg_commit_cs(v, &cs, cpl, off);
}

static void deliver_real(struct vcpu *v, const struct event *ev)
{
    uint16_t to[2];
    if (ev->vector * 4u + 3 > v->idt.limit)
        soft_fault_code(v, EXC_GP, ev->vector * 8u + 2 + ev->ext);
    mmu_read_sys(v, v->idt.base + ev->vector * 4u, to, sizeof(to));
    struct stack s = stack_now(v);
    stack_push(v, &s, v->rflags | 2, 2);
    stack_push(v, &s, v->seg[SEG_CS].sel, 2);
    stack_push(v, &s, ev->rip, 2);
    stack_commit(v, &s);
    v->rflags &= ~(uint64_t)(FL_IF | FL_TF | FL_AC | FL_RF);
    seg_set_real(v, SEG_CS, to[1]);
    v->rip = to[0];
}

static void deliver(struct vcpu *v, void *arg)
{
    const struct event *ev = arg;
    if (!(v->cr0 & CR0_PE)) {
        deliver_real(v, ev);
        return;
    }
    struct gate g;
    read_gate(v, ev, &g);
    if ((g.attr & 0x1f) == SYS_TASK_GATE)
        task_switch(v, g.sel, TASK_EVENT, ev->rip, ev->has_error, ev->error);
    else if (long_mode(v))
        deliver_long(v, ev, &g);
    else
        deliver_protected(v, ev, &g);
}

static bool contributory(unsigned vector)
{
    return vector == EXC_DE || (vector >= EXC_TS && vector <= EXC_GP);
}

/* Was the second fault, met while the first was delivered, one too many? SDM vol. 3A, table 6-5. */
static bool doubles(unsigned first, unsigned second)
{
    if (contributory(first))
        return contributory(second);
    return (first == EXC_PF || first == EXC_DF) && (contributory(second) || second == EXC_PF);
}

static bool is_fault(unsigned vector, bool external)
{
    return !external && vector != EXC_NMI && vector != EXC_BP && vector != EXC_OF && vector != EXC_DB &&
           vector != EXC_DF;
}

bool soft_deliver(struct vcpu *v, unsigned vector, bool has_error, uint32_t error, bool external)
{
    struct event ev = {
        .vector = (uint8_t)vector,
        .has_error = has_error,
        .error = error,
        .fault = is_fault(vector, external) || (vector == EXC_DB && v->exc.fault),
        .ext = 1,
        .rip = v->rip,
    };
    if (!external)
        cpu_count(vector == EXC_PF ? &v->stats.page_faults : &v->stats.exceptions);
    for (;;) {
        if (ev.vector == EXC_PF && !external)
            v->cr2 = v->exc.addr;
        if (ev.vector == EXC_DB && !external) {
            v->dr[6] |= v->exc.addr;
            v->dr[7] &= ~(uint64_t)DR7_GD;
            v->exc.fault = false;
        }
        if (!(v->cr0 & CR0_PE))
            ev.has_error = false;
        if (soft_try(v, deliver, &ev))
            return true;
        if (v->exc.vector ==
            EXC_PF) /* also where it becomes a double fault: guests look for a full stack there */
            v->cr2 = v->exc.addr;
        bool exception = !external && ev.vector < 32;
        if (exception && doubles(ev.vector, v->exc.vector)) {
            if (ev.vector == EXC_DF)
                return false;
            ev = (struct event){.vector = EXC_DF, .has_error = true, .ext = 1, .rip = v->rip};
        } else {
            ev = (struct event){
                .vector = v->exc.vector,
                .has_error = v->exc.has_error,
                .error = v->exc.error,
                .fault = true,
                .ext = 1,
                .rip = v->rip,
            };
        }
        external = false;
    }
}

void soft_int(struct vcpu *v, unsigned vector, uint64_t next_rip)
{
    struct event ev = {.vector = (uint8_t)vector, .soft = true, .rip = next_rip};
    if (v->rflags & FL_VM && v->cr0 & CR0_PE && (v->rflags & FL_IOPL) != FL_IOPL && vector != EXC_BP &&
        vector != EXC_OF)
        soft_fault_code(v, EXC_GP, 0);
    deliver(v, &ev);
    v->event_taken = true;
}
