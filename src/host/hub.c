// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hub: see hub.h.
 *
 * A device call only moves bytes into `fresh` and arms a timer that is due; all else happens in a turn of
 * the loop, so that neither log nor clients are ever entered from a vCPU's thread, and a byte at a time
 * from a UART becomes one write.
 */
#include "host/hub.h"

#include <string.h>

#include "base/buf.h"

#define FRESH_MAX (64u << 10)

struct hub_client {
    struct hub *hub;
    const struct hub_client_ops *ops;
    void *ctx;
    bool patient, dead, waits_for_room;
    struct buf backlog;
    uint64_t lost; /* bytes, since the backlog was last empty */
    size_t note;   /* bytes of the backlog's head that tell so */
    struct hub_client *next;
};

struct hub {
    struct char_port port;
    struct loop *loop;
    struct loop_timer turn;
    struct logfile *log;
    struct buf fresh; /* from the guest, for log and clients */
    bool refused;     /* the device waits for drained */
    bool room;        /* the device has room again */
    bool turning;
    struct hub_client *clients;
};

static void turn_soon(struct hub *h)
{
    if (h->turn.deadline_ns != 0)
        loop_timer_arm(&h->turn, 0);
}

/* ---- the device's side ---- */

static size_t space(const struct hub *h)
{
    size_t least = FRESH_MAX;
    for (const struct hub_client *c = h->clients; c; c = c->next)
        if (c->patient && !c->dead && HUB_BACKLOG - c->backlog.len < least)
            least = HUB_BACKLOG - c->backlog.len;
    return least > h->fresh.len ? least - h->fresh.len : 0;
}

static size_t device_write(void *ctx, const void *buf, size_t len)
{
    struct hub *h = ctx;
    size_t room = space(h), some = len < room ? len : room;
    if (buf_append(&h->fresh, buf, some) < 0)
        some = 0;
    h->refused = some < len;
    turn_soon(h);
    return some;
}

static void device_room(void *ctx)
{
    struct hub *h = ctx;
    h->room = true;
    turn_soon(h);
}

/* ---- clients ---- */

static void note_loss(struct hub_client *c, size_t lost)
{
    char note[64];
    c->lost += lost - c->note;
    int n = snprintf(note, sizeof(note), "\r\n[hospes: %llu bytes lost]\r\n", (unsigned long long)c->lost);
    c->note = buf_append(&c->backlog, note, (size_t)n) < 0 ? 0 : (size_t)n;
}

/* All that waits goes when it is too much: half a screen from the middle is no use. */
static void append(struct hub_client *c, const void *buf, size_t len)
{
    if (c->backlog.len + len > HUB_BACKLOG) {
        size_t lost = c->backlog.len;
        buf_consume(&c->backlog, lost);
        note_loss(c, lost);
    }
    if (buf_append(&c->backlog, buf, len) < 0)
        c->lost += len;
}

static void pump(struct hub_client *c)
{
    while (!c->dead && c->backlog.len) {
        size_t n = c->ops->write(c->ctx, buf_data(&c->backlog), c->backlog.len);
        if (n == 0)
            return;
        buf_consume(&c->backlog, n);
        c->note -= c->note < n ? c->note : n;
    }
    c->lost = 0;
}

static void offer_room(struct hub_client *c)
{
    if (c->dead || !c->waits_for_room)
        return;
    c->waits_for_room = false;
    if (c->ops->room)
        c->ops->room(c->ctx);
}

static void bury(struct hub *h)
{
    for (struct hub_client **p = &h->clients; *p;) {
        struct hub_client *c = *p;
        if (!c->dead) {
            p = &c->next;
            continue;
        }
        *p = c->next;
        buf_fini(&c->backlog);
        free(c);
    }
}

/* ---- a turn ---- */

static void spread(struct hub *h)
{
    if (h->log)
        logfile_write(h->log, buf_data(&h->fresh), h->fresh.len);
    for (struct hub_client *c = h->clients; c; c = c->next)
        append(c, buf_data(&h->fresh), h->fresh.len);
    buf_consume(&h->fresh, h->fresh.len);
}

static void run_clients(struct hub *h)
{
    bool room = h->room;
    h->room = false;
    h->turning = true;
    for (struct hub_client *c = h->clients; c; c = c->next) {
        pump(c);
        if (room)
            offer_room(c);
    }
    h->turning = false;
    bury(h);
}

static void turn(void *ctx)
{
    struct hub *h = ctx;
    if (h->fresh.len)
        spread(h);
    run_clients(h);
    if (!h->refused || space(h) == 0)
        return;
    h->refused = false;
    if (h->port.drained)
        h->port.drained(h->port.dev);
}

/* ---- the rest ---- */

int hub_new(struct loop *l, struct logfile *log, struct hub **ret, struct err *e)
{
    struct hub *h = calloc(1, sizeof(*h));
    if (!h)
        return err_code(e, -ENOMEM, "console");
    h->loop = l;
    h->log = log;
    h->port = (struct char_port){.write = device_write, .room = device_room, .ctx = h};
    loop_timer_init(&h->turn, l, turn, h);
    *ret = h;
    return 0;
}

void hub_relog(struct hub *h, struct logfile *log)
{
    logfile_close(h->log);
    h->log = log;
}

void hub_free(struct hub *h)
{
    if (!h)
        return;
    if (h->fresh.len)
        spread(h);
    run_clients(h);
    while (h->clients) {
        struct hub_client *c = h->clients;
        if (c->ops->gone)
            c->ops->gone(c->ctx); /* may flush, and detach */
        if (h->clients == c)
            c->dead = true;
        bury(h);
    }
    loop_timer_stop(&h->turn);
    logfile_close(h->log);
    buf_fini(&h->fresh);
    free(h);
}

struct char_port *hub_port(struct hub *h)
{
    return &h->port;
}

void hub_resize(struct hub *h, unsigned cols, unsigned rows)
{
    if (h->port.resize)
        h->port.resize(h->port.dev, cols, rows);
}

int hub_attach(struct hub *h, const struct hub_client_ops *ops, void *ctx, bool patient,
               struct hub_client **ret, struct err *e)
{
    struct hub_client *c = calloc(1, sizeof(*c));
    if (!c)
        return err_code(e, -ENOMEM, "console");
    *c = (struct hub_client){.hub = h, .ops = ops, .ctx = ctx, .patient = patient, .next = h->clients};
    h->clients = c;
    *ret = c;
    return 0;
}

/* In a turn its entry stays until the end, for those who walk the list. */
void hub_detach(struct hub_client *c)
{
    if (!c || c->dead)
        return;
    struct hub *h = c->hub;
    c->dead = true;
    if (h->turning)
        return;
    bury(h);
    turn_soon(h); /* the guest may have waited for this one */
}

void hub_client_ready(struct hub_client *c)
{
    turn_soon(c->hub);
}

size_t hub_client_flush(struct hub_client *c)
{
    struct hub *h = c->hub;
    if (h->fresh.len)
        spread(h);
    if (!h->turning)
        pump(c);
    return c->backlog.len;
}

size_t hub_input(struct hub_client *c, const void *buf, size_t len)
{
    struct char_port *p = &c->hub->port;
    size_t n = p->receive ? p->receive(p->dev, buf, len) : len;
    c->waits_for_room = n < len;
    return n;
}
