// SPDX-License-Identifier: GPL-2.0-or-later
/* config_resources: limits of the cgroup. Source: OCI runtime-spec 1.2, config-linux.md, "Control groups". */
#include <string.h>

#include "container/config.h"

/* ---- devices ---- */

static void access_letters(struct device_rule *r, const struct field *f)
{
    const char *letters = field_string(f, "access");
    if (!letters || !*letters)
        letters = "rwm";
    if (strspn(letters, "rwm") != strlen(letters))
        field_bad_key(f, "access", "\"%s\" is not made of r, w and m", letters);
    r->read = strchr(letters, 'r');
    r->write = strchr(letters, 'w');
    r->mknod = strchr(letters, 'm');
}

static struct device_rule one_rule(const struct field *f)
{
    const char *type = field_string(f, "type");
    struct device_rule r = {.allow = field_bool(f, "allow", false), .type = 'a'};
    if (!field_has(f, "allow"))
        field_bad_key(f, "allow", "is missing");
    if (type && *type && (strlen(type) != 1 || !strchr("abc", *type)))
        field_bad_key(f, "type", "\"%s\" is not a, b or c", type);
    else if (type && *type)
        r.type = *type;
    r.major = field_int(f, "major", -1, -1, UINT32_MAX);
    r.minor = field_int(f, "minor", -1, -1, UINT32_MAX);
    access_letters(&r, f);
    return r;
}

static void device_rules(struct config *c, const struct field *f)
{
    struct field list = field_array(f, "devices");
    struct resources *r = &c->resources;
    r->nr_devices = field_count(&list);
    r->devices = arena_alloc(&c->arena, r->nr_devices * sizeof(*r->devices));
    for (unsigned i = 0; i < r->nr_devices; i++) {
        struct field item = field_item(&list, i);
        r->devices[i] = one_rule(&item);
    }
}

/* ---- memory, cpu, pids ---- */

static void memory(struct resources *r, const struct field *f)
{
    struct field m = field_object(f, "memory");
    r->memory = field_int(&m, "limit", UNSET, -1, INT64_MAX);
    r->memory_soft = field_int(&m, "reservation", UNSET, -1, INT64_MAX);
    r->memory_swap = field_int(&m, "swap", UNSET, -1, INT64_MAX);
    r->memory_kernel_tcp = field_int(&m, "kernelTCP", UNSET, -1, INT64_MAX);
    r->swappiness = field_int(&m, "swappiness", UNSET, 0, 100);
    r->has_oom_kill = field_has(&m, "disableOOMKiller");
    r->oom_kill_disabled = field_bool(&m, "disableOOMKiller", false);
    r->check_before_update = field_bool(&m, "checkBeforeUpdate", false);
    if (r->memory > 0 && r->memory_swap >= 0 && r->memory_swap < r->memory)
        field_bad_key(&m, "swap", "is memory and swap together, so not below limit");
}

static void cpu(struct resources *r, const struct field *f)
{
    struct field c = field_object(f, "cpu");
    r->cpu_shares = field_int(&c, "shares", UNSET, 0, INT64_MAX);
    r->cpu_quota = field_int(&c, "quota", UNSET, -1, INT64_MAX);
    r->cpu_period = field_int(&c, "period", UNSET, 0, INT64_MAX);
    r->cpu_burst = field_int(&c, "burst", UNSET, 0, INT64_MAX);
    r->cpu_rt_runtime = field_int(&c, "realtimeRuntime", UNSET, -1, INT64_MAX);
    r->cpu_rt_period = field_int(&c, "realtimePeriod", UNSET, 0, INT64_MAX);
    r->cpu_idle = field_int(&c, "idle", UNSET, 0, 1);
    if (r->cpu_quota > 0 && r->cpu_burst != UNSET && r->cpu_burst > r->cpu_quota)
        field_bad_key(&c, "burst", "is above quota");
    r->cpus = field_string(&c, "cpus");
    r->mems = field_string(&c, "mems");
}

/* ---- block I/O ---- */

