// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats: see stats.h. Four columns: what, since the start, per second, and what it means.
 */
#include "cli/stats.h"

#include <inttypes.h>
#include <string.h>

#include "cli/stats_container.h"
#include "cli/table.h"

struct page {
    FILE *f;
    const json_t *guest;
    struct sample before, now;
    uint64_t between_ns; /* 0: there is one sample only */
};

static const char *text(const struct page *p, const char *key)
{
    const char *s = json_string_value(json_object_get(p->guest, key));
    return s ? s : "-";
}

static void row(const struct page *p, const char *what, const char *total, const char *rate, const char *help)
{
    fprintf(p->f, help ? "  %-18s %12s %10s  %s\n" : "  %-18s %12s %10s\n", what, total, rate, help);
}

static void head(const struct page *p, const char *what, const char *total, const char *rate)
{
    fprintf(p->f, rate ? "\n%-20s %12s %10s\n" : "\n%-20s %12s\n", what, total, rate);
}

static void count(const struct page *p, const char *what, uint64_t before, uint64_t now, const char *help)
{
    char total[32], rate[32] = "-";
    snprintf(total, sizeof(total), "%" PRIu64, now);
    if (p->between_ns)
        sample_short(sample_rate(before, now, p->between_ns), rate, sizeof(rate));
    row(p, what, total, rate, help);
}

/* ---- the parts of the page ---- */

static void title(const struct page *p)
{
    char up[32];
    json_int_t cpus = json_integer_value(json_object_get(p->guest, "cpus"));
    table_span((int64_t)(p->now.up_ns / 1000000000u), up, sizeof(up));
    fprintf(p->f, "%s: %s, engine %s, %d %s, up %s\n", text(p, "name"), text(p, "state"), text(p, "engine"),
            (int)cpus, cpus == 1 ? "cpu" : "cpus", up);
}

static void time_row(const struct page *p, const char *what, uint64_t before, uint64_t now, const char *help)
{
    char total[32], rate[32] = "-";
    snprintf(total, sizeof(total), "%.2f s", (double)now / 1e9);
    if (p->between_ns)
        snprintf(rate, sizeof(rate), "%.1f%%", sample_percent(before, now, p->between_ns));
    row(p, what, total, rate, help);
}

static json_t *cpu_of(const json_t *guest, size_t i)
{
    return json_array_get(json_object_get(json_object_get(guest, "stats"), "cpus"), i);
}

static uint64_t cpu_ns(const json_t *cpu)
{
    return (uint64_t)json_integer_value(json_object_get(cpu, "cpu_ns"));
}

static void times(const struct page *p, const json_t *before)
{
    const struct sample *b = &p->before, *n = &p->now;
    head(p, "PROCESSOR TIME", "TOTAL", "NOW");
    time_row(p, "all", b->cpu_ns, n->cpu_ns, "of the monitor's process; 100% is one core");
    time_row(p, "vcpus", b->vcpus_ns, n->vcpus_ns, "threads that run the guest");
    for (size_t i = 0; cpu_of(p->guest, 1) && cpu_of(p->guest, i); i++) {
        char what[32];
        snprintf(what, sizeof(what), "  cpu%zu", i);
        time_row(p, what, cpu_ns(cpu_of(before, i)), cpu_ns(cpu_of(p->guest, i)), NULL);
    }
    time_row(p, "rest", b->rest_ns, n->rest_ns, "devices, disk, network, start");
    time_row(p, "user", b->user_ns, n->user_ns, "of all: in programs");
    time_row(p, "system", b->system_ns, n->system_ns, "of all: in the host's kernel");
}

static void bytes_row(const struct page *p, const char *what, uint64_t bytes, const char *help)
{
    char total[32];
    row(p, what, table_bytes(bytes, total, sizeof(total)), "", help);
}

