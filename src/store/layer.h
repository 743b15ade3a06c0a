// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * layer: one layer of an image as a folder that overlayfs can lay over others, made once for all images:
 *
 *     data/layers/KEY/root         its files; nobody writes to them
 *     data/layers/KEY/layer.json   how much it is
 *
 * KEY is the digest of its uncompressed tar (OCI: diff id). A layer with hard links to files of those below
 * it holds copies of these, so its KEY is the digest of all of them (OCI: chain id).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/progress.h"
#include "store/digest.h"

struct layer {
    struct digest key;
    uint64_t bytes; /* on the host's disk */
    bool opaque;    /* nothing of those below it is seen */
    bool dotted;    /* marks are files called .wh.*, which only fuse-overlayfs knows */
};

struct layer_source {
    struct digest blob, diff_id, chain_id;
    char *const *lower; /* the roots of those below it, the highest first */
    unsigned nr_lower;
    const char *what; /* it, in errors */
};

/*
 * Make it, if it is not there; store_hold is held. -EINVAL: the blob is damaged, hostile, or not what the
 * diff id says; -ENOENT: no such blob; -ENOSPC; -EINTR. Nothing is left behind then.
 */
int layer_make(const struct layer_source *s, struct progress *p, struct layer *ret, struct err *e);

char *layer_root(const struct digest *key); /* malloc'd; NULL: out of memory */
char *layer_dir(void);                      /* the folder of all */

/* Source: OCI image-spec 1.1, config.md, "Layer ChainID". below: NULL: of the lowest. -ENOMEM or 0. */
int layer_chain(const struct digest *below, const struct digest *diff_id, struct digest *ret);
