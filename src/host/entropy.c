// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * entropy: getrandom(2). It blocks only until the host's pool is ready once after boot, long before guests;
 * requests of up to 256 bytes are never interrupted.
 */
#include "host/entropy.h"

#include <errno.h>
#include <sys/random.h>

#include "base/err.h"

static void fill(void *ctx, void *buf, size_t len)
{
    uint8_t *at = buf;
    (void)ctx;
    while (len) {
        ssize_t n = getrandom(at, len, 0);
        BUG_ON(n < 0 && errno != EINTR); /* EFAULT, ENOSYS: ours */
        if (n <= 0)
            continue;
        at += n;
        len -= (size_t)n;
    }
}

struct entropy_port entropy_host(void)
{
    return (struct entropy_port){.fill = fill};
}
