// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oci_manifest: what the documents of an image say: indexes, manifests, configurations, also Docker's. All of
 * it comes from elsewhere; errors are -EINVAL and name the field, if nothing else is said.
 *
 * Source: OCI image-spec 1.1, image-index.md, manifest.md, config.md; Docker, "Image Manifest V 2, Schema 2".
 */
#pragma once

#include <jansson.h>

#include "store/blob.h"

#define OCI_LAYERS_MAX 500       /* overlayfs takes no more */
#define OCI_TEXT_MAX   (4 << 20) /* bytes of a document, as registries have it */

struct oci_manifest {
    struct blob config;
    struct blob *layers; /* the lowest first */
    unsigned nr_layers;
};
void oci_manifest_fini(struct oci_manifest *m);
#define OWN_MANIFEST __attribute__((cleanup(oci_manifest_fini))) struct oci_manifest

/* -EOPNOTSUPP: schema 1, encrypted layers, or no image but another artifact. */
int oci_manifest_parse(const json_t *j, struct oci_manifest *ret, struct err *e);
/* A manifest for what came without one, malloc'd; NULL: out of memory. */
char *oci_manifest_make(const struct oci_manifest *m);

bool oci_is_index(const json_t *j);

/*
 * The manifest, or next index, for this machine's platform: linux/amd64. tag: the one that is called so;
 * NULL: the only one, or "latest". *ret_ref: its name, borrowed from j, or NULL. -ENOENT: none such.
 */
int oci_index_choose(const json_t *j, const char *tag, struct blob *ret, const char **ret_ref, struct err *e);

/* A reference's tag ("latest" of "example.org:5000/web:latest"), or the reference if it has none. */
const char *oci_tag(const char *ref);

/* Of a configuration: the digests of nr uncompressed layers, malloc'd. -EINVAL: another number or platform.
 */
int oci_config_layers(const json_t *j, unsigned nr, struct digest **ret, struct err *e);
