// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ext4: a file system in a file, written and read without mounting it, so as any user.
 *
 * What is read may be hostile: names, links and sizes found in it are checked before the host sees them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/own.h"

struct ext4;

/*
 * Make an empty one of so many bytes (sparse, no partition table) with room for nr_inodes files, in a new
 * file, and open it for writing. Runs mke2fs.
 */
int ext4_create(const char *path, uint64_t bytes, uint64_t nr_inodes, struct ext4 **ret, struct err *e);

/* Open an ext2, 3 or 4 that starts at byte `offset` of a file, to read. -EINVAL: damaged. */
int ext4_open(const char *path, uint64_t offset, struct ext4 **ret, struct err *e);

/* Write out what is not yet and close; the file is whole only if this says 0. *f is NULL afterwards. */
int ext4_finish(struct ext4 **f, struct err *e);
void ext4_close(struct ext4 *f); /* as it is: after trouble, or what was only read */
OWN_TYPE(ext4, ext4_close)

/* One thing in the tree. Paths are relative to the root, with or without a leading "/" or "./". */
struct ext4_node {
    const char *path;
    mode_t mode; /* type and permissions */
    uint32_t uid, gid;
    int64_t mtime;
    uint32_t major, minor; /* of a device */
    const char *link;      /* a symbolic link's text */
};

/*
 * Add it; missing folders above it are made. A folder that is there takes the new owner and mode; anything
 * else is replaced. -EINVAL: a path with "..", or a folder where something else shall be; -ENOSPC: full.
 */
int ext4_add(struct ext4 *f, const struct ext4_node *n, struct err *e);
int ext4_link(struct ext4 *f, const char *path, const char *existing, struct err *e); /* one more hard link */

/*
 * From now on what is added hides what is there, as a layer of an image does: a link is no folder, and a
 * folder goes where something else comes.
 */
void ext4_be_exact(struct ext4 *f);

/* Remove what is at the path, or (only_content) all that is in the folder there. Nothing there is success. */
int ext4_remove(struct ext4 *f, const char *path, bool only_content, struct err *e);

/* Content and attributes of the regular file (attributes: of anything) that was added last. */
int ext4_write(struct ext4 *f, uint64_t offset, const void *data, size_t len, struct err *e);
int ext4_set_size(struct ext4 *f, uint64_t size, struct err *e); /* the rest up to there reads as zeroes */
int ext4_set_xattr(struct ext4 *f, const char *name, const void *value, size_t len, struct err *e);

/* ---- reading ---- */

/* The start of a regular file, at most len bytes; links are followed. Returns how many, or -ENOENT, -EINVAL,
 * -EIO. */
ssize_t ext4_peek(struct ext4 *f, const char *path, void *data, size_t len);

/* Call each(ctx, name) for the entries of a folder, not for "." and ".."; each returns 0 to go on. */
int ext4_each(struct ext4 *f, const char *path, int (*each)(void *ctx, const char *name), void *ctx,
              struct err *e);

/*
 * Copy a regular file, or the regular files and folders below a folder, to the new path `to` on the host.
 * Everything else is left out. -EINVAL: names no file can have, or more than 4 GiB.
 */
int ext4_copy_out(struct ext4 *f, const char *path, const char *to, struct err *e);

/*
 * All of it as files below the folder `to`, which is there and empty: owners (root only), modes, times,
 * links, attributes, holes, devices (root only). -EINVAL: damaged; errno of the host.
 */
int ext4_unpack(struct ext4 *f, const char *to, struct err *e);
