// SPDX-License-Identifier: GPL-2.0-or-later
/* spawn: make a container's first process and answer it until it is one. */
#pragma once

#include "container/launch.h"

struct spawned {
    pid_t pid;
    int master; /* of the terminal, if the runtime is to copy it; -1 */
};

/*
 * With l filled: clone, write maps, run hooks, write the state. Comes back when the process waits for `start`
 * (l->start >= 0) or has become its program. On failure the process is gone; folders and cgroups are the
 * caller's.
 */
int spawn_init(struct launch *l, struct spawned *ret, struct err *e);

/* Kill and wait for a process that spawn_init made. */
void spawn_bury(pid_t pid);

/* Send seccomp's listener with the state of the container's process to the profile's socket. */
int spawn_notify(const struct seccomp_filter *f, const struct state *s, enum status status, pid_t pid,
                 int listener, struct err *e);
