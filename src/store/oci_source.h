// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oci_source: images as other programs save them, from a folder or a tar of it:
 *
 *     index.json     an OCI image layout (skopeo oci:, oci-archive:; buildah, umoci, docker save)
 *     manifest.json  an object: one image beside its blobs (skopeo dir:, podman save --format oci-dir,
 * docker-dir) manifest.json  a list: Docker's archive (docker save, podman save)
 *
 * Source: OCI image-spec 1.1, image-layout.md; Docker, "Image Specification v1.2".
 */
#pragma once

#include "base/progress.h"
#include "store/blob.h"

struct oci_source {
    int dir;          /* the folder */
    bool ours;        /* its files may become blobs themselves */
    const char *what; /* it, in errors */
    const char *tag;  /* the image that is wanted, or NULL: the only one, or "latest" */
};

/* Is it such a folder, as far as the names in it tell? */
bool oci_source_is(int dir);

/* The same for a tar, compressed or not, after as many entries as it takes. errno; -EINVAL: damaged; -EINTR.
 */
int oci_archive_is(const char *path, bool *ret, struct err *e);

/*
 * Take one image's manifest, configuration and layers into the blobs; store_hold is held. *ret: the manifest;
 * *ret_ref: what it is called there, malloc'd, or NULL. -EINVAL: damaged, or a blob is not what its digest
 * says; -ENOENT: a blob, or the tag, is not there.
 */
int oci_source_take(const struct oci_source *s, struct progress *p, struct digest *ret, char **ret_ref,
                    struct err *e);
