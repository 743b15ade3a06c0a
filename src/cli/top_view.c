// SPDX-License-Identifier: GPL-2.0-or-later
/* top_view: see top_view.h. */
#include "cli/top_view.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli/sample.h"
#include "cli/table.h"

struct row {
    json_t *guest;
    const char *name;
    struct sample before, now;
    uint64_t between_ns; /* 0: no rates */
    double key;          /* what is sorted by */
};

/* The same guest under the same monitor. */
static const json_t *find(const json_t *round, const json_t *guest)
{
    size_t i;
    json_t *g;
    json_array_foreach(round, i,
                       g) if (json_equal(json_object_get(g, "name"), json_object_get(guest, "name")) &&
                              json_equal(json_object_get(g, "pid"), json_object_get(guest, "pid"))) return g;
    return NULL;
}

static double percent(const struct row *r)
{
    return sample_percent(r->before.cpu_ns, r->now.cpu_ns, r->between_ns);
}

static double moved(const struct row *r, bool disk)
{
    const struct sample *b = &r->before, *n = &r->now;
    return disk ? sample_rate(b->disk_in + b->disk_out, n->disk_in + n->disk_out, r->between_ns)
                : sample_rate(b->net_in + b->net_out, n->net_in + n->net_out, r->between_ns);
}

static double key(const struct row *r, const char *sort)
{
    if (strcmp(sort, "cpu") == 0)
        return percent(r);
    if (strcmp(sort, "memory") == 0)
        return (double)r->now.resident;
    if (strcmp(sort, "disk") == 0)
        return moved(r, true);
    return strcmp(sort, "net") == 0 ? moved(r, false) : 0;
}

static void fill(struct row *r, const json_t *before, json_t *guest)
{
    const char *name = json_string_value(json_object_get(guest, "name"));
    *r = (struct row){.guest = guest, .name = name ? name : "-"};
    sample_read(guest, &r->now);
    sample_read(find(before, guest), &r->before);
    if (r->before.known && r->now.known && r->now.at_ns > r->before.at_ns)
        r->between_ns = r->now.at_ns - r->before.at_ns;
}

static int compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? 1 : -1;
    return strcmp(x->name, y->name);
}

static struct row *rows(const json_t *before, const json_t *now, const char *sort, size_t *ret_nr)
{
    size_t i, nr = json_array_size(now);
    json_t *g;
    struct row *all = calloc(nr + 1, sizeof(*all));
    BUG_ON(!all);
    json_array_foreach(now, i, g)
    {
        fill(&all[i], before, g);
        all[i].key = key(&all[i], sort);
    }
    qsort(all, nr, sizeof(*all), compare);
    *ret_nr = nr;
    return all;
}

/* ---- for people ---- */

struct cell {
    char text[40];
};

static struct cell percent_cell(const struct row *r, uint64_t before, uint64_t now)
{
    struct cell c = {"-"};
    if (r->between_ns)
        snprintf(c.text, sizeof(c.text), "%.1f", sample_percent(before, now, r->between_ns));
    return c;
}

static struct cell rate_cell(const struct row *r, uint64_t before, uint64_t now)
{
    struct cell c = {"-"};
    if (r->between_ns)
        sample_short(sample_rate(before, now, r->between_ns), c.text, sizeof(c.text));
    return c;
}

/* What only the soft engine counts. */
static struct cell soft_cell(const struct row *r, uint64_t before, uint64_t now)
{
    const char *engine = json_string_value(json_object_get(r->guest, "engine"));
    return engine && strcmp(engine, "soft") == 0 ? rate_cell(r, before, now) : (struct cell){"-"};
}

static struct cell bytes_cell(const struct row *r, double rate)
{
    struct cell c = {"-"};
    if (r->between_ns)
        table_bytes((uint64_t)rate, c.text, sizeof(c.text));
    return c;
}

static struct cell memory_cell(const struct row *r)
{
    struct cell c = {"-"};
    char used[16], all[16];
    if (r->now.known)
        snprintf(c.text, sizeof(c.text), "%s/%s", table_bytes(r->now.resident, used, sizeof(used)),
                 table_bytes(r->now.memory, all, sizeof(all)));
    return c;
}

static struct cell up_cell(const struct row *r)
{
    struct cell c = {"-"};
    if (r->now.known)
        table_span((int64_t)(r->now.up_ns / 1000000000u), c.text, sizeof(c.text));
    return c;
}

static const char *text(const struct row *r, const char *name)
{
    const char *s = json_string_value(json_object_get(r->guest, name));
    return s ? s : "-";
}

