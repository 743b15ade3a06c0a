// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * requests: what clients may ask of a monitor, over the guest's life cycle. What the guest is, its commands
 * and its console are behind requests_ops, so that a test needs no machine.
 *
 *     {"do": WORD, ...}        answer
 *     status, stats, inspect   what describe says
 *     pause, resume            {"ok"} when done
 *     stop ["timeout_ms"] ["status"], kill, wait
 *                              at the guest's end: {"state","why","status","pulled"}
 *     signal "number"          {"ok"} when a container's command has got it
 *     exec ..., console        {"ok"}, then frames
 *     hold                     {"ok"}: a container stands still as long as this connection is open
 *     update ...               {"ok"} when done (guest_update.h)
 *     fork ...                 see fork_job.h
 *     attach                   the same: the streams of a container's command
 * Threads: the loop's, board lock held.
 */
#pragma once

#include "base/loop.h"
#include "monitor/control.h"
#include "monitor/lifecycle.h"

#define STOP_TIMEOUT_MS 30000
#define COMMAND_ENDED   "its command ended"

enum describe {
    DESCRIBE_STATUS, /* what costs nothing */
    DESCRIBE_STATS,  /* and counters, for those who ask every second */
    DESCRIBE_ALL,    /* and what takes a look at all of its memory */
};

struct requests_ops {
    json_t *(*describe)(void *ctx, enum describe how);
    int (*exec)(void *ctx, struct conn *c, json_t *request, struct err *e); /* answers, or takes c over */
    int (*console)(void *ctx, struct conn *c, struct err *e);               /* so does this */
    int (*attach)(void *ctx, struct conn *c, struct err *e); /* and this; NULL: there is nothing to join */
    int (*signal)(void *ctx, int number, struct err *e);     /* NULL: it has no processes of ours */
    int (*hold)(void *ctx, struct conn *c, struct err *e);   /* answers, and takes c over; NULL: it cannot */
    int (*fork)(void *ctx, struct conn *c, const json_t *request,
                struct err *e);                                     /* NULL: it cannot be forked */
    int (*update)(void *ctx, const json_t *request, struct err *e); /* NULL: nothing can be changed */
};

struct waiter;
struct requests {
    struct lifecycle life;
    const struct requests_ops *ops;
    void *ctx;
    struct loop_timer deadline; /* of a stop */
    struct waiter *waiters;
    int status;    /* of the guest's command; -1: not known */
    char why[512]; /* the guest ends, or ended; empty: nothing is known yet */
    const char *kind;
    const char *stop_why; /* of the stop that is under way */
};

void requests_init(struct requests *r, struct loop *loop, const struct life_actions *actions,
                   const struct requests_ops *ops, void *ctx);
void requests_handle(void *r, struct conn *c, json_t *request); /* control_request_fn */

/* Shut it down, for a reason that is borrowed; -EBUSY: not in this state. The monitor's own wish, or a
 * client's. */
int requests_stop(struct requests *r, uint64_t timeout_ms, const char *why, struct err *e);

/* Something the guest did, or its end by other hands; kind is one word, and borrowed. */
void requests_event(struct requests *r, enum life_event event, const char *kind, const char *why);

int requests_exit_status(const struct requests *r); /* what `wait` tells */

/* It is over: who waits is told. */
void requests_ended(struct requests *r);
