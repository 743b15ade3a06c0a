// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * copy: a folder of changes (commit/upper.h) copied as it is at one moment, with all that overlayfs keeps in
 * it.
 *
 * What runs meanwhile stands still for the last pass only: passes before it copy everything, each what has
 * changed since the one before. Where a write need not change a file's time (mapped files of a tmpfs) the
 * last pass copies all. Blocks are shared where the file system can.
 */
#pragma once

#include "base/err.h"
#include "base/own.h"
#include "base/progress.h"

struct copy;

/* to: a new folder; both are opened now. */
int copy_new(const char *from, const char *to, struct progress *p, struct copy **ret, struct err *e);
void copy_free(struct copy *c);
OWN_TYPE(copy, copy_free)

/*
 * Make the copy as its source is. still: nothing writes to the source meanwhile: the last pass. -ENOSPC,
 * -EINTR; errors of upper_walk.
 */
int copy_pass(struct copy *c, bool still, struct err *e);
/* What the source need not stand still for any more. */
int copy_finish(struct copy *c, struct err *e);
unsigned long copy_files(const struct copy *c); /* copied in the last pass */
