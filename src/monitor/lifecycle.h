// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lifecycle: what may happen to a guest in which state, as a table. The actions are the monitor's.
 *
 * STOPPED and BROKEN are ends: the monitor records why and goes away.
 * Threads: the loop's, board lock held.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum life_state {
    LIFE_CREATED,
    LIFE_RUNNING,
    LIFE_PAUSED,
    LIFE_STOPPING, /* asked to shut down, the clock is ticking */
    LIFE_STOPPED,
    LIFE_BROKEN, /* panic, triple fault, engine failure */
    LIFE_STATES,
};

enum life_event {
    LIFE_START,
    LIFE_PAUSE,
    LIFE_RESUME,
    LIFE_STOP,    /* shut down in good order */
    LIFE_TIME_UP, /* ... but it did not */
    LIFE_KILL,
    LIFE_POWER_OFF, /* from here on: what the guest does */
    LIFE_RESET,
    LIFE_PANIC,
    LIFE_TRIPLE_FAULT,
    LIFE_ENGINE_FAILED,
    LIFE_EVENTS,
};

/* One function an action; each returns 0 or fills e. The state changes after it. */
struct life_actions {
    int (*start)(void *ctx, struct err *e);   /* CPUs run */
    int (*freeze)(void *ctx, struct err *e);  /* CPUs stand still */
    int (*thaw)(void *ctx, struct err *e);    /* and go on */
    int (*ask)(void *ctx, struct err *e);     /* ask the guest to shut down; CPUs run already */
    int (*unplug)(void *ctx, struct err *e);  /* CPUs stand still for good */
    int (*restart)(void *ctx, struct err *e); /* a new machine, soon */
    int (*bury)(void *ctx, struct err *e);    /* the guest failed; CPUs stand still already */
};

struct lifecycle {
    enum life_state state;
    const struct life_actions *actions;
    void *ctx;
};

/* -EBUSY: not in this state, nothing has changed. Else what the action says; the table tells the new state.
 */
int life_event(struct lifecycle *l, enum life_event event, struct err *e);

bool life_may(enum life_state s, enum life_event event);
bool life_ended(enum life_state s);
const char *life_state_name(enum life_state s); /* "running" */
