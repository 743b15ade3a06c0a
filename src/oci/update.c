// SPDX-License-Identifier: GPL-2.0-or-later
/* update: change the limits of a container. Options become a `resources` object, so that one parser checks
 * all. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "container/container.h"
#include "oci/oci.h"

struct update_args {
    const char *resources, *blkio_weight, *cpu_period, *cpu_quota, *cpu_burst, *cpu_rt_period,
        *cpu_rt_runtime, *cpu_share, *cpu_idle, *cpuset_cpus, *cpuset_mems, *memory, *memory_reservation,
        *memory_swap, *pids_limit, *kernel_memory, *kernel_memory_tcp, *l3_cache_schema, *mem_bw_schema;
};

#define ROW(field, value, help) OPT(update_args, field, OPT_TEXT, 0, value, help)
static const struct opt update_opts[] = {
    OPT(update_args, resources, OPT_TEXT, 'r', "FILE",
        "a resources object as JSON, - for the standard input"),
    ROW(blkio_weight, "N", "share of block I/O, 10 to 1000"),
    ROW(cpu_period, "US", "period of the CPU quota"),
    ROW(cpu_quota, "US", "CPU time in a period, -1: no limit"),
    ROW(cpu_burst, "US", "saved CPU time that may be used at once"),
    ROW(cpu_rt_period, "US", "period of the real-time limit"),
    ROW(cpu_rt_runtime, "US", "real-time CPU time in a period"),
    ROW(cpu_share, "N", "share of the CPU, 2 to 262144"),
    ROW(cpu_idle, "0|1", "run only when nobody else wants to"),
    ROW(cpuset_cpus, "LIST", "CPUs it may use"),
    ROW(cpuset_mems, "LIST", "memory nodes it may use"),
    ROW(memory, "SIZE", "memory limit, -1: none"),
    ROW(memory_reservation, "SIZE", "memory it can count on"),
    ROW(memory_swap, "SIZE", "memory and swap together, -1: no limit"),
    ROW(pids_limit, "N", "number of processes, -1: no limit"),
    ROW(l3_cache_schema, "LINE", "share of the cache: L3:0=7f0;1=1f"),
    ROW(mem_bw_schema, "LINE", "share of the memory's bandwidth: MB:0=20;1=70"),
    ROW(kernel_memory, "SIZE", "accepted, kernels have no such limit any more"),
    ROW(kernel_memory_tcp, "SIZE", "memory for TCP buffers"),
};

struct target {
    const char *option, *value, *section, *key;
    bool size, text;
};

static int number(const struct target *t, int64_t *ret, struct err *e)
{
    char *end;
    uint64_t size;
    *ret = strtoll(t->value, &end, 10);
    if (end != t->value && *end == 0)
        return 0;
    if (!t->size)
        return err_set(e, -EINVAL, "--%s: \"%s\" is no number", t->option, t->value);
    if (opt_size(t->value, &size, e) < 0)
        return err_wrap(e, "--%s", t->option);
    *ret = size > INT64_MAX ? INT64_MAX : (int64_t)size;
    return 0;
}

static int set(json_t *resources, const struct target *t, struct err *e)
{
    int64_t n = 0;
    if (!t->value)
        return 0;
    int rc = t->text ? 0 : number(t, &n, e);
    json_t *section = json_object_get(resources, t->section);
    if (!section) {
        section = json_object();
        json_object_set_new(resources, t->section, section);
    }
    json_object_set_new(section, t->key, t->text ? json_string(t->value) : json_integer(n));
    return rc;
}

static int from_options(const struct update_args *a, json_t *r, struct err *e)
{
    const struct target targets[] = {
        {"blkio-weight", a->blkio_weight, "blockIO", "weight", false, false},
        {"cpu-period", a->cpu_period, "cpu", "period", false, false},
        {"cpu-quota", a->cpu_quota, "cpu", "quota", false, false},
        {"cpu-burst", a->cpu_burst, "cpu", "burst", false, false},
        {"cpu-rt-period", a->cpu_rt_period, "cpu", "realtimePeriod", false, false},
        {"cpu-rt-runtime", a->cpu_rt_runtime, "cpu", "realtimeRuntime", false, false},
        {"cpu-share", a->cpu_share, "cpu", "shares", false, false},
        {"cpu-idle", a->cpu_idle, "cpu", "idle", false, false},
        {"cpuset-cpus", a->cpuset_cpus, "cpu", "cpus", false, true},
        {"cpuset-mems", a->cpuset_mems, "cpu", "mems", false, true},
        {"memory", a->memory, "memory", "limit", true, false},
        {"memory-reservation", a->memory_reservation, "memory", "reservation", true, false},
        {"memory-swap", a->memory_swap, "memory", "swap", true, false},
        {"kernel-memory-tcp", a->kernel_memory_tcp, "memory", "kernelTCP", true, false},
        {"pids-limit", a->pids_limit, "pids", "limit", false, false},
    };
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < sizeof(targets) / sizeof(targets[0]); i++)
        rc = set(r, &targets[i], e);
    return rc;
}

static int run(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)argc;
    const struct update_args *a = args;
    OWN_CONFIG c = {0};
    int rc;
    if (a->resources) {
        rc = config_load_resources(a->resources, &c, e);
    } else {
        OWN(json_t) r = json_object();
        rc = from_options(a, r, e);
        if (rc == 0)
            rc = config_parse_resources(r, &c, e);
    }
    if (rc == 0)
        rc = container_update(g->states, argv[0], &c.resources, e);
    if (rc == 0 && (a->l3_cache_schema || a->mem_bw_schema))
        rc = container_update_rdt(g->states, argv[0], a->l3_cache_schema, a->mem_bw_schema, e);
    return rc < 0 ? err_wrap(e, "update") : rc;
}

const struct command oci_update = {
    .name = "update",
    .operands = "ID",
    .help = "change a container's limits",
    COMMAND_OPTS(update_opts),
    .args_size = sizeof(struct update_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
