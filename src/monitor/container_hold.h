// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_hold: a container stands still for a client, until that says goodbye or dies: then it goes on at
 * once.
 *
 * It is no pause of the guest's life: whoever asks for its state hears "running".
 */
#pragma once

#include "monitor/control.h"

struct container_hold {
    const char *states, *id; /* as the runtime knows it */
    struct conn *conn;       /* NULL: nobody holds it */
    bool froze;              /* by us: what was paused before stays so */
};

/* paused: it stands still already. Answers, and takes c over. -EBUSY: somebody else holds it. */
int container_hold(struct container_hold *h, struct conn *c, bool paused, struct err *e);
/* The guest's own pause, and its end. -EAGAIN: it cannot end while it is held. */
int container_hold_pause(struct container_hold *h, bool on, struct err *e);
/* -EAGAIN: it is held, so that nothing new can run in it just now. */
int container_hold_check(const struct container_hold *h, struct err *e);
void container_hold_end(struct container_hold *h);
