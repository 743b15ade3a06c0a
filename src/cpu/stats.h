// SPDX-License-Identifier: GPL-2.0-or-later
/* stats: the counters of struct cpu_stats by name, for all who show them. */
#pragma once

#include "cpu/cpu.h"

enum { COUNTED_BY_KVM = 1, COUNTED_BY_SOFT = 2 };

struct cpu_counter {
    const char *name; /* "tlb_misses_read" */
    const char *help; /* what it counts, for people */
    uint32_t offset;  /* in struct cpu_stats */
    uint32_t engines; /* COUNTED_BY_* */
};
extern const struct cpu_counter cpu_counters[]; /* in the order in which they are shown; a NULL name ends */

static inline uint64_t cpu_counter_get(const struct cpu_stats *s, const struct cpu_counter *c)
{
    return *(const uint64_t *)(const void *)((const uint8_t *)s + c->offset);
}

/* Does the engine of this name ("kvm", "soft") count it? */
bool cpu_counter_of(const struct cpu_counter *c, const char *engine);
