// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image_machine: what machines need of an image: a disk, and a kernel with its modules if the image has one.
 * An image of layers gets them when the first machine asks, in images/NAME/machine/, made of its blobs, so
 * with the owners and devices that an ordinary user's layers have not got.
 */
#pragma once

#include "base/progress.h"
#include "store/image.h"

struct image_machine {
    const char *kernel; /* to use instead of the image's own, or NULL */
    uint64_t bytes;     /* of the disk, at least; 0: what its content needs */
};

/*
 * Nothing to do if it is there; whoever comes while it is made waits. *i is read again. c may be NULL.
 * -EINVAL: not a root file system; -ENOSPC; -EINTR.
 */
int image_need_machine(struct image **i, const struct image_machine *c, struct progress *p, struct err *e);
