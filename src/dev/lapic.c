// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lapic: accept, prioritise and send interrupts; a timer.
 *
 * Source: Intel SDM vol. 3A, chapter "Advanced Programmable Interrupt Controller (APIC)": registers 10.4.1
 * and 10.12.1.2, priorities 10.8.3, delivery 10.6, timer 10.5.4, SVR 10.9, LDR and DFR 10.6.2. Modelled:
 * xAPIC and x2APIC, fixed, lowest priority, NMI, INIT, SIPI and ExtINT, one-shot, periodic and TSC deadline
 * timer, virtual wire. Registers are named by their x2APIC number in both modes. Left out: SMI, error
 * interrupts, performance and thermal LVT entries do nothing. Directed EOI, focus. Threads: IRR and TMR are
 * atomic: any thread sets bits, only the CPU's own clears them. All other registers are written by the CPU's
 * own thread alone; others read them (destination matching), so they are atomic words. The timer is armed and
 * fires under the board lock.
 */
#include "dev/lapic.h"

#include <stdatomic.h>
#include <string.h>

enum {
    ID = 0x02,
    VERSION,
    TPR = 0x08,
    APR,
    PPR,
    EOI,
    RRD,
    LDR,
    DFR,
    SVR,
    ISR = 0x10,
    TMR = 0x18,
    IRR = 0x20,
    ESR = 0x28,
    ICR = 0x30,
    LVT_TIMER = 0x32,
    LVT_THERMAL,
    LVT_PERF,
    LVT_LINT0,
    LVT_LINT1,
    LVT_ERROR,
    TIMER_INITIAL,
    TIMER_CURRENT,
    TIMER_DIVIDE = 0x3e,
    SELF_IPI,
    NR_REGS
};

#define SVR_ENABLE   0x100u
#define LVT_MASKED   0x10000u
#define LVT_PERIODIC 0x20000u
#define LVT_DEADLINE 0x40000u
#define LVT_MODE     0x60000u

#define BASE_BSP    0x100u
#define BASE_X2APIC 0x400u
#define BASE_ENABLE 0x800u
#define BASE_ADDR   0xfee00000u

enum delivery { FIXED, LOWEST, SMI, RESERVED, NMI, INIT, STARTUP, EXTINT };

#define TIMER_NS 1u /* one tick of the undivided timer: 1 GHz bus clock */

struct lapic {
    struct lapics *all;
    unsigned cpu;
    _Atomic uint32_t reg[NR_REGS];
    _Atomic uint64_t icr, base;
    _Atomic bool extint; /* LINT0's level (CPU 0) */
    struct clock_timer timer;
    uint64_t timer_start_ns, deadline_tsc; /* board lock */
};

struct lapics {
    unsigned nr;
    pthread_mutex_t *lock;
    const struct clock *clock;
    struct lapic_ops ops;
    struct cpu_intc intc;
    struct lapic cpus[CPU_MAX];
};

static bool enabled(const struct lapic *a)
{
    return (a->base & BASE_ENABLE) && (a->reg[SVR] & SVR_ENABLE);
}

static bool x2apic(const struct lapic *a)
{
    return (a->base & (BASE_ENABLE | BASE_X2APIC)) == (BASE_ENABLE | BASE_X2APIC);
}

/* ---- the three 256-bit registers ---- */

static void set_bit(_Atomic uint32_t *set, uint8_t vector)
{
    atomic_fetch_or(&set[vector / 32], 1u << vector % 32);
}

static void clear_bit(_Atomic uint32_t *set, uint8_t vector)
{
    atomic_fetch_and(&set[vector / 32], ~(1u << vector % 32));
}

static bool test_bit(const _Atomic uint32_t *set, uint8_t vector)
{
    return set[vector / 32] >> vector % 32 & 1;
}

static int highest(const _Atomic uint32_t *set)
{
    for (int i = 7; i >= 0; i--) {
        uint32_t word = set[i];
        if (word)
            return 32 * i + 31 - __builtin_clz(word);
    }
    return -1;
}

/* ---- accepting ---- */

static uint32_t ppr(const struct lapic *a)
{
    int isr = highest(&a->reg[ISR]);
    uint32_t tpr = a->reg[TPR], in_service = isr < 0 ? 0 : (uint32_t)isr;
    return tpr >> 4 >= in_service >> 4 ? tpr : in_service & 0xf0;
}

