// SPDX-License-Identifier: GPL-2.0-or-later
/* lifecycle: see lifecycle.h. */
#include "monitor/lifecycle.h"

#include <stddef.h>

typedef int life_action(const struct lifecycle *l, struct err *e);

static int start(const struct lifecycle *l, struct err *e)
{
    return l->actions->start(l->ctx, e);
}

static int freeze(const struct lifecycle *l, struct err *e)
{
    return l->actions->freeze(l->ctx, e);
}

static int thaw(const struct lifecycle *l, struct err *e)
{
    return l->actions->thaw(l->ctx, e);
}

static int ask(const struct lifecycle *l, struct err *e)
{
    return l->actions->ask(l->ctx, e);
}

static int thaw_and_ask(const struct lifecycle *l, struct err *e)
{
    int rc = thaw(l, e);
    return rc < 0 ? rc : ask(l, e);
}

static int unplug(const struct lifecycle *l, struct err *e)
{
    return l->actions->unplug(l->ctx, e);
}

static int restart(const struct lifecycle *l, struct err *e)
{
    return l->actions->restart(l->ctx, e);
}

static int bury(const struct lifecycle *l, struct err *e)
{
    return l->actions->bury(l->ctx, e);
}

struct cell {
    enum life_state next, on_failure;
    life_action *action;
};

#define S(x) LIFE_##x

/* Every (state, event) pair that may happen; an empty cell is refused with -EBUSY and changes nothing. */
/* clang-format off */
static const struct cell table[LIFE_STATES][LIFE_EVENTS] = {
    [LIFE_CREATED] = {         /* next         on failure   action */
        [LIFE_START]         = {S(RUNNING),  S(BROKEN),   start},
        [LIFE_KILL]          = {S(STOPPED),  S(STOPPED),  unplug},
    },
    [LIFE_RUNNING] = {
        [LIFE_PAUSE]         = {S(PAUSED),   S(RUNNING),  freeze},
        [LIFE_STOP]          = {S(STOPPING), S(RUNNING),  ask},
        [LIFE_KILL]          = {S(STOPPED),  S(STOPPED),  unplug},
        [LIFE_POWER_OFF]     = {S(STOPPED),  S(STOPPED),  unplug},
        [LIFE_RESET]         = {S(RUNNING),  S(BROKEN),   restart},
        [LIFE_PANIC]         = {S(BROKEN),   S(BROKEN),   bury},
        [LIFE_TRIPLE_FAULT]  = {S(BROKEN),   S(BROKEN),   bury},
        [LIFE_ENGINE_FAILED] = {S(BROKEN),   S(BROKEN),   bury},
    },
    [LIFE_PAUSED] = {          /* what the guest did just before may still be on its way */
        [LIFE_RESUME]        = {S(RUNNING),  S(PAUSED),   thaw},
        [LIFE_STOP]          = {S(STOPPING), S(PAUSED),   thaw_and_ask},
        [LIFE_KILL]          = {S(STOPPED),  S(STOPPED),  unplug},
        [LIFE_POWER_OFF]     = {S(STOPPED),  S(STOPPED),  unplug},
        [LIFE_RESET]         = {S(RUNNING),  S(BROKEN),   restart},
        [LIFE_PANIC]         = {S(BROKEN),   S(BROKEN),   bury},
        [LIFE_TRIPLE_FAULT]  = {S(BROKEN),   S(BROKEN),   bury},
        [LIFE_ENGINE_FAILED] = {S(BROKEN),   S(BROKEN),   bury},
    },
    [LIFE_STOPPING] = {
        [LIFE_STOP]          = {S(STOPPING), S(STOPPING), ask},
        [LIFE_TIME_UP]       = {S(STOPPED),  S(STOPPED),  unplug},
        [LIFE_KILL]          = {S(STOPPED),  S(STOPPED),  unplug},
        [LIFE_POWER_OFF]     = {S(STOPPED),  S(STOPPED),  unplug},
        [LIFE_RESET]         = {S(STOPPED),  S(STOPPED),  unplug}, /* it is down, as was asked for */
        [LIFE_PANIC]         = {S(BROKEN),   S(BROKEN),   bury},
        [LIFE_TRIPLE_FAULT]  = {S(BROKEN),   S(BROKEN),   bury},
        [LIFE_ENGINE_FAILED] = {S(BROKEN),   S(BROKEN),   bury},
    },
};
/* clang-format on */

static const char *const state_names[LIFE_STATES] = {
    "created", "running", "paused", "stopping", "stopped", "broken",
};

static const char *const event_names[LIFE_EVENTS] = {
    "started",     "paused", "resumed",  "stopped",        "stopped", "killed",
    "powered off", "reset",  "panicked", "triple-faulted", "failed",
};

bool life_may(enum life_state s, enum life_event event)
{
    return table[s][event].action != NULL;
}

bool life_ended(enum life_state s)
{
    return s == LIFE_STOPPED || s == LIFE_BROKEN;
}

const char *life_state_name(enum life_state s)
{
    return state_names[s];
}

int life_event(struct lifecycle *l, enum life_event event, struct err *e)
{
    const struct cell *c = &table[l->state][event];
    if (!c->action)
        return err_set(e, -EBUSY, "it is %s and cannot be %s", state_names[l->state], event_names[event]);
    int rc = c->action(l, e);
    l->state = rc < 0 ? c->on_failure : c->next;
    return rc;
}
