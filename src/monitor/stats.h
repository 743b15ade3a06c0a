// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats: what a guest has used and done, as clients get it. The shape: docs/slow-guest.md, "As JSON".
 *
 * All are counters that only grow, so that two samples make a rate; they begin anew when the guest reboots
 * (but processor times, which are the monitor's). Threads: the loop's, board lock held.
 */
#pragma once

#include <jansson.h>

#include "vm/machine.h"

struct stats_times {
    uint64_t started_ns;  /* CLOCK_MONOTONIC */
    uint64_t past_cpu_ns; /* of vCPUs of machines before this one: the guest rebooted */
};

/* touched: tell the guest's resident memory too, which takes a look at all of it. New reference. */
json_t *stats_json(struct machine *m, const struct stats_times *t, bool touched);
void stats_times_keep(struct stats_times *t, const struct machine *m); /* the machine is about to go */
