// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conn: one connection to the agent: a request, its reply, and for a command its streams.
 *
 * Nothing blocks and nothing grows: at most one frame is kept on the way in (a STDIN frame stays there until
 * the command has read it) and two on the way out; who is full is not read from. So a SIGNAL waits behind
 * input that the command does not read; closing the connection always hangs the command up.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/frame.h"
#include "guest/exec.h"
#include "guest/power.h"

#define CONN_POLLS 4
#define CONN_OUT   (2 * (FRAME_HEADER + FRAME_MAX))

enum conn_state {
    CONN_REQUEST, /* nothing asked yet */
    CONN_COMMAND, /* a command runs */
    CONN_CHORE,   /* a child of ours does what would hold up the others; its end is the reply */
    CONN_CLOSING, /* all is said: what is left goes out, then the other side closes */
    CONN_GONE,    /* to be freed */
};

struct conn {
    int fd;
    enum conn_state state;
    uint64_t deadline_ms; /* CLOSING: closed by then, whatever the other side does */
    struct power *power;  /* borrowed */

    struct exec_child child;
    bool ended; /* its leader was waited for */
    int32_t status;
    size_t unread[2];  /* output and errors that were written before it ended, still to be passed on */
    size_t stdin_done; /* bytes of the STDIN frame at the head that the command took already */

    size_t in_len, out_head, out_len;
    uint8_t in[FRAME_HEADER + FRAME_MAX];
    uint8_t out[CONN_OUT];
    struct conn *next;
};

struct conn *conn_new(int fd,
                      struct power *power); /* fd becomes its own; NULL: out of memory, fd is closed */
void conn_free(struct conn *c);             /* a command that still runs is hung up */

void conn_polls(const struct conn *c, struct pollfd p[CONN_POLLS]);
void conn_ready(struct conn *c, const struct pollfd p[CONN_POLLS], uint64_t now_ms);
void conn_ended(struct conn *c, int wait_status, uint64_t now_ms); /* child.pid was waited for */

/* request.c: carry one out. 0: done; 1: the conversation goes on in c->state; else an error. */
int request_run(struct conn *c, const struct frame *f, struct err *e);
