// SPDX-License-Identifier: GPL-2.0-or-later
/* sparse: see sparse.h. */
#include "store/sparse.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096u

static bool is_zero(const uint8_t *data, size_t len)
{
    return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

static size_t piece(size_t len, size_t at)
{
    return len - at < BLOCK ? len - at : BLOCK;
}

/* Neighbouring blocks are one run. */
size_t sparse_run(const void *data, size_t len, size_t *from)
{
    const uint8_t *bytes = data;
    while (*from < len && is_zero(bytes + *from, piece(len, *from)))
        *from += piece(len, *from);
    size_t to = *from;
    while (to < len && !is_zero(bytes + to, piece(len, to)))
        to += piece(len, to);
    return to;
}

int sparse_write(int fd, const void *data, size_t len, off_t at, uint64_t *written)
{
    const char *bytes = data;
    size_t from = 0;
    for (size_t to; (to = sparse_run(data, len, &from)) > from;) {
        ssize_t n = pwrite(fd, bytes + from, to - from, at + (off_t)from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        from += (size_t)n;
        if (written)
            *written += (uint64_t)n;
    }
    return 0;
}
