// SPDX-License-Identifier: GPL-2.0-or-later
/* bundle_linux: see bundle_linux.h. Source: OCI runtime-spec 1.2, config-linux.md. */
#include "monitor/bundle_linux.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "monitor/bundle_devices.h"
#include "monitor/guest_option.h"

/* Nothing may be touched but what was asked for; nodes may be made, which is no use by itself. */
static json_t *device_rules(const struct bundle *b)
{
    if (b->guest->container.privileged)
        return json_pack("[{s:b, s:s}]", "allow", 1, "access", "rwm");
    json_t *a = json_pack("[{s:b, s:s}, {s:b, s:s, s:s}, {s:b, s:s, s:s}]", "allow", 0, "access", "rwm",
                          "allow", 1, "type", "c", "access", "m", "allow", 1, "type", "b", "access", "m");
    for (unsigned i = 0; i < b->nr_devices; i++) {
        const struct bundle_device *d = &b->devices[i];
        json_array_append_new(a, json_pack("{s:b, s:s, s:I, s:I, s:s}", "allow", 1, "type",
                                           d->block ? "b" : "c", "major", (json_int_t)d->major, "minor",
                                           (json_int_t)d->minor, "access", d->access));
    }
    return a;
}

static json_t *memory(const struct guest_config *c)
{
    uint64_t swap = c->container.memory_swap;
    json_t *m = json_pack("{s:I}", "limit", (json_int_t)c->memory);
    if (swap)
        json_object_set_new(m, "swap", json_integer(swap == GUEST_NO_LIMIT ? -1 : (json_int_t)swap));
    return m;
}

static json_t *cpu(const struct guest_container *k)
{
    json_t *c = json_object();
    if (k->cpus_milli) {
        json_object_set_new(c, "quota", json_integer((json_int_t)k->cpus_milli * 100));
        json_object_set_new(c, "period", json_integer(100000));
    }
    if (k->cpuset)
        json_object_set_new(c, "cpus", json_string(k->cpuset));
    return c;
}

static json_t *resources(const struct bundle *b)
{
    const struct guest_config *c = b->guest;
    const struct guest_container *k = &c->container;
    json_t *r = json_object();
    if (!b->rootless)
        json_object_set_new(r, "devices", device_rules(b));
    if (k->pids || !b->rootless)
        json_object_set_new(r, "pids",
                            json_pack("{s:I}", "limit", (json_int_t)(k->pids ? k->pids : GUEST_PIDS)));
    if (c->memory)
        json_object_set_new(r, "memory", memory(c));
    if (k->cpus_milli || k->cpuset)
        json_object_set_new(r, "cpu", cpu(k));
    return r;
}

static json_t *namespaces(const struct bundle *b)
{
    const struct guest_container *k = &b->guest->container;
    const struct {
        bool own;
        const char *type;
    } all[] = {{true, "mount"},
               {true, "cgroup"},
               {!k->host_pid, "pid"},
               {!k->host_ipc, "ipc"},
               {!k->host_uts, "uts"},
               {b->rootless, "user"},
               {b->guest->net != GUEST_NET_HOST && !b->netns, "network"}};
    json_t *a = json_array();
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i].own)
            json_array_append_new(a, json_pack("{s:s}", "type", all[i].type));
    if (b->netns)
        json_array_append_new(a, json_pack("{s:s, s:s}", "type", "network", "path", b->netns));
    return a;
}

static json_t *devices(const struct bundle *b)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < b->nr_devices; i++) {
        const struct bundle_device *d = &b->devices[i];
        json_array_append_new(a, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "path", d->path, "type",
                                           d->block ? "b" : "c", "major", (json_int_t)d->major, "minor",
                                           (json_int_t)d->minor, "fileMode", (json_int_t)d->mode, "uid",
                                           (json_int_t)d->uid, "gid", (json_int_t)d->gid));
    }
    return a;
}

static json_t *pairs(const char *const *list)
{
    json_t *o = json_object();
    for (; list && *list; list++) {
        OWN_PAIR p = {0};
        if (guest_pair_parse(*list, &p, NULL) == 0)
            json_object_set_new(o, p.name, json_string(p.value));
    }
    return o;
}

json_t *bundle_annotations(const struct bundle *b)
{
    return pairs(b->guest->container.annotations);
}

/* All that our own user namespace has: a range of one below it must lie in one of its ranges. */
static json_t *same_ids(const char *map)
{
    json_t *a = json_array();
    OWN_FILE f = fopen(map, "re");
    unsigned inside, outside, count;
    while (f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
        json_array_append_new(a, json_pack("{s:I, s:I, s:I}", "containerID", (json_int_t)inside, "hostID",
                                           (json_int_t)inside, "size", (json_int_t)count));
    return a;
}

static json_t *strings(const char *const *list)
{
    json_t *a = json_array();
    for (; *list; list++)
        json_array_append_new(a, json_string(*list));
    return a;
}

json_t *bundle_linux(const struct bundle *b, const struct guest_security *s)
{
    static const char *const masked[] = {"/proc/acpi",
                                         "/proc/asound",
                                         "/proc/kcore",
                                         "/proc/keys",
                                         "/proc/latency_stats",
                                         "/proc/timer_list",
                                         "/proc/timer_stats",
                                         "/proc/sched_debug",
                                         "/proc/scsi",
                                         "/sys/firmware",
                                         "/sys/devices/virtual/powercap",
                                         "/proc/interrupts",
                                         NULL},
                             *const read_only[] = {"/proc/bus",           "/proc/fs",
                                                   "/proc/irq",           "/proc/sys",
                                                   "/proc/sysrq-trigger", NULL};
    json_t *j = json_pack("{s:o, s:o}", "resources", resources(b), "namespaces", namespaces(b));
    if (j && !s->unmasked) {
        json_object_set_new(j, "maskedPaths", strings(masked));
        json_object_set_new(j, "readonlyPaths", strings(read_only));
    }
    if (j && b->nr_devices && !b->rootless)
        json_object_set_new(j, "devices", devices(b));
    if (j && b->guest->container.sysctls)
        json_object_set_new(j, "sysctl", pairs(b->guest->container.sysctls));
    if (j && b->rootless) {
        json_object_set_new(j, "uidMappings", same_ids("/proc/self/uid_map"));
        json_object_set_new(j, "gidMappings", same_ids("/proc/self/gid_map"));
    }
    return j;
}
