// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_numbers: see cgroup_numbers.h. */
#include "container/cgroup_numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void numbers_put(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n));
}

bool numbers_read(const struct cgroup_dir *d, const char *file, uint64_t *ret)
{
    char text[64];
    if (!d || !cgroup_read(d, file, text, sizeof(text)))
        return false;
    *ret = strcmp(text, "max") == 0 ? INT64_MAX : strtoull(text, NULL, 10);
    return true;
}

void numbers_put_file(json_t *o, const char *key, const struct cgroup_dir *d, const char *file)
{
    uint64_t n;
    if (numbers_read(d, file, &n))
        numbers_put(o, key, n);
}

uint64_t numbers_keyed(const char *text, const char *key)
{
    size_t len = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0 && line[len] == ' ')
            return strtoull(line + len, NULL, 10);
    }
    return 0;
}

json_t *numbers_keyed_all(char *text)
{
    json_t *o = json_object();
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        char *blank = strchr(line, ' ');
        if (!blank)
            continue;
        *blank = 0;
        numbers_put(o, line, strtoull(blank + 1, NULL, 10));
    }
    return o;
}

json_t *numbers_list(const char *text)
{
    json_t *list = json_array();
    char *end;
    for (const char *at = text; *at; at = *end == ',' ? end + 1 : end) {
        unsigned long from = strtoul(at, &end, 10), to = from;
        if (end == at)
            break;
        if (*end == '-')
            to = strtoul(end + 1, &end, 10);
        for (; from <= to && json_array_size(list) < 8192; from++)
            json_array_append_new(list, json_integer((json_int_t)from));
    }
    return list;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static void pressure_line(json_t *o, const char *line)
{
    char kind[8];
    double avg10, avg60, avg300;
    unsigned long long total;
    if (sscanf(line, "%7s avg10=%lf avg60=%lf avg300=%lf total=%llu", kind, &avg10, &avg60, &avg300,
               &total) == 5)
        json_object_set_new(o, kind,
                            json_pack("{s:f, s:f, s:f, s:I}", "avg10", avg10, "avg60", avg60, "avg300",
                                      avg300, "total", (json_int_t)total));
}

json_t *numbers_pressure(const struct cgroup_dir *d, const char *file)
{
    char text[512];
    if (!d || !d->v2 || !cgroup_read(d, file, text, sizeof(text)))
        return NULL;
    json_t *o = json_object();
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
        pressure_line(o, line);
    return o;
}
