// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ext4: see ext4.h.
 *
 * Source: Linux Documentation/filesystems/ext4/super.rst; ioctl EXT4_IOC_RESIZE_FS of fs/ext4/ext4.h.
 */
#include "guest/ext4.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/own.h"

#define SUPER          1024
#define SUPER_BYTES    1024
#define BLOCKS_LO      0x4
#define LOG_BLOCK      0x18
#define MAGIC          0x38
#define INCOMPAT       0x60
#define INCOMPAT_64BIT 0x80
#define BLOCKS_HI      0x150
#define RESIZE_FS      _IOW('f', 16, uint64_t)
#define LOG_BLOCK_MAX  6 /* 64 KiB */

static uint32_t le32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return le32toh(v);
}

bool ext4_probe(int disk, struct ext4 *ret)
{
    uint8_t s[SUPER_BYTES];
    if (pread(disk, s, sizeof(s), SUPER) != sizeof(s))
        return false;
    if (s[MAGIC] != 0x53 || s[MAGIC + 1] != 0xef || le32(s + LOG_BLOCK) > LOG_BLOCK_MAX)
        return false;
    ret->block_bytes = 1024u << le32(s + LOG_BLOCK);
    ret->blocks = le32(s + BLOCKS_LO);
    if (le32(s + INCOMPAT) & INCOMPAT_64BIT)
        ret->blocks |= (uint64_t)le32(s + BLOCKS_HI) << 32;
    return true;
}

int ext4_grow(int disk, const struct ext4 *fs, const char *mount_point)
{
    uint64_t bytes;
    if (ioctl(disk, BLKGETSIZE64, &bytes) < 0)
        return -errno;
    uint64_t blocks = bytes / fs->block_bytes;
    if (blocks <= fs->blocks)
        return 0;
    OWN_FD root = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 || ioctl(root, RESIZE_FS, &blocks) < 0)
        return -errno;
    return 0;
}
