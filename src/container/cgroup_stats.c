// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_stats: see cgroup_stats.h. A file that is not there leaves its numbers out. */
#include "container/cgroup_stats.h"

#include <stdlib.h>
#include <string.h>

static void put(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n));
}

/* "max" is the largest number there is. */
static bool number(const struct cgroup_dir *d, const char *file, uint64_t *ret)
{
    char text[64];
    if (!d || !cgroup_read(d, file, text, sizeof(text)))
        return false;
    *ret = strcmp(text, "max") == 0 ? INT64_MAX : strtoull(text, NULL, 10);
    return true;
}

static void put_file(json_t *o, const char *key, const struct cgroup_dir *d, const char *file)
{
    uint64_t n;
    if (number(d, file, &n))
        put(o, key, n);
}

/* The number behind a word of a file of lines "word number". */
static uint64_t keyed(const char *text, const char *key)
{
    size_t len = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0 && line[len] == ' ')
            return strtoull(line + len, NULL, 10);
    }
    return 0;
}

static json_t *keyed_all(char *text)
{
    json_t *o = json_object();
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        char *blank = strchr(line, ' ');
        if (!blank)
            continue;
        *blank = 0;
        put(o, line, strtoull(blank + 1, NULL, 10));
    }
    return o;
}

/* ---- cpu ---- */

static void throttling(json_t *cpu, const char *text, const char *time_key, uint64_t scale)
{
    json_t *t = json_object();
    put(t, "periods", keyed(text, "nr_periods"));
    put(t, "throttledPeriods", keyed(text, "nr_throttled"));
    put(t, "throttledTime", keyed(text, time_key) * scale);
    json_object_set_new(cpu, "throttling", t);
}

