// SPDX-License-Identifier: GPL-2.0-or-later
/* fork_child: how a forked monitor's parts become those of the new guest. Loop's thread, board lock held. */
#pragma once

#include "monitor/console.h"
#include "monitor/fork_job.h"
#include "vm/agent.h"

/* The disk's top layer, the network. */
int fork_child_parts(struct parts *p, struct fork_new *n, struct err *e);
int fork_child_console(struct console *c, const struct guest_dir *d, struct err *e);
int fork_child_streams(const struct guest_dir *d, struct err *e); /* the monitor's log; the process' title */
/* It runs, and whose fork it is. */
int fork_child_record(const struct guest_dir *d, const char *origin, struct err *e);
/* Asked as soon as its processors go on: random numbers of its own, and what time it is. */
void fork_child_renew(struct agent *a);
