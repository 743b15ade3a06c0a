// SPDX-License-Identifier: GPL-2.0-or-later
/* image_parse: image.json, as store/image.h tells of it. */
#pragma once

#include "store/image.h"

/* From i->about, and what is in the image's folder dir; i->name is set. -EINVAL; errno of its files. */
int image_parse(struct image *i, const char *dir, struct err *e);
