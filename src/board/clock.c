// SPDX-License-Identifier: GPL-2.0-or-later
/* clock: the loop's timers as a board clock, and a clock whose hands a test turns. */
#include "board/clock.h"

#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/loop.h"

static uint64_t real_now(void *ctx)
{
    (void)ctx;
    return loop_now_ns();
}

static int64_t real_wall(void *ctx)
{
    (void)ctx;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static void real_fire(void *ctx)
{
    struct clock_timer *t = ctx;
    t->fire(t->ctx);
}

static void real_arm(void *ctx, struct clock_timer *t)
{
    if (!t->priv) {
        struct loop_timer *lt = malloc(sizeof(*lt));
        BUG_ON(!lt);
        loop_timer_init(lt, ctx, real_fire, t);
        t->priv = lt;
    }
    loop_timer_arm(t->priv, t->deadline_ns);
}

static void real_stop(void *ctx, struct clock_timer *t)
{
    (void)ctx;
    if (t->priv)
        loop_timer_stop(t->priv);
}

struct clock *loop_clock_new(struct loop *l)
{
    struct clock *c = malloc(sizeof(*c));
    if (c)
        *c = (struct clock){real_now, real_arm, real_stop, real_wall, l};
    return c;
}

void loop_clock_free(struct clock *c)
{
    free(c);
}

void clock_timer_fini(struct clock_timer *t)
{
    if (t->clock)
        clock_timer_stop(t);
    free(t->priv);
    t->priv = NULL;
}

/* ---- for tests ---- */

struct fake {
    struct clock clock;
    uint64_t now_ns;
    struct armed {
        struct clock_timer *timer;
        struct armed *next;
    } *armed;
};

static uint64_t fake_now(void *ctx)
{
    const struct fake *f = ctx;
    return f->now_ns;
}

static int64_t fake_wall(void *ctx)
{
    const struct fake *f = ctx;
    return 1000000000ll * 1000000000 + (int64_t)f->now_ns;
}

static void fake_stop(void *ctx, struct clock_timer *t)
{
    struct fake *f = ctx;
    for (struct armed **p = &f->armed; *p; p = &(*p)->next) {
        struct armed *a = *p;
        if (a->timer != t)
            continue;
        *p = a->next;
        free(a);
        return;
    }
}

static void fake_arm(void *ctx, struct clock_timer *t)
{
    struct fake *f = ctx;
    fake_stop(f, t);
    struct armed *a = malloc(sizeof(*a));
    BUG_ON(!a);
    *a = (struct armed){.timer = t, .next = f->armed};
    f->armed = a;
}

struct clock *fake_clock_new(void)
{
    struct fake *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->clock = (struct clock){fake_now, fake_arm, fake_stop, fake_wall, f};
    return &f->clock;
}

void fake_clock_free(struct clock *c)
{
    if (!c)
        return;
    struct fake *f = c->ctx;
    while (f->armed)
        fake_stop(f, f->armed->timer);
    free(f);
}

static struct clock_timer *earliest(const struct fake *f, uint64_t until)
{
    struct clock_timer *best = NULL;
    for (const struct armed *a = f->armed; a; a = a->next)
        if (a->timer->deadline_ns <= until && (!best || a->timer->deadline_ns < best->deadline_ns))
            best = a->timer;
    return best;
}

void fake_clock_advance(struct clock *c, uint64_t ns)
{
    struct fake *f = c->ctx;
    uint64_t until = f->now_ns + ns;
    struct clock_timer *t;
    while ((t = earliest(f, until))) {
        if (t->deadline_ns > f->now_ns)
            f->now_ns = t->deadline_ns;
        fake_stop(f, t);
        t->fire(t->ctx);
    }
    f->now_ns = until;
}
