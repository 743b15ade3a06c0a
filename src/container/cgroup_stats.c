// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_stats: see cgroup_stats.h. A file that is not there leaves its numbers out. */
#include "container/cgroup_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/cgroup_numbers.h"

/* ---- cpu ---- */

static void throttling(json_t *cpu, const char *text, const char *time_key, uint64_t scale)
{
    json_t *t = json_object();
    numbers_put(t, "periods", numbers_keyed(text, "nr_periods"));
    numbers_put(t, "throttledPeriods", numbers_keyed(text, "nr_throttled"));
    numbers_put(t, "throttledTime", numbers_keyed(text, time_key) * scale);
    json_object_set_new(cpu, "throttling", t);
}

static void pressure(json_t *o, const struct cgroup_dir *d, const char *file)
{
    json_t *p = numbers_pressure(d, file);
    if (p)
        json_object_set_new(o, "psi", p);
}

static json_t *cpu_v2(const struct cgroup_dir *d)
{
    char text[1024];
    json_t *cpu = json_object(), *usage = json_object();
    if (cgroup_read(d, "cpu.stat", text, sizeof(text))) {
        numbers_put(usage, "total", numbers_keyed(text, "usage_usec") * 1000);
        numbers_put(usage, "kernel", numbers_keyed(text, "system_usec") * 1000);
        numbers_put(usage, "user", numbers_keyed(text, "user_usec") * 1000);
        throttling(cpu, text, "throttled_usec", 1000);
    }
    json_object_set_new(cpu, "usage", usage);
    pressure(cpu, d, "cpu.pressure");
    return cpu;
}

static json_t *percpu(const struct cgroup_dir *d)
{
    char text[4096], *end;
    json_t *list = json_array();
    if (!cgroup_read(d, "cpuacct.usage_percpu", text, sizeof(text)))
        return list;
    for (char *at = text;; at = end) {
        uint64_t n = strtoull(at, &end, 10);
        if (end == at)
            return list;
        json_array_append_new(list, json_integer((json_int_t)n));
    }
}

/* Lines "cpu user system" below a heading: the two as arrays of their own. */
static void percpu_split(json_t *usage, const struct cgroup_dir *acct)
{
    char text[8192];
    unsigned long long user, kernel;
    if (!cgroup_read(acct, "cpuacct.usage_all", text, sizeof(text)))
        return;
    json_t *users = json_array(), *kernels = json_array();
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
        if (sscanf(line, "%*u %llu %llu", &user, &kernel) == 2) {
            json_array_append_new(users, json_integer((json_int_t)user));
            json_array_append_new(kernels, json_integer((json_int_t)kernel));
        }
    json_object_set_new(usage, "percpu_kernel", kernels);
    json_object_set_new(usage, "percpu_user", users);
}

static json_t *cpu_v1(const struct cgroup *g)
{
    const struct cgroup_dir *acct = cgroup_with(g, "cpuacct"), *d = cgroup_with(g, "cpu");
    char text[1024];
    json_t *cpu = json_object(), *usage = json_object();
    numbers_put_file(usage, "total", acct, "cpuacct.usage");
    numbers_put_file(usage, "kernel", acct, "cpuacct.usage_sys");
    numbers_put_file(usage, "user", acct, "cpuacct.usage_user");
    if (acct) {
        json_object_set_new(usage, "percpu", percpu(acct));
        percpu_split(usage, acct);
    }
    if (d && cgroup_read(d, "cpu.stat", text, sizeof(text)))
        throttling(cpu, text, "throttled_time", 1);
    json_object_set_new(cpu, "usage", usage);
    return cpu;
}

/* ---- memory ---- */

/* Files of usage, its maximum, the limit, and how often that was hit. */
static json_t *entry(const struct cgroup_dir *d, const char *usage, const char *max, const char *limit,
                     const char *failcnt)
{
    json_t *o = json_object();
    numbers_put_file(o, "usage", d, usage);
    numbers_put_file(o, "max", d, max);
    numbers_put_file(o, "limit", d, limit);
    numbers_put_file(o, "failcnt", d, failcnt);
    return o;
}