static void accept(struct lapic *a, uint8_t vector, bool level)
{
    if (!enabled(a) || vector < 16)
        return;
    if (level)
        set_bit(&a->reg[TMR], vector);
    else
        clear_bit(&a->reg[TMR], vector);
    set_bit(&a->reg[IRR], vector);
    a->all->ops.wake(a->all->ops.ctx, a->cpu);
}

static void deliver(struct lapic *a, enum delivery mode, uint8_t vector, bool level)
{
    const struct lapic_ops *ops = &a->all->ops;
    switch (mode) {
    case FIXED:
    case LOWEST:
        accept(a, vector, level);
        break;
    case NMI:
        ops->nmi(ops->ctx, a->cpu);
        break;
    case INIT:
        ops->init(ops->ctx, a->cpu);
        break;
    case STARTUP:
        ops->sipi(ops->ctx, a->cpu, vector);
        break;
    default:
        break;
    }
}

/* PIC to CPU 0: through LINT0 as ExtINT, or past a local APIC that is switched off (virtual wire). */
static bool extint_pending(const struct lapic *a)
{
    if (!a->extint)
        return false;
    if (!enabled(a))
        return true;
    uint32_t lint0 = a->reg[LVT_LINT0];
    return !(lint0 & LVT_MASKED) && (lint0 >> 8 & 7) == EXTINT;
}

static int deliverable(const struct lapic *a)
{
    if (!enabled(a))
        return -1;
    int irr = highest(&a->reg[IRR]);
    return irr >= 0 && (uint32_t)irr >> 4 > ppr(a) >> 4 ? irr : -1;
}

static int intc_pending(void *ctx, unsigned cpu)
{
    const struct lapic *a = &((struct lapics *)ctx)->cpus[cpu];
    return extint_pending(a) ? 0 : deliverable(a);
}

static int intc_ack(void *ctx, unsigned cpu)
{
    struct lapics *l = ctx;
    struct lapic *a = &l->cpus[cpu];
    if (extint_pending(a)) {
        pthread_mutex_lock(l->lock);
        int vector = a->extint ? l->ops.pic_ack(l->ops.ctx) : -1;
        pthread_mutex_unlock(l->lock);
        return vector;
    }
    int vector = deliverable(a);
    if (vector >= 0) {
        clear_bit(&a->reg[IRR], (uint8_t)vector);
        set_bit(&a->reg[ISR], (uint8_t)vector);
    }
    return vector;
}

static void end_of_interrupt(struct lapic *a)
{
    int vector = highest(&a->reg[ISR]);
    if (vector < 0)
        return;
    clear_bit(&a->reg[ISR], (uint8_t)vector);
    if (test_bit(&a->reg[TMR], (uint8_t)vector)) {
        pthread_mutex_lock(a->all->lock);
        a->all->ops.eoi(a->all->ops.ctx, (uint8_t)vector);
        pthread_mutex_unlock(a->all->lock);
    }
}

/* ---- sending ---- */

static bool matches_logical(const struct lapic *a, uint32_t dest)
{
    uint32_t ldr = a->reg[LDR];
    if (x2apic(a))
        return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
    if (a->reg[DFR] >> 28 == 0xf) /* flat */
        return ldr >> 24 & dest;
    return ldr >> 28 == dest >> 4 && (ldr >> 24 & dest & 0xf); /* cluster */
}

static bool matches(const struct lapic *a, uint32_t dest, bool logical)
{
    if (dest == UINT32_MAX || (dest == 0xff && !x2apic(a)))
        return true;
    return logical ? matches_logical(a, dest) : a->cpu == dest;
}

static void send(struct lapics *l, uint32_t dest, bool logical, enum delivery mode, uint8_t vector,
                 bool level)
{
    struct lapic *lowest = NULL;
    for (unsigned i = 0; i < l->nr; i++) {
        struct lapic *a = &l->cpus[i];
        if (!matches(a, dest, logical))
            continue;
        if (mode != LOWEST)
            deliver(a, mode, vector, level);
        else if (enabled(a) && (!lowest || ppr(a) < ppr(lowest)))
            lowest = a;
    }
    if (lowest)
        deliver(lowest, FIXED, vector, level);
}

