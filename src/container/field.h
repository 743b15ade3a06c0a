// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * field: reads a JSON document field by field; each error names the whole path:
 *
 *     config.json: linux.namespaces[2].type: "netz" is no namespace
 *
 * The first error sticks to the document and turns all later reads into their defaults, so that a parser is
 * a plain list of reads and looks at doc.rc once, at its end. null counts as missing, as in the Go programs
 * that write these files.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "container/arena.h"

struct doc {
    const char *name;    /* in front of each error */
    struct arena *arena; /* what lists are made in */
    struct err *e;
    int rc; /* 0, or the first error's code */
};

struct field { /* lives on the parser's stack; up must outlive it */
    struct doc *doc;
    const struct field *up;
    const char *key; /* NULL: element `index` of an array */
    unsigned index;
    json_t *v; /* NULL: missing */
};

struct strings { /* borrowed from the document; item[nr] is NULL */
    const char **item;
    unsigned nr;
};

struct field field_root(struct doc *d, json_t *v);
/* Fails for `what` if f is there and no object or array. */
struct field field_object(const struct field *up, const char *key);
struct field field_array(const struct field *up, const char *key);
struct field field_item(const struct field *array, unsigned index);
unsigned field_count(const struct field *array); /* 0 if missing */

/* Report f; returns the code. */
int field_bad(const struct field *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for the member `key` of up. */
int field_bad_key(const struct field *up, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

bool field_has(const struct field *up, const char *key);
/* Missing: NULL (string), or the default. must_*: missing is an error too, "" then. */
const char *field_string(const struct field *up, const char *key);
const char *field_must_string(const struct field *up, const char *key);
int64_t field_int(const struct field *up, const char *key, int64_t dflt, int64_t min, int64_t max);
int64_t field_item_int(const struct field *item, int64_t min, int64_t max);
int64_t field_must_int(const struct field *up, const char *key, int64_t min, int64_t max);
bool field_bool(const struct field *up, const char *key, bool dflt);
/* A list of strings, in arena memory. */
struct strings field_strings(const struct field *up, const char *key);
/* The text of an element of an array of strings. */
const char *field_text(const struct field *item);

/* The path of f: "linux.namespaces[2].type" */
void field_path(const struct field *f, char *ret, size_t size);
