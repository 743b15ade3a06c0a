// SPDX-License-Identifier: GPL-2.0-or-later
/* inodes: files that have several names, each by the one that came first. */
#pragma once

#include <sys/stat.h>

#include "base/own.h"

struct inodes;
struct inodes *inodes_new(void); /* NULL: out of memory */
void inodes_free(struct inodes *n);
OWN_TYPE(inodes, inodes_free)

/* *ret: the first path of this file, borrowed, or NULL: this one is it. -ENOMEM or 0. */
int inodes_first(struct inodes *n, const struct stat *st, const char *path, const char **ret);
