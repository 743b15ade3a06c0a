// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree: files as a stream: a tar archive, compressed or not, a folder, or a layer of an OCI image.
 *
 * What comes out may be hostile: names with "..", absolute ones, endless data. Who makes files of it checks.
 */
#pragma once

#include <archive_entry.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "store/digest.h"

struct tree;

struct tree_source {
    const char *path;
    const char *what; /* in errors; NULL: the path */
    bool layer;       /* of an OCI image; else a folder or an archive */
};

/*
 * A folder; a tar in any compression; a layer: a tar, plain or compressed by gzip or zstd, whose uncompressed
 * bytes are summed up. what is borrowed. errno of the file; -EINVAL: no archive. Reading a layer fails with
 * -EINVAL where it grows out of all proportion to its file.
 */
int tree_open(const struct tree_source *s, struct tree **ret, struct err *e);

void tree_close(struct tree *t);
OWN_TYPE(tree, tree_close)

/* 1: the next entry is there; 0: that was all; -EINVAL: damaged or truncated; -EINTR; errno of a folder. */
int tree_next(struct tree *t, struct err *e);

/* Of the entry: borrowed until the next one. */
struct archive_entry *tree_entry(struct tree *t);
const char *tree_path(const struct tree *t); /* below the tree's own root */
const char *tree_link(const struct tree *t); /* what it is one more name of, or NULL */
const char *tree_symlink(const struct tree *t);
/* Whose it is, as the root of the tree sees it: what an ordinary user's folder holds of that user's is
 * root's.
 */
void tree_owner(const struct tree *t, uint32_t *ret_uid, uint32_t *ret_gid);
/* Each of its attributes that means something elsewhere. each returns 0 to go on. */
int tree_xattrs(const struct tree *t, int (*each)(void *ctx, const char *name, const void *value, size_t len),
                void *ctx);
/* 1: a piece of its content; 0: that was all. Between the pieces are holes. */
int tree_data(struct tree *t, const void **ret_data, size_t *ret_len, uint64_t *ret_offset, struct err *e);

bool tree_is_folder(const struct tree *t);
uint64_t tree_packed_bytes(const struct tree *t); /* how much of the file was read so far */

/* Of a layer: read what is left and tell the sum of its uncompressed bytes (OCI's diff id). */
int tree_digest(struct tree *t, struct digest *ret, struct err *e);
