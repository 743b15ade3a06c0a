// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lapic_regs: the local APIC's registers and its timer. Source: as in lapic.c.
 * Threads: as in lapic.c.
 */
#include <string.h>

#include "dev/lapic_impl.h"

/* ---- timer: board lock held ---- */

static uint64_t tick_ns(const struct lapic *a)
{
    uint32_t d = a->reg[TIMER_DIVIDE];
    unsigned shift = ((d & 3) | (d >> 1 & 4)) + 1;
    return (uint64_t)TIMER_NS << (shift & 7);
}

static void arm(struct lapic *a)
{
    uint64_t ticks = a->reg[TIMER_INITIAL];
    if (ticks == 0 || (a->reg[LVT_TIMER] & LVT_DEADLINE)) {
        clock_timer_stop(&a->timer);
        return;
    }
    a->timer_start_ns = clock_now(a->all->clock);
    clock_timer_arm(&a->timer, a->timer_start_ns + ticks * tick_ns(a));
}

void lapic_timer_fire(void *ctx)
{
    struct lapic *a = ctx;
    uint32_t lvt = a->reg[LVT_TIMER];
    a->deadline_tsc = 0;
    if ((lvt & LVT_MODE) == LVT_PERIODIC) {
        uint64_t period = a->reg[TIMER_INITIAL] * tick_ns(a), now = clock_now(a->all->clock);
        if (period < 20000)
            period = 20000; /* a guest must not keep the loop busy with one timer */
        a->timer_start_ns = now;
        clock_timer_arm(&a->timer, now + period);
    }
    if (!(lvt & LVT_MASKED))
        lapic_accept(a, (uint8_t)lvt, false);
}

static uint32_t current_count(const struct lapic *a)
{
    uint64_t ticks = a->reg[TIMER_INITIAL];
    if (ticks == 0 || (a->reg[LVT_TIMER] & LVT_DEADLINE))
        return 0;
    uint64_t gone = (clock_now(a->all->clock) - a->timer_start_ns) / tick_ns(a);
    if (gone < ticks)
        return (uint32_t)(ticks - gone);
    return (a->reg[LVT_TIMER] & LVT_MODE) == LVT_PERIODIC ? (uint32_t)(ticks - gone % ticks) : 0;
}

static void intc_deadline_write(void *ctx, unsigned cpu, uint64_t tsc, uint64_t deadline_ns)
{
    struct lapics *l = ctx;
    struct lapic *a = &l->cpus[cpu];
    pthread_mutex_lock(l->lock);
    if ((a->reg[LVT_TIMER] & LVT_MODE) == LVT_DEADLINE) {
        a->deadline_tsc = tsc;
        if (tsc)
            clock_timer_arm(&a->timer, deadline_ns);
        else
            clock_timer_stop(&a->timer);
    }
    pthread_mutex_unlock(l->lock);
}

static uint64_t intc_deadline_read(void *ctx, unsigned cpu)
{
    struct lapics *l = ctx;
    pthread_mutex_lock(l->lock);
    uint64_t tsc = l->cpus[cpu].deadline_tsc;
    pthread_mutex_unlock(l->lock);
    return tsc;
}

/* ---- registers ---- */

static bool intc_read(void *ctx, unsigned cpu, unsigned reg, uint64_t *ret)
{
    struct lapics *l = ctx;
    struct lapic *a = &l->cpus[cpu];
    if (reg >= NR_REGS || reg == EOI || reg == SELF_IPI)
        return false;
    switch (reg) {
    case ICR:
        *ret = a->icr;
        break;
    case PPR:
        *ret = lapic_ppr(a);
        break;
    case TIMER_CURRENT:
        pthread_mutex_lock(l->lock);
        *ret = current_count(a);
        pthread_mutex_unlock(l->lock);
        break;
    default:
        *ret = a->reg[reg];
    }
    return true;
}

static void write_timer(struct lapic *a, unsigned reg, uint32_t val)
{
    pthread_mutex_lock(a->all->lock);
    bool mode_changed = reg == LVT_TIMER && ((a->reg[LVT_TIMER] ^ val) & LVT_MODE);
    a->reg[reg] = val;
    if (mode_changed) {
        a->reg[TIMER_INITIAL] = 0;
        a->deadline_tsc = 0;
    }
    if (mode_changed || reg != LVT_TIMER)
        arm(a);
    pthread_mutex_unlock(a->all->lock);
}

static void write_svr(struct lapic *a, uint32_t val)
{
    a->reg[SVR] = val & 0x1ff;
    if (val & SVR_ENABLE)
        return;
    for (unsigned i = LVT_TIMER; i <= LVT_ERROR; i++)
        a->reg[i] |= LVT_MASKED;
}

static bool intc_write(void *ctx, unsigned cpu, unsigned reg, uint64_t wide)
{
    struct lapics *l = ctx;
    struct lapic *a = &l->cpus[cpu];
    uint32_t val = (uint32_t)wide;
    switch (reg) {
    case TPR:
        a->reg[TPR] = val & 0xff;
        break;
    case EOI:
        lapic_eoi(a);
        break;
    case LDR:
        if (lapic_x2apic(a))
            return false;
        a->reg[LDR] = val & 0xff000000;
        break;
    case DFR:
        if (lapic_x2apic(a))
            return false;
        a->reg[DFR] = val | 0x0fffffff;
        break;
    case SVR:
        write_svr(a, val);
        break;
    case ESR:
        a->reg[ESR] = 0;
        break;
    case ICR:
        lapic_write_icr(a, wide);
        break;
    case LVT_TIMER:
        write_timer(a, reg, val & (LVT_MODE | LVT_MASKED | 0xff));
        break;
    case TIMER_INITIAL:
    case TIMER_DIVIDE:
        write_timer(a, reg, val);
        break;
    case LVT_THERMAL:
    case LVT_PERF:
    case LVT_LINT0:
    case LVT_LINT1:
    case LVT_ERROR:
        a->reg[reg] = (val & 0x1a7ff) | (a->reg[SVR] & SVR_ENABLE ? 0 : LVT_MASKED);
        break;
    case SELF_IPI:
        if (!lapic_x2apic(a))
            return false;
        lapic_accept(a, (uint8_t)val, false);
        break;
    default:
        return false;
    }
    return true;
}

