// SPDX-License-Identifier: GPL-2.0-or-later
/* apic: the local APIC in x2APIC mode, as programs use it. */
#pragma once

#include "lib.h"

#define X2APIC(reg) (0x800 + (reg))
enum {
    APIC_ID = 2,
    APIC_TPR = 8,
    APIC_EOI = 0xb,
    APIC_SVR = 0xf,
    APIC_ISR = 0x10,
    APIC_IRR = 0x20,
    APIC_ICR = 0x30,
    APIC_TIMER = 0x32,
    APIC_INITIAL = 0x38,
    APIC_CURRENT,
    APIC_DIVIDE = 0x3e,
    APIC_SELF
};
#define MSR_APIC_BASE    0x1b
#define MSR_TSC_DEADLINE 0x6e0

static inline void apic_on(void)
{
    wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | 0xc00);
    wrmsr(X2APIC(APIC_SVR), 0x1ff);
}
static inline void apic_write(unsigned reg, uint64_t val)
{
    wrmsr(X2APIC(reg), val);
}
static inline uint64_t apic_read(unsigned reg)
{
    return rdmsr(X2APIC(reg));
}
static inline uint64_t rdtsc(void)
{
    uint32_t a, d;
    __asm__ volatile("rdtsc" : "=a"(a), "=d"(d));
    return a | (uint64_t)d << 32;
}
