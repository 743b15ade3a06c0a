// SPDX-License-Identifier: GPL-2.0-or-later
/* table: see table.h. */
#include "cli/table.h"

#include <string.h>

#include "base/err.h"

void table_init(struct table *t, const char *const *heads)
{
    *t = (struct table){.heads = heads};
    while (heads[t->columns])
        t->columns++;
    BUG_ON(t->columns > TABLE_COLUMNS);
}

void table_fini(struct table *t)
{
    for (unsigned i = 0; i < t->nr; i++)
        free(t->cells[i]);
    free(t->cells);
}

/* Names may come from files of others: a terminal must not obey them. */
static char *copy(const char *text)
{
    char *s = strdup(text);
    BUG_ON(!s);
    for (char *p = s; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            *p = '?';
    return s;
}

void table_add(struct table *t, const char *const *cells)
{
    char **more = realloc(t->cells, (t->nr + t->columns) * sizeof(*more));
    BUG_ON(!more);
    t->cells = more;
    for (unsigned i = 0; i < t->columns; i++)
        t->cells[t->nr++] = copy(cells[i] ? cells[i] : "-");
}

/* Columns of a text: bytes that begin a character. */
static int width(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

static void print_row(const struct table *t, char *const *cells, const int *widths, FILE *f)
{
    for (unsigned c = 0; c < t->columns; c++) {
        int pad = c + 1 < t->columns ? widths[c] - width(cells[c]) + 2 : 0;
        fprintf(f, "%s%*s", cells[c], pad, "");
    }
    fputc('\n', f);
}

void table_print(const struct table *t, FILE *f)
{
    int widths[TABLE_COLUMNS] = {0};
    for (unsigned c = 0; c < t->columns; c++)
        widths[c] = width(t->heads[c]);
    for (unsigned i = 0; i < t->nr; i++)
        if (width(t->cells[i]) > widths[i % t->columns])
            widths[i % t->columns] = width(t->cells[i]);
    print_row(t, (char *const *)t->heads, widths, f);
    for (unsigned i = 0; i < t->nr; i += t->columns)
        print_row(t, t->cells + i, widths, f);
}

const char *table_bytes(uint64_t bytes, char *buf, size_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned u = 0;
    double v = (double)bytes;
    while (v >= 1024 && u < 4) {
        v /= 1024;
        u++;
    }
    bool whole = v >= 100 || v == (double)(uint64_t)v;
    snprintf(buf, size, whole ? "%.0f %s" : "%.1f %s", v, units[u]);
    return buf;
}

const char *table_span(int64_t seconds, char *buf, size_t size)
{
    static const struct {
        int64_t from, unit;
        const char *name;
    } steps[] = {{2 * 86400, 86400, "days"}, {7200, 3600, "h"}, {120, 60, "min"}, {INT64_MIN, 1, "s"}};
    unsigned i = 0;
    while (seconds < steps[i].from)
        i++;
    snprintf(buf, size, "%lld %s", (long long)(seconds / steps[i].unit), steps[i].name);
    return buf;
}
