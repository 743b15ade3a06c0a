// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sample: what a guest's monitor said it has done (docs/slow-guest.md, "As JSON"), and rates from two of
 * these.
 *
 * What is missing counts as 0, so that a monitor of another version can be looked at too.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cpu/stats.h"

struct sample {
    bool known; /* the monitor did say something */
    uint64_t at_ns, up_ns;
    uint64_t cpu_ns, vcpus_ns, rest_ns, user_ns, system_ns; /* processor time of the monitor */
    uint64_t resident, memory, given_back, touched;         /* bytes */
    struct cpu_cache_stats cache;
    struct cpu_stats cpus;                       /* all of them together */
    uint64_t disk_in, disk_out, net_in, net_out; /* bytes; in: to the guest */
};

void sample_read(const json_t *guest, struct sample *ret); /* an object of client_stats */

/* The exits that took the guest out of its code: the kernel's count, or what we see of it. */
uint64_t sample_exits(const struct sample *s);
uint64_t sample_tlb_misses(const struct sample *s);

/* What a counter grew by. One that became less began anew in between: the guest rebooted. */
uint64_t sample_growth(uint64_t before, uint64_t now);
/* The same per second; 100 % of a processor for processor times in ns. 0 without time between them. */
double sample_rate(uint64_t before, uint64_t now, uint64_t between_ns);
double sample_percent(uint64_t before_ns, uint64_t now_ns, uint64_t between_ns);

/* "0", "0.4", "37", "1.2k", "35M": as many digits as one can take in. */
const char *sample_short(double n, char *buf, size_t size);
