// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exec_proxy: a client's exec joined to a session with the agent: frames pass both ways, each side waits for
 * the other. Clients that come before the agent is up wait for it. Threads: the loop's, board lock held.
 */
#pragma once

#include "base/loop.h"
#include "monitor/control.h"
#include "vm/agent.h"

struct exec_proxy;
struct exec_host { /* embedded in the monitor */
    struct loop *loop;
    struct agent *agent; /* NULL: no machine just now */
    bool possible;       /* an agent may come up */
    struct exec_proxy *proxies;
};

/*
 * {"argv","env","cwd","user","tty","input","detach","cols","rows","wait_ms"}: takes the connection over; it
 * is answered {"ok"} when the command starts (detach: has started). -EINVAL: a wrong request, c stays as it
 * was; -ENODEV: there is no agent in such a guest.
 */
int exec_proxy_new(struct exec_host *h, struct conn *c, json_t *request, struct err *e);

void exec_host_up(struct exec_host *h); /* the agent is there: who waited begins */
/* The guest has ended, with it its agent: who waits, or was in the middle, is told why. */
void exec_host_fail(struct exec_host *h, const struct err *why);