static json_t *cpu_v2(const struct cgroup_dir *d)
{
    char text[1024];
    json_t *cpu = json_object(), *usage = json_object();
    if (cgroup_read(d, "cpu.stat", text, sizeof(text))) {
        put(usage, "total", keyed(text, "usage_usec") * 1000);
        put(usage, "kernel", keyed(text, "system_usec") * 1000);
        put(usage, "user", keyed(text, "user_usec") * 1000);
        throttling(cpu, text, "throttled_usec", 1000);
    }
    json_object_set_new(cpu, "usage", usage);
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

static json_t *cpu_v1(const struct cgroup *g)
{
    const struct cgroup_dir *acct = cgroup_with(g, "cpuacct"), *d = cgroup_with(g, "cpu");
    char text[1024];
    json_t *cpu = json_object(), *usage = json_object();
    put_file(usage, "total", acct, "cpuacct.usage");
    put_file(usage, "kernel", acct, "cpuacct.usage_sys");
    put_file(usage, "user", acct, "cpuacct.usage_user");
    if (acct)
        json_object_set_new(usage, "percpu", percpu(acct));
    if (d && cgroup_read(d, "cpu.stat", text, sizeof(text)))
        throttling(cpu, text, "throttled_time", 1);
    json_object_set_new(cpu, "usage", usage);
    return cpu;
}

/* ---- memory ---- */

static json_t *memory(const struct cgroup_dir *d)
{
    static const char *const v1[] = {"memory.usage_in_bytes", "memory.max_usage_in_bytes",
                                     "memory.limit_in_bytes", "memory.failcnt"};
    static const char *const v2[] = {"memory.current", "memory.peak", "memory.max", ""};
    static const char *const keys[] = {"usage", "max", "limit", "failcnt"};
    char text[8192];
    json_t *m = json_object(), *usage = json_object();
    for (unsigned i = 0; i < 4; i++)
        put_file(usage, keys[i], d, d->v2 ? v2[i] : v1[i]);
    json_object_set_new(m, "usage", usage);
    if (cgroup_read(d, "memory.stat", text, sizeof(text))) {
        put(m, "cache", keyed(text, d->v2 ? "file" : "cache"));
        json_object_set_new(m, "raw", keyed_all(text));
    }
    json_t *swap = json_object();
    put_file(swap, "usage", d, d->v2 ? "memory.swap.current" : "memory.memsw.usage_in_bytes");
    put_file(swap, "limit", d, d->v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes");
    json_object_set_new(m, "swap", swap);
    return m;
}

/* ---- the rest ---- */

/* A container without a limit may have no folder there. */
static json_t *pids(const struct cgroup *g)
{
    json_t *p = json_object();
    const struct cgroup_dir *d = cgroup_with(g, "pids");
    int tasks = d ? 0 : cgroup_count_tasks(g);
    put_file(p, "current", d, "pids.current");
    put_file(p, "limit", d, "pids.max");
    if (!d && tasks >= 0)
        put(p, "current", (uint64_t)tasks);
    return p;
}

/* "8:0 Read 4096" */
static json_t *blkio_v1(const struct cgroup_dir *d, const char *file)
{
    char text[8192], op[32];
    unsigned major, minor;
    unsigned long long n;
    json_t *list = json_array();
    if (!cgroup_read(d, file, text, sizeof(text)))
        return list;
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
        if (sscanf(line, "%u:%u %31s %llu", &major, &minor, op, &n) == 4)
            json_array_append_new(list, json_pack("{s:i, s:i, s:s, s:I}", "major", major, "minor", minor,
                                                  "op", op, "value", (json_int_t)n));
    return list;
}

/* "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 ..." */
static json_t *io_v2(const struct cgroup_dir *d, const char *read_key, const char *write_key)
{
    char text[8192];
    unsigned major, minor;
    json_t *list = json_array();
    if (!cgroup_read(d, "io.stat", text, sizeof(text)))
        return list;
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        const char *r = strstr(line, read_key), *w = strstr(line, write_key);
        if (sscanf(line, "%u:%u", &major, &minor) != 2 || !r || !w)
            continue;
        json_array_append_new(list,
                              json_pack("{s:i, s:i, s:s, s:I}", "major", major, "minor", minor, "op", "Read",
                                        "value", (json_int_t)strtoull(r + strlen(read_key), NULL, 10)));
        json_array_append_new(list,
                              json_pack("{s:i, s:i, s:s, s:I}", "major", major, "minor", minor, "op", "Write",
                                        "value", (json_int_t)strtoull(w + strlen(write_key), NULL, 10)));
    }
    return list;
}

static json_t *blkio(const struct cgroup *g)
{
    json_t *b = json_object();
    const struct cgroup_dir *v1 = cgroup_with(g, "blkio"), *v2 = v1 ? NULL : cgroup_with(g, "io");
    if (v1) {
        json_object_set_new(b, "ioServiceBytesRecursive",
                            blkio_v1(v1, "blkio.throttle.io_service_bytes_recursive"));
        json_object_set_new(b, "ioServicedRecursive", blkio_v1(v1, "blkio.throttle.io_serviced_recursive"));
    } else if (v2) {
        json_object_set_new(b, "ioServiceBytesRecursive", io_v2(v2, "rbytes=", "wbytes="));
        json_object_set_new(b, "ioServicedRecursive", io_v2(v2, "rios=", "wios="));
    }
    return b;
}

json_t *cgroup_stats(const struct cgroup *g)
{
    json_t *all = json_object();
    const struct cgroup_dir *v2 = g->nr ? &g->dir[g->nr - 1] : NULL, *mem = cgroup_with(g, "memory");
    json_object_set_new(all, "cpu", g->pure_v2 && v2->there ? cpu_v2(v2) : cpu_v1(g));
    if (mem)
        json_object_set_new(all, "memory", memory(mem));
    json_object_set_new(all, "pids", pids(g));
    json_object_set_new(all, "blkio", blkio(g));
    return all;
}

uint64_t cgroup_oom_kills(const struct cgroup *g)
{
    char text[1024];
    const struct cgroup_dir *d = cgroup_with(g, "memory");
    if (!d || !cgroup_read(d, d->v2 ? "memory.events" : "memory.oom_control", text, sizeof(text)))
        return 0;
    return keyed(text, "oom_kill");
}
