// SPDX-License-Identifier: GPL-2.0-or-later
/* serial_tap: see serial_tap.h. */
#include "monitor/serial_tap.h"

static size_t tap_write(void *ctx, const void *buf, size_t len)
{
    struct serial_tap *t = ctx;
    size_t n = t->far.write(t->far.ctx, buf, len);
    enum panic_seen seen = panic_watch_feed(&t->panic, buf, n);
    if (seen != PANIC_NOT)
        t->news(t->ctx, seen);
    return n;
}

static void tap_room(void *ctx)
{
    struct serial_tap *t = ctx;
    if (t->far.room)
        t->far.room(t->far.ctx);
}

void serial_tap_insert(struct serial_tap *t, struct char_port *port,
                       void (*news)(void *ctx, enum panic_seen seen), void *ctx)
{
    *t = (struct serial_tap){.far = *port, .news = news, .ctx = ctx};
    port->write = tap_write;
    port->room = tap_room;
    port->ctx = t;
}
