// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree_ext4: a root file system as an ext4 in a file: from a tar archive, a folder, or the layers of an
 * image.
 */
#pragma once

#include <stdint.h>

#include "base/progress.h"
#include "store/ext4.h"
#include "store/tree.h"

struct tree_ext4 {
    const struct tree_source *sources; /* one above the other, the lowest first */
    unsigned nr_sources;
    const char *name;     /* what all of it is called in errors */
    const char *file;     /* to be made */
    uint64_t bytes;       /* size of the file system; 0: what its content needs and some room, but at least */
    uint64_t least_bytes; /* so much */
};

/*
 * In a folder of an ordinary user, what is that user's becomes root's. *ret_bytes: its size. -EINVAL:
 * damaged, truncated, or not a root file system; -ENOSPC: bytes is too small, or the host's disk is full;
 * -EINTR. The file is left to the caller to remove.
 */
int tree_to_ext4(const struct tree_ext4 *c, struct progress *p, uint64_t *ret_bytes, struct err *e);
