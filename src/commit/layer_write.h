// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * layer_write: a folder of changes (commit/upper.h) as a layer of an OCI image: a tar, compressed by gzip,
 * which every other program takes, too.
 *
 * The same content is the same bytes: names are in order, and nothing but content, owners, modes, times of
 * change and attributes is in it. Sockets are left out: nobody listens at them.
 *
 * Source: OCI image-spec 1.1, layer.md; POSIX.1-2001, pax; RFC 1952.
 */
#pragma once

#include "base/progress.h"
#include "store/blob.h"

struct layer_written {
    struct digest diff_id; /* of the tar */
    struct blob blob;      /* of the file */
    uint64_t entries;
};

/*
 * top: the folder, whose files do not change meanwhile; file: a new one, written from its start. Owners are
 * as this process sees them. -ENOSPC, -EINTR; errors of upper_walk.
 */
int layer_write(int top, int file, struct progress *p, struct layer_written *ret, struct err *e);