/* Each has value, or or_value (NULL: that is none) in its place. */
static struct blkio_rates rates(struct config *c, const struct field *up, const char *key, const char *value,
                                const char *or_value)
{
    struct field list = field_array(up, key);
    struct blkio_rates r = {.nr = field_count(&list)};
    r.item = arena_alloc(&c->arena, r.nr * sizeof(*r.item));
    for (unsigned i = 0; i < r.nr; i++) {
        struct field f = field_item(&list, i);
        r.item[i].major = (uint32_t)field_must_int(&f, "major", 0, UINT32_MAX);
        r.item[i].minor = (uint32_t)field_must_int(&f, "minor", 0, UINT32_MAX);
        r.item[i].rate = (uint64_t)field_int(&f, value, 0, 0, INT64_MAX);
        if (!field_has(&f, value) && !(or_value && field_has(&f, or_value)))
            field_bad_key(&f, value, "is missing");
    }
    return r;
}

static void blkio(struct config *c, const struct field *f)
{
    static const char *const throttles[BLKIO_THROTTLES] = {"throttleReadBpsDevice", "throttleWriteBpsDevice",
                                                           "throttleReadIOPSDevice",
                                                           "throttleWriteIOPSDevice"};
    struct field b = field_object(f, "blockIO");
    struct resources *r = &c->resources;
    r->blkio_weight = field_int(&b, "weight", UNSET, 0, 1000);
    r->blkio_leaf_weight = field_int(&b, "leafWeight", UNSET, 0, 1000);
    r->blkio_weights = rates(c, &b, "weightDevice", "weight", "leafWeight");
    r->blkio_leaf_weights = rates(c, &b, "weightDevice", "leafWeight", "weight");
    for (unsigned i = 0; i < BLKIO_THROTTLES; i++)
        r->throttle[i] = rates(c, &b, throttles[i], "rate", NULL);
}

/* ---- lists with names ---- */

static struct named_limits limits(struct config *c, const struct field *up, const char *key, const char *name,
                                  const char *value)
{
    struct field list = field_array(up, key);
    struct named_limits l = {.nr = field_count(&list)};
    l.item = arena_alloc(&c->arena, l.nr * sizeof(*l.item));
    for (unsigned i = 0; i < l.nr; i++) {
        struct field f = field_item(&list, i);
        l.item[i].name = field_must_string(&f, name);
        l.item[i].value = field_must_int(&f, value, 0, INT64_MAX);
        if (strchr(l.item[i].name, '/'))
            field_bad_key(&f, name, "\"%s\" has a slash", l.item[i].name);
    }
    return l;
}

static struct named_limits rdma(struct config *c, const struct field *up)
{
    struct field map = field_object(up, "rdma");
    struct named_limits l = {0};
    l.item = arena_alloc(&c->arena, (json_object_size(map.v) + 1) * sizeof(*l.item));
    const char *name;
    json_t *v;
    json_object_foreach(map.v, name, v)
    {
        struct field f = field_object(&map, name);
        if (!field_has(&f, "hcaHandles") && !field_has(&f, "hcaObjects"))
            field_bad(&f, "limits neither hcaHandles nor hcaObjects");
        l.item[l.nr++] = (struct named_limit){
            .name = name,
            .value = field_int(&f, "hcaHandles", UNSET, 0, UINT32_MAX),
            .value2 = field_int(&f, "hcaObjects", UNSET, 0, UINT32_MAX),
        };
    }
    return l;
}

static void unified(struct config *c, const struct field *up)
{
    struct field map = field_object(up, "unified");
    struct resources *r = &c->resources;
    size_t n = json_object_size(map.v) + 1;
    r->unified.item = arena_alloc(&c->arena, n * sizeof(*r->unified.item));
    r->unified_text = arena_alloc(&c->arena, n * sizeof(*r->unified_text));
    const char *name;
    json_t *v;
    json_object_foreach(map.v, name, v)
    {
        if (strchr(name, '/'))
            field_bad_key(&map, name, "has a slash");
        r->unified_text[r->unified.nr] = field_string(&map, name);
        r->unified.item[r->unified.nr++].name = name;
    }
}

void config_resources(struct config *c, const struct field *f)
{
    struct resources *r = &c->resources;
    r->there = f->v != NULL;
    device_rules(c, f);
    memory(r, f);
    cpu(r, f);
    struct field pids = field_object(f, "pids");
    r->pids = pids.v ? field_must_int(&pids, "limit", -1, INT64_MAX) : UNSET;
    blkio(c, f);
    r->hugepages = limits(c, f, "hugepageLimits", "pageSize", "limit");
    struct field net = field_object(f, "network");
    r->net_class = field_int(&net, "classID", UNSET, 0, UINT32_MAX);
    r->net_prio = limits(c, &net, "priorities", "name", "priority");
    r->rdma = rdma(c, f);
    unified(c, f);
}
