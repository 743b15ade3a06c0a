// SPDX-License-Identifier: GPL-2.0-or-later
/* field: see field.h. */
#include "container/field.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct field field_root(struct doc *d, json_t *v)
{
    struct field f = {.doc = d, .v = v};
    if (v && !json_is_object(v))
        field_bad(&f, "not an object");
    return f;
}

/* ---- paths and errors ---- */

void field_path(const struct field *f, char *ret, size_t size)
{
    if (!f->up) {
        ret[0] = 0;
        return;
    }
    field_path(f->up, ret, size);
    size_t len = strlen(ret);
    if (f->key)
        snprintf(ret + len, size - len, "%s%s", len ? "." : "", f->key);
    else
        snprintf(ret + len, size - len, "[%u]", f->index);
}

__attribute__((format(printf, 2, 0))) static int report(const struct field *f, const char *fmt, va_list ap)
{
    struct doc *d = f->doc;
    if (d->rc < 0)
        return d->rc;
    char path[200], text[300];
    field_path(f, path, sizeof(path));
    if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
        text[0] = 0;
    d->rc = err_set(d->e, -EINVAL, "%s: %s%s%s", d->name, path, *path ? ": " : "", text);
    return d->rc;
}

int field_bad(const struct field *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = report(f, fmt, ap);
    va_end(ap);
    return rc;
}

int field_bad_key(const struct field *up, const char *key, const char *fmt, ...)
{
    struct field f = {.doc = up->doc, .up = up, .key = key};
    va_list ap;
    va_start(ap, fmt);
    int rc = report(&f, fmt, ap);
    va_end(ap);
    return rc;
}

/* ---- structure ---- */

static json_t *get(const struct field *up, const char *key)
{
    json_t *v = up->v && json_is_object(up->v) ? json_object_get(up->v, key) : NULL;
    return v && !json_is_null(v) && up->doc->rc == 0 ? v : NULL;
}

bool field_has(const struct field *up, const char *key)
{
    return get(up, key) != NULL;
}

struct field field_object(const struct field *up, const char *key)
{
    struct field f = {.doc = up->doc, .up = up, .key = key, .v = get(up, key)};
    if (f.v && !json_is_object(f.v)) {
        field_bad(&f, "not an object");
        f.v = NULL;
    }
    return f;
}

struct field field_array(const struct field *up, const char *key)
{
    struct field f = {.doc = up->doc, .up = up, .key = key, .v = get(up, key)};
    if (f.v && !json_is_array(f.v)) {
        field_bad(&f, "not an array");
        f.v = NULL;
    }
    return f;
}

unsigned field_count(const struct field *array)
{
    return array->v && array->doc->rc == 0 ? (unsigned)json_array_size(array->v) : 0;
}

struct field field_item(const struct field *array, unsigned index)
{
    return (struct field){
        .doc = array->doc, .up = array, .index = index, .v = json_array_get(array->v, index)};
}

/* ---- values ---- */

const char *field_text(const struct field *item)
{
    if (!json_is_string(item->v)) {
        field_bad(item, "not a string");
        return "";
    }
    return json_string_value(item->v);
}

const char *field_string(const struct field *up, const char *key)
{
    struct field f = {.doc = up->doc, .up = up, .key = key, .v = get(up, key)};
    return f.v ? field_text(&f) : NULL;
}

const char *field_must_string(const struct field *up, const char *key)
{
    const char *s = field_string(up, key);
    if (!s || !*s)
        field_bad_key(up, key, s ? "is empty" : "is missing");
    return s ? s : "";
}

/* Numbers come as reals where one of the file is above all integers (config.c); 2^53 and less are exact. */
static bool whole_number(const json_t *v)
{
    const double exact = 9007199254740992.0;
    if (!json_is_real(v))
        return json_is_integer(v);
    double d = json_real_value(v);
    return d >= exact || (d > -exact && d == (double)(int64_t)d);
}

/* Above all integers is "no limit" in all that writes them. */
static int64_t number_of(const json_t *v)
{
    if (json_is_integer(v))
        return json_integer_value(v);
    return json_real_value(v) >= 9223372036854775807.0 ? INT64_MAX : (int64_t)json_real_value(v);
}

int64_t field_item_int(const struct field *item, int64_t min, int64_t max)
{
    if (!whole_number(item->v)) {
        field_bad(item, "not a whole number");
        return min;
    }
    int64_t n = number_of(item->v);
    if (n >= min && n <= max)
        return n;
    field_bad(item, "%lld is not from %lld to %lld", (long long)n, (long long)min, (long long)max);
    return min;
}

int64_t field_int(const struct field *up, const char *key, int64_t dflt, int64_t min, int64_t max)
{
    struct field f = {.doc = up->doc, .up = up, .key = key, .v = get(up, key)};
    return f.v ? field_item_int(&f, min, max) : dflt;
}

int64_t field_must_int(const struct field *up, const char *key, int64_t min, int64_t max)
{
    if (!field_has(up, key))
        field_bad_key(up, key, "is missing");
    return field_int(up, key, min, min, max);
}

bool field_bool(const struct field *up, const char *key, bool dflt)
{
    json_t *v = get(up, key);
    if (v && !json_is_boolean(v))
        field_bad_key(up, key, "not true or false");
    return v ? json_is_true(v) : dflt;
}

struct strings field_strings(const struct field *up, const char *key)
{
    struct field list = field_array(up, key);
    struct strings s = {.nr = field_count(&list)};
    s.item = arena_alloc(up->doc->arena, (s.nr + 1) * sizeof(*s.item));
    for (unsigned i = 0; i < s.nr; i++) {
        struct field item = field_item(&list, i);
        s.item[i] = field_text(&item);
    }
    return s;
}
