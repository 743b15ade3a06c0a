// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * agent: the monitor's side of the agent inside a machine's guest (guest/agent.c), over vsock.
 *
 * One connection a request: a command with its streams, or something short (time, sync, shutdown).
 * Threads: all calls on the loop's thread with the board lock held; callbacks come just so, never from inside
 * a call, and may call anything here but agent_free.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/frame.h"
#include "base/own.h"

struct agent;
struct agent_link; /* vm/agent_link.h */
struct loop;
struct machine;

/*
 * Starts to look for the agent; up(ctx) is called once, when it answers. m and loop are borrowed.
 * -ENODEV: the machine has no vsock; -ENOMEM. agent_new_over: the same over another link, which is copied.
 */
int agent_new(struct machine *m, struct loop *loop, void (*up)(void *ctx), void *ctx, struct agent **ret,
              struct err *e);
int agent_new_over(const struct agent_link *link, struct loop *loop, void (*up)(void *ctx), void *ctx,
                   struct agent **ret, struct err *e);
void agent_free(struct agent *a); /* before the machine; sessions are told closed and stay their owners' */
OWN_TYPE(agent, agent_free)
bool agent_is_up(const struct agent *a);

/* ---- commands ---- */

struct agent_exec {
    const char *const *argv; /* NULL-ended; NULL or empty: the user's login shell */
    const char *const *env;  /* NULL-ended NAME=VALUE over the agent's own; NULL: none */
    const char *cwd;         /* NULL: the user's home */
    const char *user;        /* NAME, UID, NAME:GROUP, UID:GID as the guest knows them; NULL: root */
    bool tty, input;         /* input: STDIN frames will come, an empty one at their end */
    bool detach;             /* no streams; closed(NULL) as soon as it was started */
    uint16_t cols, rows;     /* tty; 0: not known */
};

struct agent_session;
struct agent_ops {
    /* STDOUT, STDERR (empty: end of file) and at last EXIT. False: not now; agent_session_more makes it come
     * again. */
    bool (*frame)(void *ctx, enum frame_type type, const void *payload, uint32_t len);
    void (*room)(void *ctx); /* agent_session_send takes more again after it said no */
    /* The last call. e: NULL after EXIT, else why there is none: it could not be started, the guest is gone.
     */
    void (*closed)(void *ctx, const struct err *e);
};

/*
 * -ENOTCONN: the agent is not up; -E2BIG: argv and env are beyond 64 KiB; -ENOMEM. The session belongs to the
 * caller until agent_session_close, which hangs the command up if it still runs; any time, in a callback too.
 */
int agent_exec(struct agent *a, const struct agent_exec *x, const struct agent_ops *ops, void *ctx,
               struct agent_session **ret, struct err *e);
/* STDIN, RESIZE, SIGNAL. True: taken whole (or nobody is there to hear it); false: room follows. */
bool agent_session_send(struct agent_session *s, enum frame_type type, const void *payload, uint32_t len);
void agent_session_more(struct agent_session *s);
void agent_session_close(struct agent_session *s); /* NULL is fine */

/* ---- requests: done (may be NULL) is called with NULL or what went wrong ---- */

typedef void agent_done(void *ctx, const struct err *e);
/* Accepted; the machine's power-off or reset follows some time later, if the guest can. */
int agent_shutdown(struct agent *a, bool reboot, agent_done *done, void *ctx, struct err *e);
int agent_set_time(struct agent *a, uint64_t realtime_ns, agent_done *done, void *ctx, struct err *e);
int agent_sync(struct agent *a, agent_done *done, void *ctx, struct err *e); /* its disks */
/* 16 to 512 bytes that no other machine gets, into the guest's random pool. */
int agent_reseed(struct agent *a, const void *bytes, size_t len, agent_done *done, void *ctx, struct err *e);
