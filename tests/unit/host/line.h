// SPDX-License-Identifier: GPL-2.0-or-later
/* line: a device on a hub: says what it is told to, keeps what it hears, a few bytes at a time. */
#pragma once

#include "host/hub.h"

#include "bed.h"

struct line {
    struct char_port *port;
    const char *say;
    size_t left; /* of say */
    size_t room; /* bytes of input it takes */
    char heard[8192];
    size_t nr_heard;
    unsigned drained;
};

static inline void line_say(struct line *l)
{
    size_t n = l->port->write(l->port->ctx, l->say, l->left);
    assert_true(n <= l->left);
    l->say += n;
    l->left -= n;
}

static inline void line_drained(void *dev)
{
    struct line *l = dev;
    l->drained++;
    if (l->left)
        line_say(l);
}

static inline size_t line_receive(void *dev, const void *buf, size_t len)
{
    struct line *l = dev;
    size_t n = len < l->room ? len : l->room;
    assert_true(l->nr_heard + n <= sizeof(l->heard));
    memcpy(l->heard + l->nr_heard, buf, n);
    l->nr_heard += n;
    l->room -= n;
    return n;
}

static inline void line_init(struct line *l, struct hub *h)
{
    memset(l, 0, sizeof(*l));
    l->port = hub_port(h);
    l->port->dev = l;
    l->port->receive = line_receive;
    l->port->drained = line_drained;
}

static inline void line_start(struct line *l, const char *say, size_t len)
{
    l->say = say;
    l->left = len;
    line_say(l);
}

static inline void line_listen(struct line *l, size_t room)
{
    l->room = room;
    l->port->room(l->port->ctx);
}

/* len bytes that tell their place */
static inline char *line_text(size_t len)
{
    char *text = malloc(len + 16);
    for (size_t i = 0; i < len; i += 8)
        snprintf(text + i, 9, "%07zu\n", i / 8);
    return text;
}
