// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_stats_more: see cgroup_stats.h: block I/O, CPU sets, huge pages. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/cgroup_numbers.h"
#include "container/cgroup_stats.h"

/* ---- block I/O ---- */

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

/* What only some schedulers count. */
static void scheduler(json_t *b, const struct cgroup_dir *d)
{
    static const struct {
        const char *key, *file;
    } rows[] = {{"ioQueueRecursive", "io_queued_recursive"},
                {"ioServiceTimeRecursive", "io_service_time_recursive"},
                {"ioWaitTimeRecursive", "io_wait_time_recursive"},
                {"ioMergedRecursive", "io_merged_recursive"},
                {"ioTimeRecursive", "time_recursive"},
                {"sectorsRecursive", "sectors_recursive"}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char file[64];
        snprintf(file, sizeof(file), "blkio.bfq.%s", rows[i].file);
        OWN(json_t) list = blkio_v1(d, file);
        if (json_array_size(list))
            json_object_set(b, rows[i].key, list);
    }
}

json_t *cgroup_stats_io(const struct cgroup *g)
{
    json_t *b = json_object();
    const struct cgroup_dir *v1 = cgroup_with(g, "blkio"), *v2 = v1 ? NULL : cgroup_with(g, "io");
    if (v1) {
        json_object_set_new(b, "ioServiceBytesRecursive",
                            blkio_v1(v1, "blkio.throttle.io_service_bytes_recursive"));
        json_object_set_new(b, "ioServicedRecursive", blkio_v1(v1, "blkio.throttle.io_serviced_recursive"));
        scheduler(b, v1);
    } else if (v2) {
        json_object_set_new(b, "ioServiceBytesRecursive", io_v2(v2, "rbytes=", "wbytes="));
        json_object_set_new(b, "ioServicedRecursive", io_v2(v2, "rios=", "wios="));
        json_t *psi = numbers_pressure(v2, "io.pressure");
        if (psi)
            json_object_set_new(b, "psi", psi);
    }
    return b;
}

/* ---- CPU sets ---- */

json_t *cgroup_stats_cpuset(const struct cgroup *g)
{
    static const char *const flags[] = {"cpu_exclusive",   "mem_hardwall",       "mem_exclusive",
                                        "memory_migrate",  "memory_spread_page", "memory_spread_slab",
                                        "memory_pressure", "sched_load_balance"};
    const struct cgroup_dir *d = cgroup_with(g, "cpuset");
    char text[1024], file[64];
    json_t *o = json_object();
    if (d && cgroup_read(d, d->v2 ? "cpuset.cpus.effective" : "cpuset.cpus", text, sizeof(text)))
        json_object_set_new(o, "cpus", numbers_list(text));
    if (d && cgroup_read(d, d->v2 ? "cpuset.mems.effective" : "cpuset.mems", text, sizeof(text)))
        json_object_set_new(o, "mems", numbers_list(text));
    for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        snprintf(file, sizeof(file), "cpuset.%s", flags[i]);
        numbers_put_file(o, flags[i], d, file);
    }
    if (d && cgroup_read(d, "cpuset.sched_relax_domain_level", text, sizeof(text)))
        json_object_set_new(o, "sched_relax_domain_level", json_integer(strtoll(text, NULL, 10)));
    return o;
}

/* ---- huge pages ---- */

/* "hugepages-2048kB" is "2MB" in the names of files. */
static bool page_size(const char *folder, char *ret, size_t size)
{
    static const char *const units[] = {"KB", "MB", "GB"};
    unsigned long kib;
    unsigned unit = 0;
    if (sscanf(folder, "hugepages-%lukB", &kib) != 1)
        return false;
    for (; kib >= 1024 && unit < 2; unit++)
        kib /= 1024;
    snprintf(ret, size, "%lu%s", kib, units[unit]);
    return true;
}

static void huge(json_t *all, const struct cgroup_dir *d, const char *size)
{
    static const char *const keys[] = {"usage", "max", "failcnt"};
    static const char *const v1[] = {"usage_in_bytes", "max_usage_in_bytes", "failcnt"};
    static const char *const v2[] = {"current", "peak", "events"};
    char file[64], text[128];
    json_t *o = json_object();
    for (unsigned i = 0; i < 3; i++) {
        snprintf(file, sizeof(file), "hugetlb.%s.%s", size, d->v2 ? v2[i] : v1[i]);
        if (d->v2 && i == 2 && cgroup_read(d, file, text, sizeof(text)))
            numbers_put(o, keys[i], numbers_keyed(text, "max"));
        else
            numbers_put_file(o, keys[i], d, file);
    }
    json_object_set_new(all, size, o);
}

json_t *cgroup_stats_hugetlb(const struct cgroup *g)
{
    const struct cgroup_dir *d = cgroup_with(g, "hugetlb");
    json_t *all = json_object();
    DIR *dir = d ? opendir("/sys/kernel/mm/hugepages") : NULL;
    const struct dirent *entry;
    char size[24];
    while (dir && (entry = readdir(dir)))
        if (page_size(entry->d_name, size, sizeof(size)))
            huge(all, d, size);
    if (dir)
        closedir(dir);
    return all;
}
