// SPDX-License-Identifier: GPL-2.0-or-later
/* debug: see debug.h. A new bit gets a row here, its name in CPU_DEBUG_NAMES and a line in
 * docs/soft-engine.md. */
#include "cpu/debug.h"

const struct cpu_debug_name cpu_debug_names[] = {
    {"step", CPU_DEBUG_STEP},
    {"no-chain", CPU_DEBUG_NO_CHAIN},
    {"no-tlb", CPU_DEBUG_NO_TLB},
    {"no-live", CPU_DEBUG_NO_LIVE},
    {"no-jcache", CPU_DEBUG_NO_JCACHE},
    {"no-groups", CPU_DEBUG_NO_GROUPS},
    {"no-traces", CPU_DEBUG_NO_TRACES},
    {"no-loops", CPU_DEBUG_NO_LOOPS},
    {"no-sys", CPU_DEBUG_NO_SYS},
    {"no-walk", CPU_DEBUG_NO_WALK},
    {"no-forms", CPU_DEBUG_NO_FORMS},
    {"no-open", CPU_DEBUG_NO_OPEN},
    {"no-loose", CPU_DEBUG_NO_LOOSE},
    {"no-across", CPU_DEBUG_NO_ACROSS},
    {"small-cache", CPU_DEBUG_SMALL_CACHE},
    {NULL, 0},
};
