// SPDX-License-Identifier: GPL-2.0-or-later
/* buf: see buf.h. */
#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void buf_fini(struct buf *b)
{
    free(b->mem);
    *b = (struct buf){0};
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (n > SIZE_MAX / 4 - b->len)
        return NULL;
    if (b->head && b->head + b->len + n > b->cap) {
        memmove(b->mem, b->mem + b->head, b->len);
        b->head = 0;
    }
    if (b->len + n > b->cap - b->head) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap < b->len + n)
            cap *= 2;
        uint8_t *mem = realloc(b->mem, cap);
        if (!mem)
            return NULL;
        b->mem = mem;
        b->cap = cap;
    }
    return b->mem + b->head + b->len;
}

void buf_commit(struct buf *b, size_t n)
{
    BUG_ON(b->head + b->len + n > b->cap);
    b->len += n;
}

int buf_append(struct buf *b, const void *data, size_t n)
{
    if (n == 0)
        return 0;
    uint8_t *to = buf_reserve(b, n);
    if (!to)
        return -ENOMEM;
    memcpy(to, data, n);
    b->len += n;
    return 0;
}

void buf_consume(struct buf *b, size_t n)
{
    BUG_ON(n > b->len);
    b->head += n;
    b->len -= n;
    if (b->len == 0)
        b->head = 0;
}
