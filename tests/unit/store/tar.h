// SPDX-License-Identifier: GPL-2.0-or-later
/* tar: archives by hand, with all that no tar program would write. Source: POSIX.1-1988, ustar. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "unit.h"

struct tar_entry {
    const char *name, *link, *data;
    char type; /* '0' file, '1' hard link, '2' symbolic link, '3', '4' devices, '5' folder, '6' pipe; 0: file
                */
    unsigned mode, uid, gid, major, minor;
    uint64_t size; /* as the header says; 0: of data */
    uint64_t mtime;
};

/* Octal, and a 0 byte at the end. */
static inline void tar_number(char *at, size_t len, uint64_t value)
{
    for (size_t i = len - 1; i-- > 0; value >>= 3)
        at[i] = (char)('0' + (value & 7));
}

static inline void tar_header(struct buf *b, const struct tar_entry *t)
{
    char h[512] = {0};
    unsigned sum = 0;
    uint64_t size = t->size ? t->size : t->data ? strlen(t->data) : 0;
    memcpy(h, t->name, strnlen(t->name, 100));
    tar_number(h + 100, 8, t->mode ? t->mode : 0755);
    tar_number(h + 108, 8, t->uid);
    tar_number(h + 116, 8, t->gid);
    tar_number(h + 124, 12, size);
    tar_number(h + 136, 12, t->mtime);
    h[156] = t->type ? t->type : '0';
    memcpy(h + 157, t->link ? t->link : "", t->link ? strnlen(t->link, 100) : 0);
    memcpy(h + 257, "ustar\00000", 8);
    tar_number(h + 329, 8, t->major);
    tar_number(h + 337, 8, t->minor);
    memset(h + 148, ' ', 8);
    for (size_t i = 0; i < sizeof(h); i++)
        sum += (unsigned char)h[i];
    tar_number(h + 148, 7, sum);
    h[154] = 0;
    assert_int_equal(buf_append(b, h, sizeof(h)), 0);
}

static inline void tar_add(struct buf *b, const struct tar_entry *t)
{
    static const char zeroes[512];
    tar_header(b, t);
    size_t len = t->data ? strlen(t->data) : 0;
    assert_int_equal(buf_append(b, t->data ? t->data : "", len), 0);
    assert_int_equal(buf_append(b, zeroes, (512 - len % 512) % 512), 0);
}

static inline void tar_end(struct buf *b)
{
    static const char zeroes[1024];
    assert_int_equal(buf_append(b, zeroes, sizeof(zeroes)), 0);
}

/* An archive of entries, the last without a name. */
static inline void tar_make(struct buf *b, const struct tar_entry *entries)
{
    for (; entries->name; entries++)
        tar_add(b, entries);
    tar_end(b);
}