void lapics_msi(struct lapics *l, uint64_t addr, uint32_t data)
{
    if ((addr & 0xfff00000) != BASE_ADDR)
        return;
    send(l, (uint32_t)(addr >> 12 & 0xff), addr >> 2 & 1, (enum delivery)(data >> 8 & 7), (uint8_t)data,
         data >> 15 & 1);
}

void lapics_extint(struct lapics *l, bool level)
{
    l->cpus[0].extint = level;
    if (level)
        l->ops.wake(l->ops.ctx, 0);
}

static void write_icr(struct lapic *a, uint64_t val)
{
    struct lapics *l = a->all;
    enum delivery mode = (enum delivery)(val >> 8 & 7);
    uint8_t vector = (uint8_t)val;
    a->icr = val & ~0x1000ull; /* delivery is never pending */
    if (mode == INIT && (val >> 15 & 1) && !(val >> 14 & 1))
        return; /* level de-assert: of no effect since the Pentium 4 */
    unsigned shorthand = val >> 18 & 3;
    if (shorthand == 0) {
        send(l, (uint32_t)(val >> 32), val >> 11 & 1, mode, vector, false);
        return;
    }
    for (unsigned i = 0; i < l->nr; i++) {
        bool self = i == a->cpu;
        if (shorthand == 2 || self == (shorthand == 1))
            deliver(&l->cpus[i], mode, vector, false);
    }
}

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

static void fire(void *ctx)
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
        accept(a, (uint8_t)lvt, false);
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
        *ret = ppr(a);
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
    if (mode_changed)
        a->deadline_tsc = a->reg[TIMER_INITIAL] = 0;
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
        end_of_interrupt(a);
        break;
    case LDR:
        if (x2apic(a))
            return false;
        a->reg[LDR] = val & 0xff000000;
        break;
    case DFR:
        if (x2apic(a))
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
        write_icr(a, wide);
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
        if (!x2apic(a))
            return false;
        accept(a, (uint8_t)val, false);
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
    a->reg[LDR] = x2apic(a) ? cpu >> 4 << 16 | 1u << (cpu & 15) : 0;
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
        if (i == ID && !x2apic(a))
            val <<= 24;
        memcpy(ret->regs + 16 * i, &val, 4);
    }
    uint64_t icr = a->icr;
    uint32_t high = (uint32_t)(icr >> 32) << (x2apic(a) ? 0 : 24);
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
    a->icr = low | (uint64_t)(x2apic(a) ? high : high >> 24) << 32;
    pthread_mutex_lock(l->lock);
    arm(a);
    pthread_mutex_unlock(l->lock);
    return true;
}

const struct cpu_intc *lapics_intc(struct lapics *l)
{
    return &l->intc;
}

int lapics_new(unsigned nr_cpus, pthread_mutex_t *board_lock, const struct clock *clock,
               const struct lapic_ops *ops, struct lapics **ret, struct err *e)
{
    struct lapics *l = calloc(1, sizeof(*l));
    if (!l)
        return err_code(e, -ENOMEM, "local APICs");
    l->nr = nr_cpus;
    l->lock = board_lock;
    l->clock = clock;
    l->ops = *ops;
    l->intc = (struct cpu_intc){
        .ctx = l,
        .pending = intc_pending,
        .ack = intc_ack,
        .apic_read = intc_read,
        .apic_write = intc_write,
        .base_read = intc_base_read,
        .base_write = intc_base_write,
        .tpr_read = intc_tpr_read,
        .tpr_write = intc_tpr_write,
        .deadline_write = intc_deadline_write,
        .deadline_read = intc_deadline_read,
        .reset = intc_reset,
        .state_get = intc_state_get,
        .state_set = intc_state_set,
    };
    for (unsigned i = 0; i < nr_cpus; i++) {
        struct lapic *a = &l->cpus[i];
        a->all = l;
        a->cpu = i;
        a->timer = (struct clock_timer){.clock = clock, .fire = fire, .ctx = a};
        a->base = BASE_ADDR | BASE_ENABLE | (i == 0 ? BASE_BSP : 0);
        intc_reset(l, i);
    }
    *ret = l;
    return 0;
}

void lapics_free(struct lapics *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < l->nr; i++)
        clock_timer_fini(&l->cpus[i].timer);
    free(l);
}
