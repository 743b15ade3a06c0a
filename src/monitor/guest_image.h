// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest_image: what an image says of its command, where the guest's own configuration says nothing: command,
 * environment, folder, user. Source: OCI image-spec 1.1, config.md, "config"; and as Docker reads it.
 */
#pragma once

#include "monitor/guest.h"
#include "store/image.h"

/* What the configuration borrows from then. */
struct guest_image {
    struct image *image;
    const char **argv, **env;
};
void guest_image_fini(struct guest_image *g);
#define OWN_GUEST_IMAGE __attribute__((cleanup(guest_image_fini))) struct guest_image

/*
 * Fill in c from its image, if it has one; g is zeroed, and outlives c. What runs is the image's entrypoint
 * followed by c's command, or by the image's if c has none; a variable that c sets replaces the image's.
 * -ENOENT: no such image.
 */
int guest_image_take(struct guest_config *c, struct guest_image *g, struct err *e);

/* The same from a configuration; g->image stays as it is. -ENOMEM. */
int guest_image_merge(struct guest_config *c, const struct image_config *i, struct guest_image *g,
                      struct err *e);
