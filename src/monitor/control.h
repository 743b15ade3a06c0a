// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control: the socket by which clients talk to a monitor: frames, any number of requests a connection.
 *
 * A client that is slow, silent or hostile costs a bounded buffer and nobody else's time. Only the monitor's
 * own user and root are heard. Threads: the loop's, board lock held; callbacks too, never from inside a call
 * but conn_more.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/frame.h"
#include "base/own.h"

#define CONTROL_VERSION 1
#define CONTROL_CLIENTS 128 /* at once; more wait in the kernel */

struct control;
struct conn; /* one client */
struct loop;

/*
 * request (borrowed, an object of this version) came: the handler answers at once (conn_reply, conn_error),
 * or calls conn_attach and answers later.
 */
typedef void control_request_fn(void *ctx, struct conn *c, json_t *request);

/* Listen at path, which must not be there. */
int control_new(struct loop *loop, const char *path, control_request_fn *request, void *ctx,
                struct control **ret, struct err *e);
/* Clients that still wait get what was said to them, if they take it within a moment; attached ones are told
 * closed. The path stays. */
void control_free(struct control *c);
OWN_TYPE(control, control_free)

/* In the child of fork(2): clients and socket are the other process', and closed without a word. */
void control_abandon(struct control *c);

void conn_reply(struct conn *c, json_t *reply); /* steals it; {"ok": true} is put in */
void conn_ok(struct conn *c);
void conn_error(struct conn *c, const struct err *e);

/* From here on frames go to ops; requests are no longer taken. */
struct conn_ops {
    bool (*frame)(void *ctx, const struct frame *f); /* false: not now; conn_more makes it come again */
    void (*room)(void *ctx);                         /* conn_send takes more again after it said no */
    void (*closed)(void *ctx);                       /* the client is gone, and so is c; the last call */
};
void conn_attach(struct conn *c, const struct conn_ops *ops, void *ctx);
bool conn_send(struct conn *c, enum frame_type type, const void *payload,
               uint32_t len); /* false: no room; EXIT always has it */
void conn_more(struct conn *c);
/* An attached one: say goodbye, when all that was sent is out. c is gone; closed is not called. */
void conn_finish(struct conn *c);
