// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * finish: the last steps of every disk: look into its root, take kernel and modules out, describe, publish.
 */
#pragma once

#include "base/progress.h"
#include "store/disk.h"
#include "store/draft.h"
#include "store/image.h"

struct finish {
    const char *source;        /* what image.json says of where it is from */
    const char *kernel;        /* use this kernel instead of the root's own, or NULL */
    uint64_t bytes;            /* the disk is to be at least so large */
    struct disk_layout layout; /* of the draft's disk */
};

/*
 * The draft's disk, kernel and modules made complete, and what machine.json says of them (new reference).
 * Errors: -EINVAL: the root is another architecture's, or damaged; the kernel is none.
 */
int finish_machine(const struct draft *d, const struct finish *c, struct progress *p, json_t **ret,
                   struct err *e);

/* The same, then image.json with that in it is written, and the draft published. */
int finish_image(struct draft *d, const struct finish *c, struct progress *p, struct image **ret,
                 struct err *e);
