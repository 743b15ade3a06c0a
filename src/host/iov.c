// SPDX-License-Identifier: GPL-2.0-or-later
/* iov: see iov.h. A long iovec goes in windows of WINDOW pieces, on the stack. */
#include "host/iov.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define WINDOW 64

/* The first pieces of part, at most WINDOW of them; returns their number, *ret_bytes what they hold. */
static unsigned window(const struct iov_part *part, struct iovec *ret, uint64_t *ret_bytes)
{
    uint64_t skip = part->skip, left = part->bytes;
    unsigned n = 0;
    for (unsigned i = 0; i < part->nr && n < WINDOW && left; i++) {
        uint64_t len = part->iov[i].iov_len;
        if (skip >= len) {
            skip -= len;
            continue;
        }
        uint64_t here = len - skip < left ? len - skip : left;
        ret[n++] = (struct iovec){(uint8_t *)part->iov[i].iov_base + skip, here};
        skip = 0;
        left -= here;
    }
    *ret_bytes = part->bytes - left;
    return n;
}

static int transfer(int fd, struct iov_part part, uint64_t offset, bool write)
{
    while (part.bytes) {
        struct iovec some[WINDOW];
        uint64_t bytes;
        unsigned n = window(&part, some, &bytes);
        if (n == 0)
            return -EINVAL; /* the iovec holds less than it should */
        ssize_t did =
            write ? pwritev(fd, some, (int)n, (off_t)offset) : preadv(fd, some, (int)n, (off_t)offset);
        if (did < 0 && errno == EINTR)
            continue;
        if (did < 0)
            return -errno;
        if (did == 0)
            return -EIO;
        part.skip += (uint64_t)did;
        part.bytes -= (uint64_t)did;
        offset += (uint64_t)did;
    }
    return 0;
}

int iov_pread(int fd, struct iov_part part, uint64_t offset)
{
    return transfer(fd, part, offset, false);
}

int iov_pwrite(int fd, struct iov_part part, uint64_t offset)
{
    return transfer(fd, part, offset, true);
}

void iov_zero(struct iov_part part)
{
    while (part.bytes) {
        struct iovec some[WINDOW];
        uint64_t bytes;
        unsigned n = window(&part, some, &bytes);
        if (n == 0)
            return;
        for (unsigned i = 0; i < n; i++)
            memset(some[i].iov_base, 0, some[i].iov_len);
        part.skip += bytes;
        part.bytes -= bytes;
    }
}

size_t iov_gather(const struct iovec *iov, unsigned nr, void *buf, size_t max)
{
    size_t at = 0;
    for (unsigned i = 0; i < nr && at < max; i++) {
        size_t len = iov[i].iov_len < max - at ? iov[i].iov_len : max - at;
        memcpy((uint8_t *)buf + at, iov[i].iov_base, len);
        at += len;
    }
    return at;
}

size_t iov_scatter(const struct iovec *iov, unsigned nr, size_t skip, const void *buf, size_t len)
{
    size_t done = 0;
    for (unsigned i = 0; i < nr && done < len; i++) {
        size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len, room = iov[i].iov_len - from;
        size_t n = room < len - done ? room : len - done;
        memcpy((char *)iov[i].iov_base + from, (const char *)buf + done, n);
        skip -= from;
        done += n;
    }
    return done;
}
