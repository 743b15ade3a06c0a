// SPDX-License-Identifier: GPL-2.0-or-later
/* image_import_oci: the half of image_import that takes saved images of layers. */
#pragma once

#include "store/disk.h"
#include "store/draft.h"
#include "store/image_import.h"

/* Is it one? *ret. */
int image_import_is_oci(const char *path, const struct disk_kind *kind, bool *ret, struct err *e);

int image_import_oci(struct draft *d, const struct image_import *c, const char *path, const char *source,
                     struct progress *p, struct image **ret, struct err *e);
