// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upper: what a container has changed, as overlayfs keeps it in a folder of its own; or any other folder,
 * which then is changed from nothing.
 *
 * Source: Linux, Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"

struct upper_entry {
    int dir;          /* the folder that holds it, */
    const char *name; /* and what it is called there */
    const char *path; /* from the top, without a leading "/" */
    struct stat st;   /* of it, no link followed */
    bool gone;        /* there is no such thing any more: it hides the one below */
    bool opaque;      /* a folder: nothing of the one below is seen in it */
};

/* Returns 0 to go on; else it fills e. */
typedef int upper_fn(void *ctx, const struct upper_entry *u, struct err *e);

/*
 * Each entry below top (borrowed), a folder before what is in it, by name: two folders of the same content
 * come in the same order. moving: others write to it meanwhile, so that what vanishes is left out.
 * -EOPNOTSUPP: overlayfs keeps a part of it in another layer; -ELOOP: folders nested too deeply; -EINTR.
 */
int upper_walk(int top, bool moving, upper_fn *each, void *ctx, struct err *e);

/* One of overlayfs' (or fuse-overlayfs') own attributes, which mean nothing elsewhere? */
bool upper_is_mark(const char *attribute);
