// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * instant: a machine at one instant, as a copy of its monitor's process made by fork(2). Snapshots write the
 * copy out; a fork goes on in it.
 *
 * The CPUs stand still, what the disk has under way is carried out and its layer frozen, the devices' state
 * is put down if wanted; then the process is forked and the machine goes on. Memory is shared copy-on-write.
 * Threads: the loop's, board lock held. The copy has this one thread only, and the board lock. It has all
 * descriptors of the original: locks too, which it must close or end soon.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/parts.h"

struct instant {
    pid_t pid;         /* of the copy; 0: we are it */
    uint8_t *state;    /* machine_save's bytes, in both processes; NULL: not wanted */
    size_t state_len;  /* bytes */
    uint64_t pause_ns; /* how long the machine stood still; in the original only */
    uint64_t at_ns;    /* CLOCK_MONOTONIC when the CPUs had stopped */
};

/*
 * With the devices' state. A machine that was paused stays so; one that ran goes on in the original, and
 * stands still in the copy. Signals of its children are the caller's to handle. Errors leave the machine as
 * it was: -ENOMEM, -EAGAIN  no room for another process and those of disk_freeze and machine_save.
 */
int instant_take(struct parts *p, struct instant *ret, struct err *e);
void instant_fini(struct instant *i); /* the state */

/*
 * Many copies of one instant, without the devices' state. For each, body is called in the original with the
 * copy's pid, and in the copy with pid 0, the machine standing still, and disk: what disk_after_fork wants
 * (-1: no disk). In the copy instant_many returns what body did. *ret_made: how many there are.
 */
typedef int instant_body(void *ctx, unsigned number, pid_t pid, int disk);
int instant_many(struct parts *p, unsigned n, instant_body *body, void *ctx, unsigned *ret_made,
                 uint64_t *ret_pause_ns, struct err *e);