/* ---- reset, base, TPR ---- */

static void intc_reset(void *ctx, unsigned cpu)
{
    struct lapics *l = ctx;
    struct lapic *a = &l->cpus[cpu];
    for (unsigned i = 0; i < NR_REGS; i++)
        a->reg[i] = 0;
    a->reg[ID] = cpu;
    a->reg[VERSION] = 0x50014; /* integrated, 6 LVT entries */
    a->reg[DFR] = UINT32_MAX;
    a->reg[LDR] = lapic_x2apic(a) ? cpu >> 4 << 16 | 1u << (cpu & 15) : 0;
    a->reg[SVR] = 0xff;
    for (unsigned i = LVT_TIMER; i <= LVT_ERROR; i++)
        a->reg[i] = LVT_MASKED;
    a->icr = 0;
    pthread_mutex_lock(l->lock);
    a->deadline_tsc = 0;
    clock_timer_stop(&a->timer);
    pthread_mutex_unlock(l->lock);
}

static uint64_t intc_base_read(void *ctx, unsigned cpu)
{
    return ((struct lapics *)ctx)->cpus[cpu].base;
}

static bool intc_base_write(void *ctx, unsigned cpu, uint64_t val)
{
    struct lapic *a = &((struct lapics *)ctx)->cpus[cpu];
    uint64_t mode = val & (BASE_ENABLE | BASE_X2APIC), old = a->base & (BASE_ENABLE | BASE_X2APIC);
    if (val & ~(0xffffff000ull | BASE_BSP | BASE_ENABLE | BASE_X2APIC) || mode == BASE_X2APIC)
        return false;
    if (old == (BASE_ENABLE | BASE_X2APIC) && mode == BASE_ENABLE)
        return false; /* x2APIC to xAPIC only through disabled */
    a->base = val;
    if (mode == (BASE_ENABLE | BASE_X2APIC) && old != mode)
        a->reg[LDR] = cpu >> 4 << 16 | 1u << (cpu & 15);
    if (mode == 0 && old != 0)
        intc_reset(ctx, cpu);
    return true;
}

static uint8_t intc_tpr_read(void *ctx, unsigned cpu)
{
    return (uint8_t)(((struct lapics *)ctx)->cpus[cpu].reg[TPR] >> 4);
}

static void intc_tpr_write(void *ctx, unsigned cpu, uint8_t cr8)
{
    ((struct lapics *)ctx)->cpus[cpu].reg[TPR] = (uint32_t)(cr8 & 15) << 4;
}

/* ---- KVM's form: the 1 KiB of xAPIC registers ---- */

static bool intc_state_get(void *ctx, unsigned cpu, struct kvm_lapic_state *ret)
{
    const struct lapic *a = &((struct lapics *)ctx)->cpus[cpu];
    memset(ret, 0, sizeof(*ret));
    for (unsigned i = 0; i < NR_REGS; i++) {
        uint32_t val = a->reg[i];
        if (i == ID && !lapic_x2apic(a))
            val <<= 24;
        memcpy(ret->regs + 16 * i, &val, 4);
    }
    uint64_t icr = a->icr;
    uint32_t high = (uint32_t)(icr >> 32) << (lapic_x2apic(a) ? 0 : 24);
    memcpy(ret->regs + 16 * ICR, &icr, 4);
    memcpy(ret->regs + 16 * (ICR + 1), &high, 4);
    return true;
}

static bool intc_state_set(void *ctx, unsigned cpu, const struct kvm_lapic_state *s)
{
    struct lapics *l = ctx;
    struct lapic *a = &l->cpus[cpu];
    for (unsigned i = 0; i < NR_REGS; i++) {
        uint32_t val;
        memcpy(&val, s->regs + 16 * i, 4);
        if (i != ID && i != VERSION && i != ICR && i != ICR + 1)
            a->reg[i] = val;
    }
    uint32_t low, high;
    memcpy(&low, s->regs + 16 * ICR, 4);
    memcpy(&high, s->regs + 16 * (ICR + 1), 4);
    a->icr = low | (uint64_t)(lapic_x2apic(a) ? high : high >> 24) << 32;
    pthread_mutex_lock(l->lock);
    arm(a);
    pthread_mutex_unlock(l->lock);
    return true;
}

void lapic_regs_ops(struct cpu_intc *intc)
{
    intc->apic_read = intc_read;
    intc->apic_write = intc_write;
    intc->base_read = intc_base_read;
    intc->base_write = intc_base_write;
    intc->tpr_read = intc_tpr_read;
    intc->tpr_write = intc_tpr_write;
    intc->deadline_write = intc_deadline_write;
    intc->deadline_read = intc_deadline_read;
    intc->reset = intc_reset;
    intc->state_get = intc_state_get;
    intc->state_set = intc_state_set;
}