static void memory(const struct page *p)
{
    head(p, "MEMORY", "BYTES", NULL);
    bytes_row(p, "guest", p->now.memory, "what it was given");
    bytes_row(p, "touched", p->now.touched, "of it, resident on the host");
    bytes_row(p, "given_back", p->now.given_back, "of it, given back by its balloon");
    bytes_row(p, "resident", p->now.resident, "the monitor with all of this");
}

static void cache(const struct page *p)
{
    if (p->now.cache.bytes == 0)
        return;
    head(p, "CODE CACHE", "TOTAL", "PER SECOND");
    bytes_row(p, "used", p->now.cache.used, "host code of the blocks that are there");
    bytes_row(p, "room", p->now.cache.bytes, "used up, the cache is emptied; soon again, and it grows");
    char blocks[32];
    snprintf(blocks, sizeof(blocks), "%" PRIu64, p->now.cache.blocks);
    row(p, "blocks", blocks, "", "that are there");
    count(p, "emptied", p->before.cache.flushes, p->now.cache.flushes, "how often it was full");
}

static void counters(const struct page *p)
{
    head(p, "CPUS", "TOTAL", "PER SECOND");
    for (const struct cpu_counter *c = cpu_counters; c->name; c++)
        if (cpu_counter_of(c, text(p, "engine")))
            count(p, c->name, cpu_counter_get(&p->before.cpus, c), cpu_counter_get(&p->now.cpus, c), c->help);
}

/* What the stepper took most. One that came among these just now has no rate. */
static void stepped(const struct page *p, const json_t *before)
{
    json_t *now = json_object_get(json_object_get(p->guest, "stats"), "stepped");
    const json_t *then = json_object_get(json_object_get(before, "stats"), "stepped");
    const char *name;
    json_t *n;
    if (json_object_size(now) == 0)
        return;
    head(p, "STEPPED", "TOTAL", "PER SECOND");
    json_object_foreach(now, name, n)
    {
        uint64_t total = (uint64_t)json_integer_value(n);
        const json_t *was = json_object_get(then, name);
        count(p, name, was ? (uint64_t)json_integer_value(was) : total, total, NULL);
    }
}

static uint64_t field(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

static void devices(const struct page *p)
{
    static const char *const heads[] = {"DEVICE",   "NOTIFICATIONS", "INTERRUPTS", "TO GUEST",
                                        "REQUESTS", "FROM GUEST",    "REQUESTS",   NULL};
    static const char *const keys[] = {"notifications", "interrupts", "in_bytes",
                                       "in_ops",        "out_bytes",  "out_ops"};
    OWN_TABLE t;
    size_t i;
    json_t *d;
    table_init(&t, heads);
    json_array_foreach(json_object_get(json_object_get(p->guest, "stats"), "devices"), i, d)
    {
        char cells[6][32];
        for (unsigned k = 0; k < 6; k++)
            if (strstr(keys[k], "bytes"))
                table_bytes(field(d, keys[k]), cells[k], sizeof(cells[k]));
            else
                snprintf(cells[k], sizeof(cells[k]), "%" PRIu64, field(d, keys[k]));
        table_add(&t, (const char *[]){json_string_value(json_object_get(d, "name")), cells[0], cells[1],
                                       cells[2], cells[3], cells[4], cells[5]});
    }
    fputc('\n', p->f);
    table_print(&t, p->f);
}

void stats_print(FILE *f, const json_t *before, const json_t *now)
{
    const char *kind = json_string_value(json_object_get(now, "kind"));
    if (kind && strcmp(kind, "container") == 0) {
        stats_container_print(f, before, now);
        return;
    }
    struct page p = {.f = f, .guest = now};
    sample_read(now, &p.now);
    if (before)
        sample_read(before, &p.before);
    if (p.before.known && p.now.at_ns > p.before.at_ns)
        p.between_ns = p.now.at_ns - p.before.at_ns;
    title(&p);
    times(&p, before);
    memory(&p);
    cache(&p);
    counters(&p);
    stepped(&p, before);
    devices(&p);
}
