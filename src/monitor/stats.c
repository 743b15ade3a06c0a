// SPDX-License-Identifier: GPL-2.0-or-later
/* stats: see stats.h. */
#include "monitor/stats.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "cpu/stats.h"

static void put(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t ns_of(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

/* Source: proc(5), /proc/PID/statm: the second figure, in pages. */
static uint64_t resident(void)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t vcpus_ns(const struct machine *m)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < machine_cpus(m); i++)
        sum += machine_cpu_ns(m, i);
    return sum;
}

void stats_times_keep(struct stats_times *t, const struct machine *m)
{
    t->past_cpu_ns += vcpus_ns(m);
}

/* The vCPUs first, then the process: what is used in between is the process's. */
static json_t *monitor_json(const struct machine *m, const struct stats_times *t)
{
    json_t *j = json_object();
    struct rusage use = {0};
    uint64_t vcpus = vcpus_ns(m) + t->past_cpu_ns, all = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    getrusage(RUSAGE_SELF, &use);
    put(j, "cpu_ns", all);
    put(j, "vcpus_ns", vcpus);
    put(j, "rest_ns", all > vcpus ? all - vcpus : 0);
    put(j, "user_ns", ns_of(use.ru_utime));
    put(j, "system_ns", ns_of(use.ru_stime));
    put(j, "resident", resident());
    return j;
}

static json_t *memory_json(const struct machine *m, bool touched)
{
    json_t *j = json_object();
    put(j, "bytes", machine_memory(m));
    put(j, "given_back", machine_balloon_given(m));
    if (touched)
        put(j, "touched", machine_memory_touched(m));
    return j;
}

static json_t *cache_json(struct machine *m)
{
    struct cpu_cache_stats s;
    machine_cache_stats(m, &s);
    if (s.bytes == 0)
        return json_null();
    json_t *j = json_object();
    put(j, "used", s.used);
    put(j, "bytes", s.bytes);
    put(j, "blocks", s.blocks);
    put(j, "flushes", s.flushes);
    return j;
}

static json_t *stepped_json(struct machine *m)
{
    struct cpu_stepped s[CPU_STEPPED];
    json_t *j = json_object();
    unsigned nr = machine_stepped(m, s);
    for (unsigned i = 0; i < nr; i++)
        put(j, s[i].name, s[i].count);
    return j;
}

static json_t *cpu_json(struct machine *m, unsigned cpu)
{
    struct cpu_stats s;
    json_t *j = json_object();
    machine_stats(m, cpu, &s);
    put(j, "cpu_ns", machine_cpu_ns(m, cpu));
    for (const struct cpu_counter *c = cpu_counters; c->name; c++)
        if (cpu_counter_of(c, machine_engine(m)))
            put(j, c->name, cpu_counter_get(&s, c));
    return j;
}

static json_t *device_json(const struct machine_device *d)
{
    json_t *j = json_pack("{s:s}", "name", d->name);
    put(j, "notifications", d->notifications);
    put(j, "interrupts", d->interrupts);
    put(j, "in_ops", d->in_ops);
    put(j, "in_bytes", d->in_bytes);
    put(j, "out_ops", d->out_ops);
    put(j, "out_bytes", d->out_bytes);
    return j;
}

json_t *stats_json(struct machine *m, const struct stats_times *t, bool touched)
{
    struct machine_device devices[MACHINE_DEVICES];
    unsigned nr = machine_devices(m, devices);
    uint64_t now = clock_ns(CLOCK_MONOTONIC);
    json_t *j = json_object(), *cpus = json_array(), *list = json_array();
    put(j, "at_ns", now);
    put(j, "up_ns", t->started_ns ? now - t->started_ns : 0);
    json_object_set_new(j, "monitor", monitor_json(m, t));
    json_object_set_new(j, "memory", memory_json(m, touched));
    json_object_set_new(j, "code_cache", cache_json(m));
    json_object_set_new(j, "stepped", stepped_json(m));
    for (unsigned i = 0; i < machine_cpus(m); i++)
        json_array_append_new(cpus, cpu_json(m, i));
    json_object_set_new(j, "cpus", cpus);
    for (unsigned i = 0; i < nr; i++)
        json_array_append_new(list, device_json(&devices[i]));
    json_object_set_new(j, "devices", list);
    return j;
}
