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

/* The end of the blocks from here on that are not zero. */
static size_t run_end(const uint8_t *data, size_t from, size_t len)
{
    size_t to = from;
    while (to < len && !is_zero(data + to, len - to < BLOCK ? len - to : BLOCK))
        to += len - to < BLOCK ? len - to : BLOCK;
    return to;
}

/* Neighbouring blocks go in one write. */
int sparse_write(int fd, const void *data, size_t len, off_t at, uint64_t *written)
{
    const uint8_t *bytes = data;
    for (size_t from = 0; from < len;) {
        size_t to = run_end(bytes, from, len);
        if (to == from) {
            from += BLOCK;
            continue;
        }
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
