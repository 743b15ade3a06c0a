// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree: a root file system as a stream of files: a tar archive, compressed or not, or a folder.
 */
#pragma once

#include <stdint.h>

#include "base/progress.h"
#include "store/ext4.h"

/*
 * Make an ext4 with all of it in a new file. bytes: size of the file system, 0: what its content needs and
 * some room, but at least least_bytes. In a folder of an ordinary user, what is that user's becomes root's.
 * *ret_bytes: its size. -EINVAL: damaged, truncated, or not a root file system; -ENOSPC: bytes is too small,
 * or the host's disk is full; -EINTR. The file is left to the caller to remove.
 */
int tree_to_ext4(const char *tree, const char *file, uint64_t bytes, uint64_t least_bytes, struct progress *p,
                 uint64_t *ret_bytes, struct err *e);
