// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * buf: a growing run of bytes with a read end: append at the tail, consume at the head.
 * A zeroed struct is an empty buffer.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *mem;
    size_t head, len, cap; /* the bytes are mem[head .. head+len) */
};

void buf_fini(struct buf *b);
static inline uint8_t *buf_data(const struct buf *b)
{
    return b->mem + b->head;
}
/* Room for n more bytes behind the tail, or NULL (out of memory); buf_commit makes them part of it. */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);
int buf_append(struct buf *b, const void *data, size_t n); /* -ENOMEM or 0 */
void buf_consume(struct buf *b, size_t n);                 /* n <= len */
#define OWN_BUF __attribute__((cleanup(buf_fini))) struct buf
