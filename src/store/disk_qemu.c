// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk_qemu: see disk_qemu.h.
 *
 * qemu-img reads what is missing at the end of a file as zeroes, and opens whatever files an image names; so
 * both are looked for before anything is converted.
 */
#include "store/disk_qemu.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/proc.h"

#define CLUSTER_MAX (2u << 20) /* of qcow2, whose last cluster need not be whole in the file */

static void collect(void *ctx, const char *line)
{
    struct buf *b = ctx;
    (void)buf_append(b, line, strlen(line));
}

/* What qemu-img says about it in JSON. -EIO with *ret set: it says that, and fails. */
static int ask(const char *verb, const char *format, const char *from, struct json_t **ret, struct err *e)
{
    OWN_BUF said = {0};
    const char *argv[] = {"qemu-img", verb, "--output=json", "-f", format, from, NULL};
    int rc = proc_run(&(struct proc_config){.argv = argv, .out_line = collect, .ctx = &said}, e);
    if (rc < 0 && (rc != -EIO || said.len == 0))
        return rc;
    int parsed = json_parse((const char *)buf_data(&said), said.len, "qemu-img", ret, e);
    return parsed < 0 ? parsed : rc;
}

static int refuse(int rc, const char *from, const struct err *why, struct err *e)
{
    return rc == -EIO ? err_set(e, -EINVAL, "%s: damaged or truncated (%s)", from, why->text)
                      : err_set(e, rc, "%s: %s", from, why->text);
}

/* An image that refers to other files of the host could carry them into the guest. */
static int refuse_references(const char *format, const char *from, struct err *e)
{
    OWN(json_t) info = NULL;
    struct err why = {0};
    int rc = ask("info", format, from, &info, &why);
    if (rc < 0)
        return refuse(rc, from, &why, e);
    const json_t *data = json_object_get(json_object_get(info, "format-specific"), "data");
    const char *other = json_string_value(json_object_get(info, "backing-filename"));
    if (!other)
        other = json_string_value(json_object_get(data, "data-file"));
    size_t i;
    json_t *extent;
    json_array_foreach(json_object_get(data, "extents"), i, extent)
    {
        const char *name = json_string_value(json_object_get(extent, "filename"));
        if (name && strcmp(name, from) != 0)
            other = name;
    }
    return other ? err_set(e, -EINVAL, "%s: refers to another file, %s; convert it to a single file first",
                           from, other)
                 : 0;
}

static int check_tables(const char *format, const char *from, struct err *e)
{
    OWN(json_t) found = NULL;
    struct err why = {0};
    int rc = ask("check", format, from, &found, &why);
    if (rc == -EIO && !found && strstr(why.text, "does not support checks"))
        return 0;
    if (rc < 0 && !found)
        return refuse(rc, from, &why, e);
    if (json_integer_value(json_object_get(found, "corruptions")) > 0 ||
        json_integer_value(json_object_get(found, "check-errors")) > 0)
        return err_set(e, -EINVAL, "%s: damaged or truncated (qemu-img check finds corruption)", from);
    return 0; /* leaked clusters waste room only */
}

/* ---- truncation ---- */

struct extents {
    uint64_t file_bytes, slack;
    bool beyond; /* one lies beyond the file's end */
};

/* { "start": 0, "length": 65536, ..., "data": true, "offset": 131072}, one a line. */
static void on_extent(void *ctx, const char *line)
{
    struct extents *x = ctx;
    unsigned long long length, offset;
    const char *l = strstr(line, "\"length\": "), *o = strstr(line, "\"offset\": ");
    if (!l || !o || sscanf(l, "\"length\": %llu", &length) != 1 ||
        sscanf(o, "\"offset\": %llu", &offset) != 1)
        return;
    if (offset >= x->file_bytes || length > x->file_bytes + x->slack - offset)
        x->beyond = true;
}

static int refuse_truncated(const char *format, const char *from, struct err *e)
{
    struct stat st;
    if (stat(from, &st) < 0)
        return err_sys(e, "%s", from);
    struct extents x = {.file_bytes = (uint64_t)st.st_size,
                        .slack = strcmp(format, "qcow2") == 0 ? CLUSTER_MAX : 0};
    const char *argv[] = {"qemu-img", "map", "--output=json", "-f", format, from, NULL};
    int rc = proc_run(&(struct proc_config){.argv = argv, .out_line = on_extent, .ctx = &x}, e);
    if (rc < 0)
        return err_wrap(e, "%s", from);
    return x.beyond ? err_set(e, -EINVAL, "%s: truncated", from) : 0;
}

/* ---- converting ---- */

/* "    (12.34/100%)" */
static void on_percent(void *ctx, const char *line)
{
    double percent;
    if (sscanf(line, " (%lf/100%%)", &percent) == 1 && percent >= 0 && percent <= 100)
        progress_to(ctx, (uint64_t)(percent * 10));
}

int disk_convert(const char *from, const char *format, const char *to, struct progress *p, struct err *e)
{
    int rc;
    if ((rc = refuse_references(format, from, e)) < 0 || (rc = check_tables(format, from, e)) < 0 ||
        (rc = refuse_truncated(format, from, e)) < 0)
        return rc;
    const char *argv[] = {"qemu-img", "convert", "-p", "-f", format, "-O", "raw", "-S", "4k", from, to, NULL};
    progress_start(p, "converting", 1000, PROGRESS_STEPS);
    rc = proc_run(&(struct proc_config){.argv = argv, .out_line = on_percent, .ctx = p}, e);
    return rc < 0 ? err_wrap(e, "%s", from) : 0;
}
