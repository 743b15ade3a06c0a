// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tsc: how fast the host's time-stamp counter runs.
 *
 * Source: Intel SDM vol. 2A, CPUID leaf 15H; the hypervisors' leaf 0x40000010 (VMware, KVM). Else measured
 * against CLOCK_MONOTONIC_RAW: both are read close together, and the closest of some tries counts.
 * Threads: any; the answer is found once and kept.
 */
#include <stdatomic.h>
#include <time.h>

#include "cpu/cpu.h"

#define MEASURE_NS 20000000ull

struct sample {
    uint64_t tsc, ns, apart;
};

static uint32_t cpuid(uint32_t leaf, uint32_t regs[4])
{
    __asm__("cpuid" : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3]) : "a"(leaf), "c"(0));
    return regs[0];
}

static uint64_t told_by_cpu(void)
{
    uint32_t r[4];
    if (cpuid(0, r) >= 0x15) {
        cpuid(0x15, r);
        if (r[0] && r[1] && r[2])
            return (uint64_t)r[2] * r[1] / r[0] / 1000;
    }
    cpuid(1, r);
    if (r[2] >> 31 && cpuid(0x40000000, r) >= 0x40000010 && r[0] < 0x40000100)
        return cpuid(0x40000010, r);
    return 0;
}

static struct sample once(void)
{
    struct timespec ts;
    uint64_t before = __builtin_ia32_rdtsc();
    clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
    uint64_t after = __builtin_ia32_rdtsc();
    return (struct sample){
        .tsc = before + (after - before) / 2,
        .ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec,
        .apart = after - before,
    };
}

static struct sample closest(void)
{
    struct sample best = once();
    for (int i = 0; i < 20; i++) {
        struct sample s = once();
        if (s.apart < best.apart)
            best = s;
    }
    return best;
}

static uint64_t measured(void)
{
    struct sample a = closest();
    nanosleep(&(struct timespec){.tv_nsec = MEASURE_NS}, NULL);
    struct sample b = closest();
    return (b.tsc - a.tsc) * 1000000 / (b.ns - a.ns);
}

uint64_t tsc_khz(void)
{
    static _Atomic uint64_t khz; /* a constant of the host, found late */
    uint64_t k = atomic_load(&khz);
    if (!k) {
        k = told_by_cpu();
        if (!k)
            k = measured();
        atomic_store(&khz, k);
    }
    return k;
}
