// SPDX-License-Identifier: GPL-2.0-or-later
/* lapic_impl: what lapic.c (accepting and sending) and lapic_regs.c (registers and timer) share. */
#pragma once

#include <stdatomic.h>

#include "dev/lapic.h"

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

static inline bool lapic_enabled(const struct lapic *a)
{
    return (a->base & BASE_ENABLE) && (a->reg[SVR] & SVR_ENABLE);
}

static inline bool lapic_x2apic(const struct lapic *a)
{
    return (a->base & (BASE_ENABLE | BASE_X2APIC)) == (BASE_ENABLE | BASE_X2APIC);
}

/* ---- lapic.c ---- */
uint32_t lapic_ppr(const struct lapic *a);
void lapic_accept(struct lapic *a, uint8_t vector, bool level);
void lapic_eoi(struct lapic *a);
void lapic_write_icr(struct lapic *a, uint64_t val);

/* ---- lapic_regs.c ---- */
/* Fill in what concerns registers; ctx, pending and ack are the caller's. */
void lapic_regs_ops(struct cpu_intc *intc);
void lapic_timer_fire(void *ctx); /* a struct lapic; board lock held */
