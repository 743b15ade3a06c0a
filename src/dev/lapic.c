// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lapic: accept, prioritise and send interrupts. Registers and timer: lapic_regs.c.
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
#include "dev/lapic_impl.h"

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

uint32_t lapic_ppr(const struct lapic *a)
{
    int isr = highest(&a->reg[ISR]);
    uint32_t tpr = a->reg[TPR], in_service = isr < 0 ? 0 : (uint32_t)isr;
    return tpr >> 4 >= in_service >> 4 ? tpr : in_service & 0xf0;
}

void lapic_accept(struct lapic *a, uint8_t vector, bool level)
{
    if (!lapic_enabled(a) || vector < 16)
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
        lapic_accept(a, vector, level);
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
    if (!lapic_enabled(a))
        return true;
    uint32_t lint0 = a->reg[LVT_LINT0];
    return !(lint0 & LVT_MASKED) && (lint0 >> 8 & 7) == EXTINT;
}

static int deliverable(const struct lapic *a)
{
    if (!lapic_enabled(a))
        return -1;
    int irr = highest(&a->reg[IRR]);
    return irr >= 0 && (uint32_t)irr >> 4 > lapic_ppr(a) >> 4 ? irr : -1;
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

void lapic_eoi(struct lapic *a)
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
    if (lapic_x2apic(a))
        return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
    if (a->reg[DFR] >> 28 == 0xf) /* flat */
        return ldr >> 24 & dest;
    return ldr >> 28 == dest >> 4 && (ldr >> 24 & dest & 0xf); /* cluster */
}

static bool matches(const struct lapic *a, uint32_t dest, bool logical)
{
    if (dest == UINT32_MAX || (dest == 0xff && !lapic_x2apic(a)))
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
        else if (lapic_enabled(a) && (!lowest || lapic_ppr(a) < lapic_ppr(lowest)))
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

void lapic_write_icr(struct lapic *a, uint64_t val)
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
    l->intc = (struct cpu_intc){.ctx = l, .pending = intc_pending, .ack = intc_ack};
    lapic_regs_ops(&l->intc);
    for (unsigned i = 0; i < nr_cpus; i++) {
        struct lapic *a = &l->cpus[i];
        a->all = l;
        a->cpu = i;
        a->timer = (struct clock_timer){.clock = clock, .fire = lapic_timer_fire, .ctx = a};
        a->base = BASE_ADDR | BASE_ENABLE | (i == 0 ? BASE_BSP : 0);
        l->intc.reset(l, i);
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
