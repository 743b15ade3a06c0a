// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * commit: a container's files as an image, which any program that takes OCI images can run: the layers that
 * it started from and one of what it has changed.
 */
#pragma once

#include "commit/base.h"
#include "store/draft.h"

struct commit {
    const struct image *image; /* what it started from */
    const char *changes;       /* the folder of them, or with whole: of all its files */
    bool whole;
    const json_t *config; /* in OCI's words, in place of what the image says; borrowed */
    const char *source;   /* what `image inspect` says of where it is from */
    const char *message, *author;
    layer_write_fn *write;
};

/* The draft becomes the image. Nothing changes meanwhile in changes. -ENOSPC, -EINTR, ... */
int commit_image(struct draft *d, const struct commit *c, struct progress *p, struct image **ret,
                 struct err *e);
