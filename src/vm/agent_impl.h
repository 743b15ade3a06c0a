// SPDX-License-Identifier: GPL-2.0-or-later
/* agent_impl: what agent.c (finding it, requests) and agent_session.c (one connection) share. */
#pragma once

#include "base/buf.h"
#include "base/loop.h"
#include "vm/agent.h"
#include "vm/agent_link.h"

struct agent {
    struct agent_link link;
    struct loop *loop;
    void (*up)(void *ctx);
    void *ctx;
    bool is_up;
    struct loop_timer seek; /* for the agent, until it is up */
    struct agent_session *ping;
    uint64_t ping_began_ns;
    struct agent_session *sessions; /* all, their owners' too */
};

/*
 * The device calls back on any thread and allows little meanwhile, so what it brings is put in buffers and
 * looked at when the timer `wake` fires, at once, on the loop.
 */
struct agent_session {
    struct agent *agent; /* NULL: freed before us */
    struct agent_session *next;
    const struct agent_ops *ops;
    void *ctx;
    struct vsock_stream *stream; /* NULL: closed */
    struct loop_timer wake;
    struct buf in, out;
    bool held;     /* ops->frame did not take the first frame in `in` */
    bool full;     /* send said no: room is owed */
    bool ended;    /* nothing comes any more */
    bool finished; /* closed was told */
    bool busy;     /* inside a callback: no free */
    bool dead;     /* its owner closed it meanwhile */
};

/* Connect and send the request; a reply without error is told as closed(NULL). list: fields. */
int agent_session_new(struct agent *a, const void *list, size_t len, const struct agent_ops *ops, void *ctx,
                      struct agent_session **ret, struct err *e);
void agent_session_orphan(struct agent_session *s); /* the agent goes: say so, keep the object */
