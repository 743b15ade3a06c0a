// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * base: what a container started from, as an OCI image has it: a configuration and layers, all of them blobs.
 * A disk image has got none; its root becomes one, once.
 */
#pragma once

#include <jansson.h>

#include "commit/layer_write.h"
#include "store/image.h"
#include "store/oci_manifest.h"

/* Like layer_write, of a folder by its path: as whoever may read all of it, and sees its owners as a guest
 * does. */
typedef int layer_write_fn(const char *folder, int file, struct progress *p, struct layer_written *ret,
                           struct err *e);

struct base {
    json_t *config; /* OCI's whole configuration */
    struct blob *layers;
    unsigned nr_layers;
};
void base_fini(struct base *b);
#define OWN_BASE __attribute__((cleanup(base_fini))) struct base

/* store_hold is held. scratch: a folder for what is being made. */
int base_get(const struct image *i, const char *scratch, layer_write_fn *write, struct progress *p,
             struct base *ret, struct err *e);

/* One more layer: a folder written by write and kept as a blob. store_hold is held. */
int base_add_layer(struct base *b, const char *folder, const char *scratch, layer_write_fn *write,
                   struct progress *p, struct err *e);

/* Its configuration and manifest as blobs, too. *ret: the manifest. */
int base_store(const struct base *b, struct blob *ret, struct err *e);
