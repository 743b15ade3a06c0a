// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_v1: limits of version 1. Source: kernel documentation, admin-guide/cgroup-v1. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "container/cgroup_limits.h"

/* The limit of memory must never be above that of memory and swap: which one is written first depends. */
static int memory_pair(const struct cgroup *g, const struct resources *r, struct err *e)
{
    static const char *const memory = "memory.limit_in_bytes", *const swap = "memory.memsw.limit_in_bytes";
    if (r->memory_swap == UNSET || r->memory_swap == 0)
        return cgroup_limit_number(g, "memory", memory, r->memory == 0 ? UNSET : r->memory, e);
    bool swap_first = r->memory_swap == -1;
    char now[32];
    const struct cgroup_dir *d = cgroup_with(g, "memory");
    if (d && r->memory > 0 && cgroup_read(d, swap, now, sizeof(now)))
        swap_first = swap_first || (uint64_t)r->memory > strtoull(now, NULL, 10);
    int rc = swap_first ? cgroup_limit_number(g, "memory", swap, r->memory_swap, e) : 0;
    if (rc == 0)
        rc = cgroup_limit_number(g, "memory", memory, r->memory == 0 ? UNSET : r->memory, e);
    return rc < 0 || swap_first ? rc : cgroup_limit_number(g, "memory", swap, r->memory_swap, e);
}

int cgroup1_memory(const struct cgroup *g, const struct resources *r, struct err *e)
{
    int rc = memory_pair(g, r, e);
    if (rc == 0)
        rc = cgroup_limit_number(g, "memory", "memory.soft_limit_in_bytes", r->memory_soft, e);
    if (rc == 0)
        rc = cgroup_limit_number(g, "memory", "memory.kmem.tcp.limit_in_bytes", r->memory_kernel_tcp, e);
    if (rc == 0)
        rc = cgroup_limit_number(g, "memory", "memory.swappiness", r->swappiness, e);
    if (rc == 0 && r->has_oom_kill && r->oom_kill_disabled)
        rc = cgroup_limit(g, "memory", "memory.oom_control", "1", e);
    return rc;
}

int cgroup1_cpu(const struct cgroup *g, const struct resources *r, struct err *e)
{
    int64_t shares = r->cpu_shares == 0 ? UNSET : r->cpu_shares,
            period = r->cpu_period == 0 ? UNSET : r->cpu_period;
    int64_t quota = r->cpu_quota == 0 ? UNSET : r->cpu_quota;
    int rc = cgroup_limit_number(g, "cpu", "cpu.shares", shares, e);
    if (rc == 0)
        rc = cgroup_limit_number(g, "cpu", "cpu.cfs_period_us", period, e);
    if (rc == 0)
        rc = cgroup_limit_number(g, "cpu", "cpu.cfs_quota_us", quota, e);
    if (rc == 0)
        rc = cgroup_limit_number(g, "cpu", "cpu.cfs_burst_us", r->cpu_burst, e);
    if (rc == 0)
        rc = cgroup_limit_number(g, "cpu", "cpu.rt_period_us",
                                 r->cpu_rt_period == 0 ? UNSET : r->cpu_rt_period, e);
    if (rc == 0)
        rc = cgroup_limit_number(g, "cpu", "cpu.rt_runtime_us",
                                 r->cpu_rt_runtime == 0 ? UNSET : r->cpu_rt_runtime, e);
    return rc < 0 ? rc : cgroup_limit_number(g, "cpu", "cpu.idle", r->cpu_idle, e);
}

int cgroup1_cpuset(const struct cgroup *g, const struct resources *r, struct err *e)
{
    int rc = r->cpus && *r->cpus ? cgroup_limit(g, "cpuset", "cpuset.cpus", r->cpus, e) : 0;
    if (rc == 0 && r->mems && *r->mems)
        rc = cgroup_limit(g, "cpuset", "cpuset.mems", r->mems, e);
    return rc;
}

/* ---- block I/O ---- */

