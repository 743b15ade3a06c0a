// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unpack: see unpack.h.
 *
 * Source: Linux scripts/Makefile.lib ("size_append": the payload ends with the unpacked size, 4 bytes little
 * endian, gzip's own trailer being just that); LZ4 Frame Format, "Legacy frame".
 * Threads: any.
 */
#include "vm/unpack.h"

#include <lz4.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/own.h"

/* A decoder fills out[0..cap) from in[0..len); true: *ret_len bytes are whole. Trailing bytes are let pass.
 */
typedef bool decoder(const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *ret_len);

static bool un_gzip(const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *ret_len)
{
    z_stream z = {.next_in = (uint8_t *)in, .avail_in = (uInt)len, .next_out = out, .avail_out = (uInt)cap};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return false;
    int rc = inflate(&z, Z_FINISH);
    *ret_len = z.total_out;
    inflateEnd(&z);
    return rc == Z_STREAM_END;
}

static bool un_xz(const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *ret_len)
{
    lzma_stream s = LZMA_STREAM_INIT;
    if (lzma_auto_decoder(&s, UINT64_MAX, 0) != LZMA_OK)
        return false;
    s.next_in = in;
    s.avail_in = len;
    s.next_out = out;
    s.avail_out = cap;
    lzma_ret rc = lzma_code(&s, LZMA_RUN);
    *ret_len = s.total_out;
    lzma_end(&s);
    return rc == LZMA_STREAM_END;
}

static bool un_zstd(const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *ret_len)
{
    size_t frame = ZSTD_findFrameCompressedSize(in, len);
    if (ZSTD_isError(frame))
        return false;
    size_t n = ZSTD_decompress(out, cap, in, frame);
    *ret_len = n;
    return !ZSTD_isError(n);
}

/* Blocks of {u32 compressed size, data}, 8 MiB unpacked each; the trailing size ends them. */
static bool un_lz4(const uint8_t *in, size_t len, uint8_t *out, size_t cap, size_t *ret_len)
{
    size_t at = 4, n = 0;
    while (n < cap) {
        uint32_t block;
        if (len - at < 4)
            return false;
        memcpy(&block, in + at, 4);
        at += 4;
        if (block == 0 || block > len - at || block > INT32_MAX)
            return false;
        size_t room = cap - n < (8u << 20) ? cap - n : 8u << 20;
        int got = LZ4_decompress_safe((const char *)in + at, (char *)out + n, (int)block, (int)room);
        if (got <= 0)
            return false;
        n += (size_t)got;
        at += block;
    }
    *ret_len = n;
    return true;
}

static const struct format {
    const char *name;
    uint8_t magic[6];
    unsigned magic_len;
    decoder *decode;
} formats[] = {
    {"gzip", {0x1f, 0x8b}, 2, un_gzip},
    {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, un_xz},
    {"lzma", {0x5d, 0, 0}, 3, un_xz},
    {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4, un_lz4},
    {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, un_zstd},
};

static const struct format *find_format(const uint8_t *in, size_t len, struct err *e)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (len > 8 && !memcmp(in, formats[i].magic, formats[i].magic_len))
            return &formats[i];
    err_set(e, -ENOTSUP, "its payload is in no known compression (gzip, xz, lzma, lz4, zstd)");
    return NULL;
}

int unpack(const uint8_t *in, size_t len, size_t max, uint8_t **ret, size_t *ret_len, struct err *e)
{
    const struct format *f = find_format(in, len, e);
    if (!f)
        return -ENOTSUP;
    uint32_t size;
    memcpy(&size, in + len - 4, 4);
    if (size == 0 || size > max || len > UINT32_MAX)
        return err_set(e, -EINVAL, "its %s payload is damaged: it claims to unpack to %u bytes", f->name,
                       size);
    OWN_MEM uint8_t *out = malloc(size);
    if (!out)
        return err_code(e, -ENOMEM, "unpack %u bytes", size);
    size_t n = 0;
    if (!f->decode(in, len, out, size, &n) || n != size)
        return err_set(e, -EINVAL, "its %s payload is damaged or cut short", f->name);
    *ret = take(out);
    *ret_len = n;
    return 0;
}

/* The decoders do not tell a full buffer from damage: try larger ones up to max. */
int unpack_whole(const uint8_t *in, size_t len, size_t max, uint8_t **ret, size_t *ret_len, struct err *e)
{
    const struct format *f = find_format(in, len, e);
    if (!f)
        return -ENOTSUP;
    for (size_t cap = len < max / 8 ? len * 8 : max;; cap = cap < max / 4 ? cap * 4 : max) {
        OWN_MEM uint8_t *out = malloc(cap);
        if (!out)
            return err_code(e, -ENOMEM, "unpack %zu bytes", len);
        if (f->decode(in, len, out, cap, ret_len)) {
            *ret = take(out);
            return 0;
        }
        if (cap == max)
            return err_set(e, -EINVAL, "its %s payload is damaged, cut short, or beyond %zu bytes", f->name,
                           max);
    }
}
