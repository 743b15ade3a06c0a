// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state: see state.h.
 *
 * Saved form, all little endian:  "HST1" | u8 name length, name | u32 version | u32 fields | fields...
 * A field:  u8 name length, name | u8 kind | u32 elements | elements
 */
#include "board/state.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"

static const char magic[4] = {'H', 'S', 'T', '1'};

static int put_name(struct buf *b, const char *name)
{
    uint8_t len = (uint8_t)strlen(name);
    return buf_append(b, &len, 1) | buf_append(b, name, len);
}

static int put_u32(struct buf *b, uint32_t v)
{
    return buf_append(b, &v, sizeof(v)); /* x86 only: the host is little endian */
}

int state_save(const struct state_table *t, const void *obj, uint8_t **buf, size_t *len, struct err *e)
{
    struct buf b = {.mem = *buf, .len = *len, .cap = *len};
    int bad = buf_append(&b, magic, sizeof(magic)) | put_name(&b, t->name) | put_u32(&b, t->version) |
              put_u32(&b, t->nr_fields);
    for (unsigned i = 0; i < t->nr_fields; i++) {
        const struct state_field *f = &t->fields[i];
        uint8_t kind = (uint8_t)f->kind;
        bad |= put_name(&b, f->name) | buf_append(&b, &kind, 1) | put_u32(&b, (uint32_t)f->count) |
               buf_append(&b, (const uint8_t *)obj + f->offset, f->count * state_width(f->kind));
    }
    *buf = b.mem; /* also when it failed: what was there before is still in it */
    if (bad)
        return err_code(e, -ENOMEM, "save %s", t->name);
    *len = b.len;
    return 0;
}

struct reader {
    const uint8_t *at;
    size_t left;
};

static const uint8_t *get(struct reader *r, size_t n)
{
    if (n > r->left)
        return NULL;
    const uint8_t *p = r->at;
    r->at += n;
    r->left -= n;
    return p;
}

static bool get_u32(struct reader *r, uint32_t *ret)
{
    const uint8_t *p = get(r, 4);
    if (p)
        memcpy(ret, p, 4);
    return p;
}

/* A name of at most 255 bytes into a zero-terminated buffer. */
static bool get_name(struct reader *r, char ret[256])
{
    const uint8_t *n = get(r, 1);
    const uint8_t *p = n ? get(r, *n) : NULL;
    if (!p)
        return false;
    memcpy(ret, p, *n);
    ret[*n] = 0;
    return true;
}

static const struct state_field *field(const struct state_table *t, const char *name)
{
    for (unsigned i = 0; i < t->nr_fields; i++)
        if (!strcmp(t->fields[i].name, name))
            return &t->fields[i];
    return NULL;
}

/* bool is a byte that may only be 0 or 1: anything else would be undefined behaviour to read. */
static bool bools_ok(const uint8_t *p, size_t n)
{
    while (n--)
        if (p[n] > 1)
            return false;
    return true;
}

static int load_field(const struct state_table *t, uint8_t *scratch, struct reader *r, struct err *e)
{
    char name[256];
    const uint8_t *kind;
    uint32_t count;
    if (!get_name(r, name) || !(kind = get(r, 1)) || !get_u32(r, &count) || *kind > STATE_BYTES)
        return err_set(e, -EINVAL, "state of %s is cut short", t->name);
    const uint8_t *p = get(r, (size_t)count * state_width(*kind));
    if (!p)
        return err_set(e, -EINVAL, "state of %s: field %s is cut short", t->name, name);
    const struct state_field *f = field(t, name);
    if (!f)
        return 0; /* a field that this version no longer knows */
    if (*kind != f->kind || count != f->count)
        return err_set(e, -EINVAL, "state of %s: field %s has another shape", t->name, name);
    if (f->kind == STATE_BOOL && !bools_ok(p, count))
        return err_set(e, -EINVAL, "state of %s: field %s is neither true nor false", t->name, name);
    memcpy(scratch + f->offset, p, (size_t)count * state_width(*kind));
    return 0;
}

int state_load(const struct state_table *t, void *obj, const uint8_t *buf, size_t len, size_t *used,
               struct err *e)
{
    struct reader r = {buf, len};
    char name[256];
    uint32_t version, nr;
    const uint8_t *m = get(&r, sizeof(magic));
    if (!m || memcmp(m, magic, sizeof(magic)) != 0 || !get_name(&r, name))
        return err_set(e, -EINVAL, "no state of %s", t->name);
    if (strcmp(name, t->name) != 0)
        return err_set(e, -EINVAL, "state of %s where %s was expected", name, t->name);
    if (!get_u32(&r, &version) || !get_u32(&r, &nr))
        return err_set(e, -EINVAL, "state of %s is cut short", t->name);
    if (version > t->version)
        return err_set(e, -EINVAL, "state of %s has version %u, newer than %u", t->name, version, t->version);

    OWN_MEM uint8_t *scratch = malloc(t->size);
    if (!scratch)
        return err_code(e, -ENOMEM, "load %s", t->name);
    memcpy(scratch, obj, t->size);
    for (uint32_t i = 0; i < nr; i++) {
        int rc = load_field(t, scratch, &r, e);
        if (rc < 0)
            return rc;
    }
    int rc = t->check ? t->check(scratch, e) : 0;
    if (rc < 0)
        return err_wrap(e, "state of %s", t->name);
    for (unsigned i = 0; i < t->nr_fields; i++) {
        const struct state_field *f = &t->fields[i];
        memcpy((uint8_t *)obj + f->offset, scratch + f->offset, f->count * state_width(f->kind));
    }
    if (t->loaded)
        t->loaded(obj);
    *used = len - r.left;
    return 0;
}