static void add_row(struct table *t, const struct row *r)
{
    const struct sample *b = &r->before, *n = &r->now;
    struct cell cpus;
    snprintf(cpus.text, sizeof(cpus.text), "%d", (int)json_integer_value(json_object_get(r->guest, "cpus")));
    table_add(t, (const char *[]){
                     r->name,
                     text(r, "state"),
                     text(r, "engine"),
                     cpus.text,
                     percent_cell(r, b->cpu_ns, n->cpu_ns).text,
                     percent_cell(r, b->vcpus_ns, n->vcpus_ns).text,
                     memory_cell(r).text,
                     rate_cell(r, sample_exits(b), sample_exits(n)).text,
                     soft_cell(r, b->cpus.steps, n->cpus.steps).text,
                     soft_cell(r, b->cpus.blocks, n->cpus.blocks).text,
                     soft_cell(r, sample_tlb_misses(b), sample_tlb_misses(n)).text,
                     bytes_cell(r, moved(r, true)).text,
                     bytes_cell(r, moved(r, false)).text,
                     up_cell(r).text,
                 });
}

void top_table(FILE *f, const json_t *before, const json_t *now, const char *sort)
{
    static const char *const heads[] = {"NAME",     "STATE",  "ENGINE",  "CPUS",    "CPU%",
                                        "VCPU%",    "MEMORY", "EXITS/S", "STEPS/S", "BLOCKS/S",
                                        "MISSES/S", "DISK/S", "NET/S",   "UP",      NULL};
    OWN_TABLE t;
    size_t nr;
    OWN_MEM struct row *all = rows(before, now, sort, &nr);
    table_init(&t, heads);
    for (size_t i = 0; i < nr; i++)
        add_row(&t, &all[i]);
    table_print(&t, f);
}

void top_sum(const json_t *before, const json_t *now, char *ret, size_t size)
{
    size_t nr;
    OWN_MEM struct row *all = rows(before, now, "name", &nr);
    uint64_t resident = 0;
    double cpu = 0;
    char bytes[32];
    for (size_t i = 0; i < nr; i++) {
        resident += all[i].now.resident;
        cpu += percent(&all[i]);
    }
    snprintf(ret, size, "%zu %s, %.0f%% cpu, %s resident", nr, nr == 1 ? "guest" : "guests", cpu,
             table_bytes(resident, bytes, sizeof(bytes)));
}

/* Bytes of a line that fit so many columns: no character is cut in two. */
static size_t fitting(const char *line, size_t len, unsigned cols, bool *ret_full)
{
    size_t n = 0;
    unsigned at = 0;
    for (; n < len; n++) {
        bool begins = ((unsigned char)line[n] & 0xc0) != 0x80;
        if (begins && at == cols)
            break;
        at += begins;
    }
    *ret_full = at == cols;
    return n;
}

/* Each line is wiped behind its end (one that fills its row has nothing there, and would lose its last
 * character), and the screen below the last one: nothing flickers. */
void top_fit(FILE *f, const char *text, unsigned cols, unsigned rows)
{
    fputs("\033[H", f);
    for (unsigned i = 0; *text && i < rows; i++) {
        size_t len = strcspn(text, "\n");
        bool full;
        int n = (int)fitting(text, len, cols, &full);
        fprintf(f, "%s%.*s%s", i ? "\r\n" : "", n, text, full ? "" : "\033[K");
        text += len + (text[len] != 0);
    }
    fputs("\033[J", f);
}

/* ---- for programs ---- */

static json_t *rates(const struct row *r)
{
    const struct sample *b = &r->before, *n = &r->now;
    const struct {
        const char *key;
        double value;
    } all[] = {
        {"cpu_percent", percent(r)},
        {"vcpus_percent", sample_percent(b->vcpus_ns, n->vcpus_ns, r->between_ns)},
        {"rest_percent", sample_percent(b->rest_ns, n->rest_ns, r->between_ns)},
        {"exits", sample_rate(sample_exits(b), sample_exits(n), r->between_ns)},
        {"steps", sample_rate(b->cpus.steps, n->cpus.steps, r->between_ns)},
        {"blocks", sample_rate(b->cpus.blocks, n->cpus.blocks, r->between_ns)},
        {"tlb_misses", sample_rate(sample_tlb_misses(b), sample_tlb_misses(n), r->between_ns)},
        {"disk_in_bytes", sample_rate(b->disk_in, n->disk_in, r->between_ns)},
        {"disk_out_bytes", sample_rate(b->disk_out, n->disk_out, r->between_ns)},
        {"net_in_bytes", sample_rate(b->net_in, n->net_in, r->between_ns)},
        {"net_out_bytes", sample_rate(b->net_out, n->net_out, r->between_ns)},
    };
    if (r->between_ns == 0)
        return json_null();
    json_t *j = json_pack("{s:f}", "seconds", (double)r->between_ns / 1e9);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        json_object_set_new(j, all[i].key, json_real(all[i].value));
    return j;
}

json_t *top_json(const json_t *before, const json_t *now, const char *sort)
{
    size_t nr;
    OWN_MEM struct row *all = rows(before, now, sort, &nr);
    json_t *list = json_array();
    for (size_t i = 0; i < nr; i++) {
        json_t *j = json_copy(all[i].guest);
        json_object_set_new(j, "rates", rates(&all[i]));
        json_array_append_new(list, j);
    }
    return list;
}
