// SPDX-License-Identifier: GPL-2.0-or-later
// measure.h - one workload measured, in a process of its own.
#pragma once

#include "bench.h"

/* Prints one line:
 *   = NAME CLASS BEST MEDIAN RUNS DIGEST    nanoseconds per unit, of the fastest and of the median run
 *   - NAME CLASS                            it can't run here
 *   ! NAME CLASS status N                   it died
 * and tells whether it was one of the first two. Measures for about `enough_ns`. */
bool work_measure(const struct work *w, const struct settings *s, uint64_t enough_ns);
