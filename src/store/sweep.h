// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sweep: blobs and layers stay as long as an image names them.
 *
 * data/.store.lock is held shared by who makes blobs and layers until an image names them, and alone by who
 * sweeps. So whoever is last to let go sweeps what nobody came to name.
 */
#pragma once

#include <stdint.h>

#include "store/image.h"

/* Until *ret_fd is closed nothing is swept. */
int store_hold(int *ret_fd, struct err *e);

/* Remove what no image names, unless somebody is making something just now. */
void store_sweep(void);

/* What which images name. NULL: out of memory. */
struct usage;
struct usage *usage_new(void);
void usage_free(struct usage *u);
OWN_TYPE(usage, usage_free)

/* Bytes on the host that would go with an image (its own folder aside), and those that others use as well. */
void usage_bytes(const struct usage *u, const struct image *i, uint64_t *ret_own, uint64_t *ret_shared);
