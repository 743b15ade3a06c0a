// SPDX-License-Identifier: GPL-2.0-or-later
/* copy_file: one file of any kind, with all that it has, into another folder at the same path. -errno or 0.
 */
#pragma once

#include "base/progress.h"
#include "commit/upper.h"

/* What is there in its place goes; a folder that is one stays. The folders above it are there. */
int copy_file(int to, const struct upper_entry *u, struct progress *p);
int copy_file_link(int to, const char *first, const char *path); /* one more name of what was copied */
int copy_file_times(int to, const char *path, struct timespec atime, struct timespec mtime);
int copy_file_remove(int to, const char *path); /* with all below it; gone already is success */
