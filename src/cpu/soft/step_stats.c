// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * step_stats: which instructions the stepper had to take most.
 *
 * Threads: any; the figures are the CPUs' own and read as they are.
 */
#include "cpu/soft/step.h"

static uint64_t sum(const struct soft *s, unsigned mnemonic)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < s->nr_cpus; i++)
        n += __atomic_load_n(&stepper_of(s->cpus[i])->counts[mnemonic], __ATOMIC_RELAXED);
    return n;
}

/* Into its place among the most; the least of these falls out. */
static unsigned insert(struct cpu_stepped *most, unsigned nr, struct cpu_stepped new)
{
    unsigned at = nr;
    while (at > 0 && most[at - 1].count < new.count)
        at--;
    if (at == CPU_STEPPED)
        return nr;
    if (nr < CPU_STEPPED)
        nr++;
    for (unsigned i = nr - 1; i > at; i--)
        most[i] = most[i - 1];
    most[at] = new;
    return nr;
}

unsigned step_stats(const struct soft *s, struct cpu_stepped ret[CPU_STEPPED])
{
    unsigned nr = 0;
    for (unsigned m = 1; m <= ZYDIS_MNEMONIC_MAX_VALUE; m++) {
        uint64_t n = sum(s, m);
        if (n)
            nr = insert(ret, nr, (struct cpu_stepped){ZydisMnemonicGetString((ZydisMnemonic)m), n});
    }
    return nr;
}
