// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image_oci: an image of layers: from a manifest whose blobs are all in the store, wherever they came from.
 */
#pragma once

#include "base/progress.h"
#include "store/draft.h"
#include "store/image.h"

struct image_oci {
    struct digest manifest;
    const char *source; /* what image.json says of where it is from */
    const char *ref;    /* what it was called there, or NULL */
};

/* store_hold is held. Errors as layer_make's; -EINVAL: the configuration is damaged or another platform's. */
int image_oci_finish(struct draft *d, const struct image_oci *c, struct progress *p, struct image **ret,
                     struct err *e);
