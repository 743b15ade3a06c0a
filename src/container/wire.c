// SPDX-License-Identifier: GPL-2.0-or-later
/* wire: see wire.h. */
#include "container/wire.h"

#include <string.h>

#include "base/err.h"

enum kind { NUMBER = 0, BITS_64 = 1, BYTES = 2, BITS_32 = 5 };

static void append(struct buf *to, const void *data, size_t n)
{
    BUG_ON(buf_append(to, data, n) < 0);
}

/* Seven bits a byte, the lowest first; the top bit says that more follow. */
static void varint(struct buf *to, uint64_t n)
{
    uint8_t bytes[10];
    unsigned len = 0;
    for (; n > 0x7f; n >>= 7)
        bytes[len++] = (uint8_t)(n | 0x80);
    bytes[len++] = (uint8_t)n;
    append(to, bytes, len);
}

void wire_number(struct buf *to, unsigned field, int64_t n)
{
    varint(to, (uint64_t)field << 3 | NUMBER);
    varint(to, (uint64_t)n);
}

static void bytes(struct buf *to, unsigned field, const void *data, size_t len)
{
    varint(to, (uint64_t)field << 3 | BYTES);
    varint(to, len);
    append(to, data, len);
}

void wire_text(struct buf *to, unsigned field, const char *text)
{
    if (text)
        bytes(to, field, text, strlen(text));
}

void wire_part(struct buf *to, unsigned field, const struct buf *part)
{
    bytes(to, field, part->len ? buf_data(part) : (const uint8_t *)"", part->len);
}

/* ---- reading ---- */

static int read_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
    uint64_t n = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = n;
            return 0;
        }
    }
    return -EPROTO;
}

static int read_bytes(const uint8_t **at, const uint8_t *end, uint64_t len, struct wire_field *f)
{
    if (len > (uint64_t)(end - *at))
        return -EPROTO;
    f->data = *at;
    f->len = len;
    *at += len;
    return 1;
}

int wire_next(const uint8_t **at, const uint8_t *end, struct wire_field *ret)
{
    uint64_t key, n = 0;
    if (*at == end)
        return 0;
    if (read_varint(at, end, &key) < 0 || key >> 3 == 0 || key >> 3 > 0x1fffffff)
        return -EPROTO;
    *ret = (struct wire_field){.number = (unsigned)(key >> 3)};
    switch (key & 7) {
    case NUMBER:
        return read_varint(at, end, &ret->value) < 0 ? -EPROTO : 1;
    case BYTES:
        return read_varint(at, end, &n) < 0 ? -EPROTO : read_bytes(at, end, n, ret);
    case BITS_64:
        return read_bytes(at, end, 8, ret);
    case BITS_32:
        return read_bytes(at, end, 4, ret);
    default:
        return -EPROTO;
    }
}

void wire_string(const struct wire_field *f, char *ret, size_t size)
{
    size_t len = f->len < size ? f->len : size - 1;
    if (len)
        memcpy(ret, f->data, len);
    ret[len] = 0;
}
