// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * helper: makes a process of a container with streams of its own.
 *
 * The runtime gives a new process its own standard streams and descriptors. So it is called with nothing open
 * but those streams; the new process becomes the monitor's own child when the runtime has gone (the monitor
 * is a subreaper).
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "monitor/runtime.h"

struct helper_streams { /* our ends, non-blocking; -1: none */
    int in, out, err;   /* with a terminal: in and out are its other side, err is -1 */
};

struct helper {
    bool tty, input;          /* a terminal; standard input is a pipe (else /dev/null) */
    unsigned uid, gid;        /* who owns the pipes' far ends, so that /dev/stdout can be opened */
    const char *tty_path;     /* where a socket may be made for the terminal to come by */
    struct runtime_call call; /* makes the process; with a terminal, sends that to the socket */
};

/* Returns when the process is made. -ETIMEDOUT, or what the runtime says; nothing is left then. */
int helper_make(const struct helper *h, struct helper_streams *ret, struct err *e);
