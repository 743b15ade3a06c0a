// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * streams: a process of a container, its streams and its end, on the monitor's loop: what it writes goes to a
 * client, to the guest's console (log and watchers) or to both; what the client sends goes to it.
 *
 * Who reads slowly makes the process wait, as a pipe would. Threads: the loop's, board lock held.
 */
#pragma once

#include <sys/types.h>

#include "base/loop.h"
#include "monitor/console.h"
#include "monitor/helper.h"

struct streams;
struct streams_config {
    struct loop *loop;
    pid_t pid; /* our child */
    bool tty;
    struct helper_streams fd; /* owned from here on, also on failure */
    struct console *console;  /* gets what it writes too; NULL: does not */
    bool held;                /* nothing is read before streams_attach */
    bool told_later;          /* its client gets the status by streams_fail, when the owner has tidied up */
    /* A signal for it that came from its client. */
    void (*signal)(void *ctx, int number);
    /* It has ended and all that it wrote is out: the last call, free it or not. status: 128 + signal. */
    void (*ended)(void *ctx, struct streams *s, int status);
    void *ctx;
};
int streams_new(const struct streams_config *c, struct streams **ret, struct err *e);
void streams_free(struct streams *s); /* its client is told nothing more */
OWN_TYPE(streams, streams_free)

/* A client takes part from now on; it must have been answered. -EBUSY: there is one. */
int streams_attach(struct streams *s, struct conn *c, struct err *e);
bool streams_attached(const struct streams *s);
void streams_fail(struct streams *s,
                  int status); /* the guest ends: say so to the client; it gets this status */

void streams_more(struct streams *s); /* the console takes output again */
void streams_resize(struct streams *s, unsigned cols, unsigned rows);
/* Input that does not come from its client. Returns what was taken. */
size_t streams_input(struct streams *s, const void *data, size_t len);
