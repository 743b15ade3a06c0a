// SPDX-License-Identifier: GPL-2.0-or-later
/* xattrs: the extended attributes of a file or folder. */
#pragma once

#include <stddef.h>

/* each returns 0 to go on. A file system without attributes has none. -errno, or what each returned. */
int xattrs_each(int dir, const char *name,
                int (*each)(void *ctx, const char *name, const void *value, size_t len), void *ctx);
