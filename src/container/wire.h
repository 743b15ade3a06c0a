// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wire: messages of protocol buffers: numbers, texts and messages within messages, which is all that CRIU's
 * calls are made of.
 *
 * Source: Protocol Buffers documentation, "Encoding".
 */
#pragma once

#include "base/buf.h"

/* Append a field. A text that is NULL is left out; a number below zero takes 64 bits, as int32 does. */
void wire_number(struct buf *to, unsigned field, int64_t n);
void wire_text(struct buf *to, unsigned field, const char *text);
void wire_part(struct buf *to, unsigned field, const struct buf *part);

struct wire_field {
    unsigned number;
    uint64_t value;      /* of a number */
    const uint8_t *data; /* of a text or message, within what was read; else NULL */
    size_t len;
};

/* The next field of [*at, end): 1, and *at is behind it; 0: there is no more; -EPROTO. */
int wire_next(const uint8_t **at, const uint8_t *end, struct wire_field *ret);
/* A text as a string, cut to what ret holds. */
void wire_string(const struct wire_field *f, char *ret, size_t size);
