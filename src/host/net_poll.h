// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_poll: the descriptors of a user-mode network, in an epoll set of their own that the loop watches as
 * one.
 *
 * The network lists all its descriptors anew each turn (begin, add..., end); only differences reach the
 * kernel. Threads: board lock held.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/own.h"

struct net_poll;
/* ready: something is to be collected. */
int net_poll_new(struct loop *l, void (*ready)(void *ctx), void *ctx, struct net_poll **ret, struct err *e);
/* In the child of fork(2): empty, with a descriptor of its own. */
int net_poll_after_fork(struct net_poll *p, struct err *e);
void net_poll_free(struct net_poll *p);
OWN_TYPE(net_poll, net_poll_free)

void net_poll_begin(struct net_poll *p);
int net_poll_add(struct net_poll *p, int fd, uint32_t events); /* EPOLLIN, ...; an index, or -1: no memory */
void net_poll_end(struct net_poll *p);

void net_poll_collect(struct net_poll *p);
uint32_t net_poll_events(const struct net_poll *p, int index); /* as collected */

void net_poll_forget(struct net_poll *p, int fd);    /* it is about to be closed; errno is kept */
void net_poll_pause(struct net_poll *p, bool pause); /* no ready() while paused */
