// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk_fork: a disk whose process is forked with its machine: from then on each side writes to a top layer of
 * its own. Threads: the loop's, board lock held.
 */
#pragma once

#include "host/disk.h"

/* Carries out what was submitted, and calls done() for each from here. */
void disk_settle(struct disk *d);
/* Settled, before the fork: the top layer's data as they are, in a file without a name. -ENOSPC, ... */
int disk_fork_copy(struct disk *d, int *ret_fd, struct err *e);
/* In the child: its own top layer at that path, of that copy; threads anew. The other's files are closed. */
int disk_after_fork(struct disk *d, const char *top, int copy, struct err *e);
