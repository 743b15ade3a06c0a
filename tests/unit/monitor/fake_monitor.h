// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fake_monitor: a control socket and a life cycle over a guest that is made up, on a thread of its own.
 *
 * exec echoes what comes as STDIN back as STDOUT and ends when its input does, with status 7.
 */
#pragma once

#include "monitor/guest_dir.h"
#include "monitor/requests.h"

struct fake_monitor {
    pthread_mutex_t lock;
    pthread_t thread;
    struct loop *loop;
    struct control *control;
    struct requests requests;
    bool deaf; /* it does not shut down when asked to */
    char did[16];
    struct guest_dir *dir; /* NULL, or: its lock is given up at the end, as monitors do */
    bool dies;             /* it goes without a word when the guest ends */
};
void fake_monitor_start(struct fake_monitor *m, const char *path);
void fake_monitor_join(struct fake_monitor *m); /* after the guest's end: who waits is told, all is closed */
/* Something that the guest does, now. */
void fake_monitor_event(struct fake_monitor *m, enum life_event event, const char *kind, const char *why);
