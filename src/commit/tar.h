// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tar: archives, written. The library that reads them (store/tree.h) would bring an XML library along for
 * that.
 *
 * An entry is a ustar header; what does not fit into it stands in a pax header before it.
 * Source: POSIX.1-2017, pax, "pax Interchange Format", "ustar Interchange Format"; star(5), SCHILY.xattr.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/own.h"

enum tar_type { TAR_FILE = '0', TAR_LINK, TAR_SYMLINK, TAR_CHAR, TAR_BLOCK, TAR_FOLDER, TAR_PIPE };

struct tar_entry {
    enum tar_type type;
    const char *path, *link; /* relative; link: of what it is a name, or a symbolic link's text */
    unsigned mode;           /* permissions */
    uint32_t uid, gid;
    struct timespec mtime;
    uint64_t size; /* of a file: what tar_data brings in all */
    unsigned major, minor;
};

struct tar;
typedef int tar_sink(void *ctx, const void *data, size_t len); /* -errno or 0 */
struct tar *tar_new(tar_sink *sink, void *ctx);                /* NULL: out of memory */
void tar_free(struct tar *t);
OWN_TYPE(tar, tar_free)

/* -errno or 0. An attribute is the next entry's. */
int tar_xattr(struct tar *t, const char *name, const void *value, size_t len);
int tar_add(struct tar *t, const struct tar_entry *e);
int tar_data(struct tar *t, const void *data, size_t len);
int tar_end(struct tar *t);
