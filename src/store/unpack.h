// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unpack: a tree as files below a folder, none of which can get out of it.
 *
 * Refused with -EINVAL, each with the entry's name: "..", absolute names, ways through links or files, hard
 * links to what is not there, devices 0:0, marks that take away what has no name, more than what is free on
 * the disk. An ordinary user gets all files as his own, without devices and capabilities.
 */
#pragma once

#include "base/progress.h"
#include "store/tree.h"

struct unpack {
    const char *to; /* a folder that is there */
    /*
     * As a layer: what the tree takes away is marked as overlayfs has it (Linux, overlayfs.rst, "whiteouts
     * and opaque directories"): in trusted.overlay.* where we may, else in user.overlay.*. Else it is taken
     * away.
     */
    bool layer;
    char *const *lower; /* of a layer: the folders of those below it, the highest first, */
    unsigned nr_lower;  /* for hard links to what is in them */
};

struct unpacked {
    bool opaque;       /* of a layer: nothing of those below it is seen */
    bool borrowed;     /* of a layer: it holds copies of files that were in those below it */
    bool dotted;       /* of a layer: marks are files called .wh.*, as no others can be made here; */
                       /* fuse-overlayfs knows these, too */
    unsigned left_out; /* devices, for want of rights */
    uint64_t bytes;    /* what was written, rounded to blocks */
};

int unpack_tree(struct tree *t, const struct unpack *c, struct progress *p, struct unpacked *ret,
                struct err *e);

/* What a layer takes away of those below it, which are unpacked in the folder already: before unpack_tree of
 * it. */
int unpack_take_away(struct tree *t, const char *to, struct err *e);

/* Whether overlayfs' marks can be and are kept in trusted.*: at a path on the file system that holds them. */
bool unpack_marks_trusted(const char *path);
