// SPDX-License-Identifier: GPL-2.0-or-later
/* container_hold: see container_hold.h. */
#include "monitor/container_hold.h"

#include "base/log.h"
#include "container/container.h"

static void go_on(struct container_hold *h)
{
    struct err e;
    h->conn = NULL;
    if (h->froze && container_pause(h->states, h->id, false, &e) < 0)
        log_warn("go on: %s", e.text);
    h->froze = false;
}

static bool ignore(void *ctx, const struct frame *f)
{
    (void)ctx, (void)f;
    return true;
}

static void left(void *ctx)
{
    go_on(ctx);
}

static const struct conn_ops ops = {.frame = ignore, .closed = left};

int container_hold(struct container_hold *h, struct conn *c, bool paused, struct err *e)
{
    if (h->conn)
        return err_set(e, -EBUSY, "it is being copied by somebody else just now");
    int rc = paused ? 0 : container_pause(h->states, h->id, true, e);
    if (rc < 0)
        return rc;
    h->froze = !paused;
    h->conn = c;
    conn_attach(c, &ops, h);
    conn_ok(c);
    return 0;
}

int container_hold_check(const struct container_hold *h, struct err *e)
{
    return h->conn ? err_set(e, -EAGAIN, "it stands still for a snapshot just now") : 0;
}

int container_hold_pause(struct container_hold *h, bool on, struct err *e)
{
    if (!h->conn)
        return container_pause(h->states, h->id, on, e);
    if (!on)
        return container_hold_check(h, e);
    h->froze = false; /* it stands still already, and stays so when the client goes */
    return 0;
}

void container_hold_end(struct container_hold *h)
{
    struct conn *c = h->conn;
    if (!c)
        return;
    go_on(h);
    conn_finish(c);
}
