// SPDX-License-Identifier: GPL-2.0-or-later
/* ext4_impl: what the writing and the reading half of ext4 share. */
#pragma once

#include <ext2fs/ext2fs.h>
#include <stdbool.h>

#include "store/ext4.h"

struct ext4 {
    ext2_filsys fs;
    char *path;   /* of the file, for messages */
    char *parent; /* folder of the node added last, and its inode: archives come folder by folder */
    ext2_ino_t parent_ino;
    ext2_ino_t ino;   /* the node added last */
    ext2_file_t file; /* open while it is written */
    bool exact;
};

/* Take a name away, and what it named with its last name: of a folder all that is in it. */
errcode_t ext4_drop(struct ext4 *f, ext2_ino_t dir, const char *name, ext2_ino_t ino);
/* Call fn for all that is in a folder, until it says other than 0, which is returned. -EINVAL: a name that is
 * none. */
typedef int ext4_entry_fn(void *ctx, const char *name, ext2_ino_t ino);
int ext4_entries(struct ext4 *f, ext2_ino_t dir, ext4_entry_fn *fn, void *ctx);
/* The path without what means nothing, malloc'd; NULL: it has a "..", or out of memory. */
char *ext4_clean(const char *path);

/* -errno of one of the library's codes; -EINVAL where it has none. */
int ext4_errno(errcode_t code);
/* err_set from one of the library's codes, which are errno or its own. */
int ext4_err(struct err *e, errcode_t code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
