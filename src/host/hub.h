// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hub: where a guest's serial line ends: one device on one side; a log and any number of clients on the
 * other.
 *
 * The guest waits for patient clients only (the terminal that `run` was started from). Others have
 * HUB_BACKLOG bytes; who is slower finds a note where output was lost. Input of all clients goes to the
 * device. Threads: board lock held; clients are called on the loop's thread and may attach and detach from
 * there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/loop.h"
#include "board/port.h"
#include "host/logfile.h"

#define HUB_BACKLOG (256u << 10)

struct hub;
/* log may be NULL; the hub owns it afterwards. */
int hub_new(struct loop *l, struct logfile *log, struct hub **ret, struct err *e);
/* What is written from now on goes to another log, which the hub owns; the old one is closed. */
void hub_relog(struct hub *h, struct logfile *log);
void hub_free(struct hub *h); /* before loop_free; what the guest said last still goes to log and clients */
OWN_TYPE(hub, hub_free)
struct char_port *hub_port(struct hub *h);
void hub_resize(struct hub *h, unsigned cols, unsigned rows); /* of the guest's terminal, if it can know */

struct hub_client;
struct hub_client_ops {
    /* Returns what was taken; if not all, hub_client_ready goes on. */
    size_t (*write)(void *ctx, const void *buf, size_t len);
    /* After hub_input took less than all; may be NULL. */
    void (*room)(void *ctx);
    /* The hub is freed, and the client with it: the last call, in which it may flush; may be NULL. */
    void (*gone)(void *ctx);
};
int hub_attach(struct hub *h, const struct hub_client_ops *ops, void *ctx, bool patient,
               struct hub_client **ret, struct err *e);
void hub_detach(struct hub_client *c);       /* NULL is allowed; no call comes after */
void hub_client_ready(struct hub_client *c); /* write will take again */
/* Write at once what waits; returns how much still does. Not from within write. */
size_t hub_client_flush(struct hub_client *c);
size_t hub_input(struct hub_client *c, const void *buf, size_t len); /* returns what was taken */