static void memory_v1(json_t *m, const struct cgroup_dir *d)
{
    json_object_set_new(m, "usage",
                        entry(d, "memory.usage_in_bytes", "memory.max_usage_in_bytes",
                              "memory.limit_in_bytes", "memory.failcnt"));
    json_object_set_new(m, "swap",
                        entry(d, "memory.memsw.usage_in_bytes", "memory.memsw.max_usage_in_bytes",
                              "memory.memsw.limit_in_bytes", "memory.memsw.failcnt"));
    json_object_set_new(m, "kernel",
                        entry(d, "memory.kmem.usage_in_bytes", "memory.kmem.max_usage_in_bytes",
                              "memory.kmem.limit_in_bytes", "memory.kmem.failcnt"));
    json_object_set_new(m, "kernelTCP",
                        entry(d, "memory.kmem.tcp.usage_in_bytes", "memory.kmem.tcp.max_usage_in_bytes",
                              "memory.kmem.tcp.limit_in_bytes", "memory.kmem.tcp.failcnt"));
}

/* Both together, as v1 counts and runc tells it of either. */
static void add(json_t *swap, const json_t *usage, const char *key)
{
    json_int_t a = json_integer_value(json_object_get(swap, key)),
               b = json_integer_value(json_object_get(usage, key));
    if (json_object_get(swap, key))
        json_object_set_new(swap, key, json_integer(a > INT64_MAX - b ? INT64_MAX : a + b));
}

static void memory_v2(json_t *m, const struct cgroup_dir *d)
{
    char text[1024];
    json_t *usage = entry(d, "memory.current", "memory.peak", "memory.max", ""),
           *swap = entry(d, "memory.swap.current", "memory.swap.peak", "memory.swap.max", "");
    add(swap, usage, "usage");
    add(swap, usage, "limit");
    json_object_set_new(usage, "failcnt", json_integer(0));
    json_object_set_new(m, "usage", usage);
    json_object_set_new(m, "swap", swap);
    if (cgroup_read(d, "memory.events", text, sizeof(text)))
        json_object_set_new(m, "event_count", numbers_keyed_all(text));
    pressure(m, d, "memory.pressure");
}

static json_t *memory(const struct cgroup_dir *d)
{
    char text[8192];
    json_t *m = json_object();
    if (d->v2)
        memory_v2(m, d);
    else
        memory_v1(m, d);
    if (cgroup_read(d, "memory.stat", text, sizeof(text))) {
        numbers_put(m, "cache", numbers_keyed(text, d->v2 ? "file" : "cache"));
        json_object_set_new(m, "raw", numbers_keyed_all(text));
    }
    return m;
}

/* ---- the rest ---- */

/* A container without a limit may have no folder there. */
static json_t *pids(const struct cgroup *g)
{
    json_t *p = json_object();
    const struct cgroup_dir *d = cgroup_with(g, "pids");
    int tasks = d ? 0 : cgroup_count_tasks(g);
    numbers_put_file(p, "current", d, "pids.current");
    numbers_put_file(p, "limit", d, "pids.max");
    if (!d && tasks >= 0)
        numbers_put(p, "current", (uint64_t)tasks);
    return p;
}

json_t *cgroup_stats(const struct cgroup *g)
{
    json_t *all = json_object();
    const struct cgroup_dir *v2 = g->nr ? &g->dir[g->nr - 1] : NULL, *mem = cgroup_with(g, "memory");
    json_object_set_new(all, "cpu", g->pure_v2 && v2->there ? cpu_v2(v2) : cpu_v1(g));
    if (mem)
        json_object_set_new(all, "memory", memory(mem));
    json_object_set_new(all, "pids", pids(g));
    json_object_set_new(all, "blkio", cgroup_stats_io(g));
    json_object_set_new(all, "cpuset", cgroup_stats_cpuset(g));
    json_object_set_new(all, "hugetlb", cgroup_stats_hugetlb(g));
    return all;
}
