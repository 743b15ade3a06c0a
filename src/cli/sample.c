// SPDX-License-Identifier: GPL-2.0-or-later
/* sample: see sample.h. */
#include "cli/sample.h"

#include <stdio.h>
#include <string.h>

static uint64_t number(const json_t *o, const char *key)
{
    json_int_t n = json_integer_value(json_object_get(o, key));
    return n < 0 ? 0 : (uint64_t)n;
}

static void add_cpu(struct cpu_stats *sum, const json_t *cpu)
{
    for (const struct cpu_counter *c = cpu_counters; c->name; c++)
        *(uint64_t *)(void *)((uint8_t *)sum + c->offset) += number(cpu, c->name);
}

static void add_device(struct sample *s, const json_t *device)
{
    const char *name = json_string_value(json_object_get(device, "name"));
    if (name && strncmp(name, "disk", 4) == 0) {
        s->disk_in += number(device, "in_bytes");
        s->disk_out += number(device, "out_bytes");
    } else if (name && strcmp(name, "net") == 0) {
        s->net_in += number(device, "in_bytes");
        s->net_out += number(device, "out_bytes");
    }
}

void sample_read(const json_t *guest, struct sample *ret)
{
    const json_t *stats = json_object_get(guest, "stats");
    const json_t *monitor = json_object_get(stats, "monitor"), *memory = json_object_get(stats, "memory");
    const json_t *cache = json_object_get(stats, "code_cache");
    size_t i;
    json_t *o;
    *ret = (struct sample){
        .known = json_is_object(stats),
        .at_ns = number(stats, "at_ns"),
        .up_ns = number(stats, "up_ns"),
        .cpu_ns = number(monitor, "cpu_ns"),
        .vcpus_ns = number(monitor, "vcpus_ns"),
        .rest_ns = number(monitor, "rest_ns"),
        .user_ns = number(monitor, "user_ns"),
        .system_ns = number(monitor, "system_ns"),
        .resident = number(monitor, "resident"),
        .memory = number(memory, "bytes"),
        .given_back = number(memory, "given_back"),
        .touched = number(memory, "touched"),
        .cache = {.used = number(cache, "used"),
                  .bytes = number(cache, "bytes"),
                  .blocks = number(cache, "blocks"),
                  .flushes = number(cache, "flushes")},
    };
    json_array_foreach(json_object_get(stats, "cpus"), i, o) add_cpu(&ret->cpus, o);
    json_array_foreach(json_object_get(stats, "devices"), i, o) add_device(ret, o);
}

uint64_t sample_exits(const struct sample *s)
{
    const struct cpu_stats *c = &s->cpus;
    uint64_t seen = c->mmio_reads + c->mmio_writes + c->io_reads + c->io_writes + c->halts + c->requests;
    return c->exits ? c->exits : seen;
}

uint64_t sample_tlb_misses(const struct sample *s)
{
    return s->cpus.tlb_misses[0] + s->cpus.tlb_misses[1] + s->cpus.tlb_misses[2];
}

uint64_t sample_growth(uint64_t before, uint64_t now)
{
    return now >= before ? now - before : now;
}

double sample_rate(uint64_t before, uint64_t now, uint64_t between_ns)
{
    return between_ns ? (double)sample_growth(before, now) * 1e9 / (double)between_ns : 0;
}

double sample_percent(uint64_t before_ns, uint64_t now_ns, uint64_t between_ns)
{
    return sample_rate(before_ns, now_ns, between_ns) / 1e7;
}

const char *sample_short(double n, char *buf, size_t size)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    unsigned u = 0;
    while (n >= 999.5 && u < 4) {
        n /= 1000;
        u++;
    }
    bool whole = n >= 9.95 || n < 0.05 || (u == 0 && n >= 0.95 && n < 1.05);
    snprintf(buf, size, "%.*f%s", whole ? 0 : 1, n, units[u]);
    return buf;
}
