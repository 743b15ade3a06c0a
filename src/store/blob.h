// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blob: bytes under the name of their own digest: data/blobs/sha256/HEX. What has its name is whole, on the
 * disk, and never changes; it stays as long as an image names it (store/sweep.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/progress.h"
#include "store/digest.h"

struct blob {
    struct digest digest;
    uint64_t bytes;
};

char *blob_path(const struct digest *d); /* malloc'd; NULL: out of memory */
char *blob_dir(void);                    /* the folder of all */

/*
 * Keep what is in an open file, which has to be what b says. ours: the file is nobody else's and may become
 * the blob itself. what names it in errors. -EINVAL: another digest or size; -EINTR; -ENOSPC.
 */
int blob_take(int fd, bool ours, const struct blob *b, const char *what, struct progress *p, struct err *e);
/* What b would have to say of a file. -EINVAL: holes with hardly anything between them. */
int blob_sum(int fd, const char *what, struct blob *ret, struct err *e);
/* Keep these bytes. */
int blob_store(const void *data, size_t len, struct digest *ret, struct err *e);

/* All of it, malloc'd, with a 0 byte behind. -ENOENT; -EFBIG: more than max bytes; -EINVAL: damaged. */
int blob_load(const struct digest *d, size_t max, char **ret, size_t *ret_len, struct err *e);
