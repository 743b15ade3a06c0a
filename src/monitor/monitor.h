// SPDX-License-Identifier: GPL-2.0-or-later
/* monitor: the process that supervises one guest, from start to end. */
#pragma once

#include "cpu/cpu.h"
#include "monitor/guest_dir.h"

struct monitor_config {
    struct guest_dir *dir; /* locked; the lock is given up at the end */
    const struct guest_config *guest;
    const struct engine_ops *engine;
    const char *engine_why; /* engine_pick's words, or NULL */
    bool fresh;             /* the guest was just made: it goes if it cannot start */
    /* Called once: with NULL when the machine runs and the control socket is there, else with what is wrong.
     */
    void (*ready)(void *ctx, const struct err *e);
    void *ctx;
};

/* Until the guest ends; the calling process is the monitor, one thread so far. Returns its exit status. */
int monitor_run(const struct monitor_config *c);
