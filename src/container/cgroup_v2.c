// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_v2: limits of version 2. Source: kernel documentation, admin-guide/cgroup-v2.rst. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/cgroup_limits.h"

static int number_or_max(const struct cgroup *g, const char *controller, const char *file, int64_t n,
                         struct err *e)
{
    return n == -1 ? cgroup_limit(g, controller, file, "max", e)
                   : cgroup_limit_number(g, controller, file, n, e);
}

/* OCI's swap is memory and swap together; v2 limits swap alone. */
static int swap(const struct cgroup *g, const struct resources *r, struct err *e)
{
    if (r->memory_swap == UNSET || r->memory_swap == 0)
        return 0;
    if (r->memory_swap == -1)
        return cgroup_limit(g, "memory", "memory.swap.max", "max", e);
    if (r->memory == UNSET || r->memory <= 0)
        return err_set(e, -EINVAL, "linux.resources.memory.swap: needs limit beside it in cgroup v2");
    return cgroup_limit_number(g, "memory", "memory.swap.max", r->memory_swap - r->memory, e);
}

/* v2 takes a limit below what is used and then kills; v1 refuses it by itself. */
static int check_use(const struct cgroup *g, const struct resources *r, struct err *e)
{
    char text[32];
    const struct cgroup_dir *d = cgroup_with(g, "memory");
    if (!r->check_before_update || !d || !cgroup_read(d, "memory.current", text, sizeof(text)))
        return 0;
    int64_t used = strtoll(text, NULL, 10);
    const char *which = r->memory > 0 && r->memory <= used             ? "limit"
                        : r->memory_swap > 0 && r->memory_swap <= used ? "swap"
                                                                       : NULL;
    if (!which)
        return 0;
    return err_set(e, -EBUSY, "linux.resources.memory.%s: %lld bytes are in use", which, (long long)used);
}

int cgroup2_memory(const struct cgroup *g, const struct resources *r, struct err *e)
{
    int rc = check_use(g, r, e);
    if (rc == 0)
        rc = swap(g, r, e);
    if (rc == 0)
        rc = number_or_max(g, "memory", "memory.max", r->memory == 0 ? UNSET : r->memory, e);
    if (rc == 0)
        rc = number_or_max(g, "memory", "memory.low", r->memory_soft == 0 ? UNSET : r->memory_soft, e);
    return rc;
}

uint64_t cgroup2_cpu_weight(uint64_t shares)
{
    if (shares < 2)
        shares = 2;
    if (shares > 262144)
        shares = 262144;
    return 1 + ((shares - 2) * 9999) / 262142;
}

int cgroup2_cpu(const struct cgroup *g, const struct resources *r, struct err *e)
{
    char text[64];
    int rc = 0;
    if (r->cpu_idle != UNSET)
        rc = cgroup_limit_number(g, "cpu", "cpu.idle", r->cpu_idle, e);
    if (rc == 0 && r->cpu_shares != UNSET && r->cpu_shares != 0 && r->cpu_idle != 1)
        rc = cgroup_limit_number(g, "cpu", "cpu.weight", (int64_t)cgroup2_cpu_weight((uint64_t)r->cpu_shares),
                                 e);
    bool quota = r->cpu_quota != UNSET && r->cpu_quota != 0,
         period = r->cpu_period != UNSET && r->cpu_period != 0;
    if (rc < 0 || (!quota && !period))
        return rc < 0 ? rc : cgroup_limit_number(g, "cpu", "cpu.max.burst", r->cpu_burst, e);
    char max[24] = "max";
    if (quota && r->cpu_quota > 0)
        snprintf(max, sizeof(max), "%lld", (long long)r->cpu_quota);
    snprintf(text, sizeof(text), "%s %lld", max, period ? (long long)r->cpu_period : 100000ll);
    rc = cgroup_limit(g, "cpu", "cpu.max", text, e);
    return rc < 0 ? rc : cgroup_limit_number(g, "cpu", "cpu.max.burst", r->cpu_burst, e);
}

uint64_t cgroup2_io_weight(uint64_t weight)
{
    if (weight < 10)
        weight = 10;
    if (weight > 1000)
        weight = 1000;
    return 1 + (weight - 10) * 9999 / 990;
}

static int io_weight(const struct cgroup *g, const struct resources *r, struct err *e)
{
    char text[64], probe[64];
    const struct cgroup_dir *d = cgroup_with(g, "io");
    if (r->blkio_weight == UNSET || r->blkio_weight == 0)
        return 0;
    if (d && cgroup_read(d, "io.bfq.weight", probe, sizeof(probe))) {
        snprintf(text, sizeof(text), "default %lld", (long long)r->blkio_weight);
        return cgroup_limit(g, "io", "io.bfq.weight", text, e);
    }
    snprintf(text, sizeof(text), "default %llu",
             (unsigned long long)cgroup2_io_weight((uint64_t)r->blkio_weight));
    return cgroup_limit(g, "io", "io.weight", text, e);
}

int cgroup2_io(const struct cgroup *g, const struct resources *r, struct err *e)
{
    static const char *const words[BLKIO_THROTTLES] = {"rbps", "wbps", "riops", "wiops"};
    int rc = io_weight(g, r, e);
    for (unsigned i = 0; rc == 0 && i < BLKIO_THROTTLES; i++)
        for (unsigned k = 0; rc == 0 && k < r->throttle[i].nr; k++) {
            const struct blkio_rate *b = &r->throttle[i].item[k];
            char text[96];
            snprintf(text, sizeof(text), "%u:%u %s=%llu", b->major, b->minor, words[i],
                     (unsigned long long)b->rate);
            rc = cgroup_limit(g, "io", "io.max", text, e);
        }
    return rc;
}

int cgroup2_hugetlb(const struct cgroup *g, const struct resources *r, struct err *e)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < r->hugepages.nr; i++) {
        char file[64];
        snprintf(file, sizeof(file), "hugetlb.%.20s.max", r->hugepages.item[i].name);
        rc = cgroup_limit_number(g, "hugetlb", file, r->hugepages.item[i].value, e);
    }
    return rc;
}

int cgroup_refuse_network(const struct cgroup *g, const struct resources *r, struct err *e)
{
    (void)g;
    if (r->net_class != UNSET || r->net_prio.nr)
        return err_set(e, -EOPNOTSUPP, "linux.resources.network: cgroup v2 has no such limits");
    return 0;
}

int cgroup2_unified(const struct cgroup *g, const struct resources *r, struct err *e)
{
    const struct cgroup_dir *d = g->nr ? &g->dir[g->nr - 1] : NULL;
    if (r->unified.nr && !(d && d->v2 && d->there))
        return err_set(e, -EOPNOTSUPP, "linux.resources.unified: this host has no cgroup v2");
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < r->unified.nr; i++) {
        rc = cgroup_write(d, r->unified.item[i].name, r->unified_text[i], e);
        if (rc < 0)
            err_wrap(e, "linux.resources.unified.%s", r->unified.item[i].name);
    }
    return rc;
}
