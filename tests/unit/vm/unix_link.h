// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unix_link: the agent's link over a unix socket, and the real agent program at its other end, natively.
 */
#pragma once

#include <sys/types.h>

#include "base/loop.h"
#include "vm/agent_link.h"

struct unix_link {
    struct loop *loop;
    char path[64]; /* where the agent listens */
    pid_t agent;   /* 0: none */
    bool refuse;   /* connections are reset, as by a guest whose agent is not there yet */
    unsigned nr_streams;
};

struct agent_link unix_link(struct unix_link *u);

int unix_link_listen(struct unix_link *u);                     /* a listening socket at u->path; -1 */
int unix_link_start(struct unix_link *u, const char *program); /* the agent, listening there; 0 or -1 */
void unix_link_stop(struct unix_link *u);
