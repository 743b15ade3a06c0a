// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk_back: what a disk's bytes are kept in: one raw file (disk_raw) or a top layer over a base
 * (disk_layer).
 *
 * Threads: any number at once. Requests that overlap and are in flight together leave either's bytes, as
 * on a real disk; requests that do not overlap never disturb each other, inside one block neither.
 * All return 0 or -errno; offset and bytes lie within the disk.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "host/iov.h"

struct disk_back_ops {
    int (*read)(void *obj, struct iov_part to, uint64_t offset);
    int (*write)(void *obj, struct iov_part from, uint64_t offset);
    int (*flush)(void *obj); /* what was written before this call lasts, even if the host dies */
    int (*discard)(void *obj, uint64_t offset, uint64_t bytes);
    int (*zeroes)(void *obj, uint64_t offset, uint64_t bytes, bool unmap);
    void (*close)(void *obj); /* without a flush */
};

struct disk_back {
    const struct disk_back_ops *ops;
    void *obj;
    uint64_t bytes; /* multiple of 512 */
    bool read_only;
};
