// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image_layers: an image's files as folders, for containers: its layers, or of a disk image images/NAME/root,
 * unpacked when the first container asks for it. Nobody writes to them afterwards.
 */
#pragma once

#include "store/image.h"

struct image_layers {
    char **roots; /* the highest first, each once; those that would not be seen are left out */
    unsigned nr;
    bool dotted; /* one at least is, as layer.h says */
};
void image_layers_fini(struct image_layers *l);
#define OWN_LAYERS __attribute__((cleanup(image_layers_fini))) struct image_layers

/*
 * The folders; what is missing is made, and whoever comes while it is made waits. -EOPNOTSUPP: the disk's
 * root is no ext4.
 */
int image_layers_get(const struct image *i, struct image_layers *ret, struct err *e);

/* All files in one folder of the caller's, which is there and empty. */
int image_unpack(const struct image *i, const char *to, struct err *e);

/* Make the layers of an image that is being made; the sources' digests are set, the rest is filled in. */
int image_make_layers(const char *name, struct image_layer *layers, unsigned nr, struct progress *p,
                      struct err *e);
