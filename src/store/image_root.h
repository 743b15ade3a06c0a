// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image_root: an image's root as a folder, for containers: images/NAME/root, unpacked from its disk when the
 * first container asks for it. Nobody writes to it afterwards; it goes with the image.
 */
#pragma once

#include "store/image.h"

/* The folder, malloc'd. Whoever comes while it is made waits. -EOPNOTSUPP: the disk's root is no ext4. */
int image_root(const struct image *i, char **ret, struct err *e);

/* The same into a folder of the caller's, which is there and empty. */
int image_unpack(const struct image *i, const char *to, struct err *e);
