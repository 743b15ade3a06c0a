// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * clock: the time devices live by, so that a test can turn the hands itself.
 *
 * vm/ plugs the loop's timers in; tests use fake_clock. Nanoseconds since an arbitrary start, monotonic.
 * Threads: board lock held; fire is called with it held.
 */
#pragma once

#include <stdint.h>

struct clock_timer;
struct clock {
    uint64_t (*now_ns)(void *ctx);
    void (*arm)(void *ctx, struct clock_timer *t); /* t->deadline_ns is set; arming again moves it */
    void (*stop)(void *ctx, struct clock_timer *t);
    int64_t (*realtime_ns)(void *ctx); /* wall clock since 1970, for the RTC */
    void *ctx;
};

/* Embedded in its device. Initialise all but priv with the clock it belongs to. */
struct clock_timer {
    const struct clock *clock;
    void (*fire)(void *ctx);
    void *ctx;
    uint64_t deadline_ns;
    void *priv; /* the clock's own, NULL at first; freed by clock_timer_fini */
};

static inline uint64_t clock_now(const struct clock *c)
{
    return c->now_ns(c->ctx);
}
static inline void clock_timer_arm(struct clock_timer *t, uint64_t deadline_ns)
{
    t->deadline_ns = deadline_ns;
    t->clock->arm(t->clock->ctx, t);
}
static inline void clock_timer_stop(struct clock_timer *t)
{
    t->clock->stop(t->clock->ctx, t);
}

/* The real clock over a loop; the loop must outlive it. */
struct loop;
struct clock *loop_clock_new(struct loop *l); /* NULL: out of memory */
void loop_clock_free(struct clock *c);
void clock_timer_fini(struct clock_timer *t); /* stop and release priv; any clock */

/* A clock for tests: stands still until fake_clock_advance, which fires what falls due, in order. */
struct clock *fake_clock_new(void);
void fake_clock_free(struct clock *c);
void fake_clock_advance(struct clock *c, uint64_t ns);