static int rates(const struct cgroup *g, const char *file, const struct blkio_rates *l, struct err *e)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < l->nr; i++) {
        char text[64];
        snprintf(text, sizeof(text), "%u:%u %llu", l->item[i].major, l->item[i].minor,
                 (unsigned long long)l->item[i].rate);
        rc = cgroup_limit(g, "blkio", file, text, e);
    }
    return rc;
}

/* The names of CFQ, or of BFQ which came after it. */
static const char *weight_file(const struct cgroup *g)
{
    char path[400];
    const struct cgroup_dir *d = cgroup_with(g, "blkio");
    snprintf(path, sizeof(path), "%s/blkio.weight", d ? d->path : "");
    return d && access(path, F_OK) == 0 ? "blkio.weight" : "blkio.bfq.weight";
}

int cgroup1_blkio(const struct cgroup *g, const struct resources *r, struct err *e)
{
    static const char *const files[BLKIO_THROTTLES] = {
        "blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device",
        "blkio.throttle.read_iops_device", "blkio.throttle.write_iops_device"};
    int64_t weight = r->blkio_weight == 0 ? UNSET : r->blkio_weight;
    int rc = weight == UNSET ? 0 : cgroup_limit_number(g, "blkio", weight_file(g), weight, e);
    if (rc == 0)
        rc = cgroup_limit_number(g, "blkio", "blkio.leaf_weight",
                                 r->blkio_leaf_weight == 0 ? UNSET : r->blkio_leaf_weight, e);
    if (rc == 0)
        rc = rates(g, "blkio.weight_device", &r->blkio_weights, e);
    for (unsigned i = 0; rc == 0 && i < BLKIO_THROTTLES; i++)
        rc = rates(g, files[i], &r->throttle[i], e);
    return rc;
}

/* ---- huge pages, network ---- */

int cgroup1_hugetlb(const struct cgroup *g, const struct resources *r, struct err *e)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < r->hugepages.nr; i++) {
        char file[64];
        snprintf(file, sizeof(file), "hugetlb.%.20s.limit_in_bytes", r->hugepages.item[i].name);
        rc = cgroup_limit_number(g, "hugetlb", file, r->hugepages.item[i].value, e);
    }
    return rc;
}

int cgroup1_network(const struct cgroup *g, const struct resources *r, struct err *e)
{
    int rc = cgroup_limit_number(g, "net_cls", "net_cls.classid", r->net_class, e);
    for (unsigned i = 0; rc == 0 && i < r->net_prio.nr; i++) {
        char text[64];
        snprintf(text, sizeof(text), "%.20s %lld", r->net_prio.item[i].name,
                 (long long)r->net_prio.item[i].value);
        rc = cgroup_limit(g, "net_prio", "net_prio.ifpriomap", text, e);
    }
    return rc;
}

/* ---- devices ---- */

static int rule_text(const struct device_rule *r, char *ret, size_t size)
{
    char major[24] = "*", minor[24] = "*";
    if (r->major >= 0)
        snprintf(major, sizeof(major), "%lld", (long long)r->major);
    if (r->minor >= 0)
        snprintf(minor, sizeof(minor), "%lld", (long long)r->minor);
    return snprintf(ret, size, "%c %s:%s %s%s%s", r->type, major, minor, r->read ? "r" : "",
                    r->write ? "w" : "", r->mknod ? "m" : "");
}

int cgroup1_devices(const struct cgroup_dir *d, const struct device_rule *rule, unsigned nr, struct err *e)
{
    char path[400], text[64];
    int files[2];
    for (int allow = 0; allow < 2; allow++) {
        snprintf(path, sizeof(path), "%s/devices.%s", d->path, allow ? "allow" : "deny");
        files[allow] = open(path, O_WRONLY | O_CLOEXEC);
    }
    OWN_FD deny = files[0], allow = files[1];
    if (deny < 0 || allow < 0)
        return err_sys(e, "cgroup: open %s", path);
    for (unsigned i = 0; i < nr; i++) {
        int len = rule_text(&rule[i], text, sizeof(text));
        if (write(rule[i].allow ? allow : deny, text, (size_t)len) < 0)
            return err_sys(e, "cgroup: %s devices %s", rule[i].allow ? "allow" : "deny", text);
    }
    return 0;
}
