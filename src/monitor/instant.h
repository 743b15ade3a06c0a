// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * instant: a machine at one instant, as copies of its monitor's process made by fork(2). A fork of a guest
 * goes on in it; whoever wants to write an instant out has all of it there: memory and devices as they stood,
 * and a copy of the disk's top layer whose map is in memory.
 *
 * The CPUs stand still, what the disk has under way is carried out and its top layer copied; then the process
 * is forked and the machine goes on. Memory is shared copy-on-write. Threads: the loop's, board lock held. A
 * copy has this one thread only, and the board lock. It has all descriptors of the original: locks too, which
 * it must close or end soon.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/parts.h"

/*
 * n copies of one instant. A machine that was paused stays so; one that ran goes on in the original, and
 * stands still in the copies. For each, body is called in the original with the copy's pid, and in the copy
 * with pid 0, the machine standing still, and disk: what disk_after_fork wants
 * (-1: no disk). In the copy instant_many returns what body did. *ret_made: how many there are.
 * *ret_pause_ns: how long the machine stood still; 0: it did already. -ENOMEM, -EAGAIN: no room for another
 * process; -EOPNOTSUPP: not with this engine; and what the host says of the disk's copy.
 */
typedef int instant_body(void *ctx, unsigned number, pid_t pid, int disk);
int instant_many(struct parts *p, unsigned n, instant_body *body, void *ctx, unsigned *ret_made,
                 uint64_t *ret_pause_ns, struct err *e);
