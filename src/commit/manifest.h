// SPDX-License-Identifier: GPL-2.0-or-later
/* manifest: an image's manifest as other programs want it: what its layers are compressed with is said. */
#pragma once

#include "store/oci_manifest.h"

#define TYPE_MANIFEST "application/vnd.oci.image.manifest.v1+json"

/* Malloc'd; NULL: out of memory, or a layer that is no blob here. Source: OCI image-spec 1.1, manifest.md. */
char *manifest_make(const struct oci_manifest *m);
