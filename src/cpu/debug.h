// SPDX-License-Identifier: GPL-2.0-or-later
/* debug: the bits of enum cpu_debug by name, for the command line, the tests and the docs. */
#pragma once

#include "cpu/cpu.h"

/* As help and errors list them: all of cpu_debug_names, in its order. */
#define CPU_DEBUG_NAMES                                                                                      \
    "step, no-chain, no-tlb, no-live, no-jcache, no-groups, no-traces, no-loops, no-sys, no-walk, "          \
    "no-forms, no-open, "                                                                                    \
    "no-loose, no-across, small-cache"

struct cpu_debug_name {
    const char *name;
    uint32_t bit; /* CPU_DEBUG_* */
};
extern const struct cpu_debug_name cpu_debug_names[]; /* a NULL name ends */
