// SPDX-License-Identifier: GPL-2.0-or-later
/* ext4: as much of it as growing a file system to its disk needs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct ext4 {
    uint64_t blocks;
    uint32_t block_bytes;
};

bool ext4_probe(int disk, struct ext4 *ret);                             /* false: no ext file system there */
int ext4_grow(int disk, const struct ext4 *fs, const char *mount_point); /* to the disk's end; 0 or -errno */
