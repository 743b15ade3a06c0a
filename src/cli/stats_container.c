// SPDX-License-Identifier: GPL-2.0-or-later
/* stats_container: see stats_container.h. */
#include "cli/stats_container.h"

#include <inttypes.h>
#include <string.h>

#include "cli/sample.h"
#include "cli/table.h"

#define NO_LIMIT (1ull << 60) /* what the kernel shows where there is none */

struct page {
    FILE *f;
    const json_t *before, *now; /* stats of the two */
    uint64_t between_ns;        /* 0: there is one only */
};

/* A number some objects below, "cpu.usage.total"; 0: not counted here. */
static uint64_t number(const json_t *stats, const char *path)
{
    char copy[64];
    const json_t *at = json_object_get(stats, "container");
    snprintf(copy, sizeof(copy), "%s", path);
    for (char *rest = copy, *key; (key = strsep(&rest, "."));)
        at = json_object_get(at, key);
    json_int_t n = json_integer_value(at);
    return n < 0 ? 0 : (uint64_t)n;
}

/* Bytes that all its devices moved one way. */
static uint64_t io_bytes(const json_t *stats, const char *op)
{
    const json_t *list = json_object_get(json_object_get(json_object_get(stats, "container"), "blkio"),
                                         "ioServiceBytesRecursive");
    uint64_t sum = 0;
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        const char *is = json_string_value(json_object_get(one, "op"));
        if (is && strcasecmp(is, op) == 0)
            sum += (uint64_t)json_integer_value(json_object_get(one, "value"));
    }
    return sum;
}

/* ---- rows ---- */

static void row(const struct page *p, const char *what, const char *total, const char *rate, const char *help)
{
    fprintf(p->f, "  %-18s %12s %10s  %s\n", what, total, rate, help);
}

static void time_row(const struct page *p, const char *what, const char *path, const char *help)
{
    char total[32], rate[32] = "";
    uint64_t now = number(p->now, path);
    snprintf(total, sizeof(total), "%.2f s", (double)now / 1e9);
    if (p->between_ns)
        snprintf(rate, sizeof(rate), "%.1f%%", sample_percent(number(p->before, path), now, p->between_ns));
    row(p, what, total, rate, help);
}

static void bytes_row(const struct page *p, const char *what, const char *path, const char *help)
{
    char text[32];
    uint64_t n = number(p->now, path);
    table_bytes(n, text, sizeof(text));
    row(p, what, n < NO_LIMIT ? text : "none", "", help);
}

static void count_row(const struct page *p, const char *what, const char *path, const char *help)
{
    char text[32];
    uint64_t n = number(p->now, path);
    snprintf(text, sizeof(text), "%" PRIu64, n);
    row(p, what, n && n < NO_LIMIT ? text : "none", "", help);
}

static void io_row(const struct page *p, const char *what, const char *op, const char *help)
{
    char total[32], rate[32] = "";
    uint64_t now = io_bytes(p->now, op);
    table_bytes(now, total, sizeof(total));
    if (p->between_ns)
        table_bytes((uint64_t)sample_rate(io_bytes(p->before, op), now, p->between_ns), rate, sizeof(rate));
    row(p, what, total, rate, help);
}

/* ---- the page ---- */

static void title(const struct page *p, const json_t *guest)
{
    char up[32];
    json_int_t ns = json_integer_value(json_object_get(p->now, "up_ns"));
    table_span(ns / 1000000000, up, sizeof(up));
    fprintf(p->f, "%s: container %s, up %s\n", json_string_value(json_object_get(guest, "name")),
            json_string_value(json_object_get(guest, "state")), up);
}

static void parts(const struct page *p)
{
    fprintf(p->f, "\n%-20s %12s %10s\n", "PROCESSOR TIME", "TOTAL", "NOW");
    time_row(p, "all", "cpu.usage.total", "of its processes; 100% is one core");
    time_row(p, "user", "cpu.usage.user", "of it: in programs");
    time_row(p, "system", "cpu.usage.kernel", "of it: in the kernel");
    time_row(p, "held back", "cpu.throttling.throttledTime", "by --cpus");
    fprintf(p->f, "\n%-20s %12s\n", "MEMORY", "BYTES");
    bytes_row(p, "used", "memory.usage.usage", "by its processes, and files cached for them");
    bytes_row(p, "cache", "memory.cache", "of it: files");
    bytes_row(p, "most", "memory.usage.max", "that was used at a time");
    bytes_row(p, "limit", "memory.usage.limit", "--memory");
    fprintf(p->f, "\n%-20s %12s\n", "PROCESSES", "NUMBER");
    count_row(p, "now", "pids.current", "with their threads");
    count_row(p, "limit", "pids.limit", "--pids");
    fprintf(p->f, "\n%-20s %12s %10s\n", "DISKS", "BYTES", "PER SECOND");
    io_row(p, "read", "read", "from the host's disks");
    io_row(p, "written", "write", "to them");
}

void stats_container_print(FILE *f, const json_t *before, const json_t *now)
{
    struct page p = {
        .f = f, .before = json_object_get(before, "stats"), .now = json_object_get(now, "stats")};
    json_int_t then = json_integer_value(json_object_get(p.before, "at_ns"));
    json_int_t at = json_integer_value(json_object_get(p.now, "at_ns"));
    p.between_ns = p.before && at > then ? (uint64_t)(at - then) : 0;
    title(&p, now);
    parts(&p);
}
