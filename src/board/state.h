// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state: how a device writes itself down: a table of its fields, with a version and a check.
 *
 * Saved form: little endian, each field tagged by name, so that fields may come and go between
 * versions. The incoming bytes are hostile: state_load fills a scratch copy, the check looks at it,
 * and only then the device takes it over (load hook). Never a memcpy of structs.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum state_kind { STATE_U8, STATE_U16, STATE_U32, STATE_U64, STATE_BOOL, STATE_BYTES };

struct state_field {
    const char *name;
    enum state_kind kind;
    size_t offset;
    size_t count; /* elements: 1 for a scalar, n for an array, bytes for STATE_BYTES */
};
#define STATE(type, member, kind_)                                                                           \
    {#member, kind_, offsetof(struct type, member), sizeof(((struct type *)0)->member) / state_width(kind_)}
#define state_width(kind)                                                                                    \
    ((kind) == STATE_U16 ? 2u : (kind) == STATE_U32 ? 4u : (kind) == STATE_U64 ? 8u : 1u)

struct state_table {
    const char *name; /* "uart", "virtio-blk" */
    unsigned version;
    const struct state_field *fields;
    unsigned nr_fields;
    size_t size;                                  /* of the object */
    int (*check)(const void *obj, struct err *e); /* of the scratch copy; may be NULL */
    void (*loaded)(void *obj);                    /* derive the rest, drive wires, arm timers; may be NULL */
};

/* Append obj's saved form to *buf (realloc'd; *len grows). -ENOMEM. */
int state_save(const struct state_table *t, const void *obj, uint8_t **buf, size_t *len, struct err *e);
/* Read one object saved by state_save; *used tells how many bytes it took. -EINVAL says which field. */
int state_load(const struct state_table *t, void *obj, const uint8_t *buf, size_t len, size_t *used,
               struct err *e);
