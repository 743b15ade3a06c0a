// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach: joins our standard streams to a program in the guest, or to its serial port, until that ends.
 *
 * What goes wrong must leave the terminal as it was: signals arrive as events, not as ends.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct attach {
    int fd;           /* speaks frames (base/frame.h); borrowed */
    bool input;       /* pass standard input on, and its end */
    bool tty;         /* the other side is a terminal: keys as they are, window size, one output stream */
    bool escape;      /* Ctrl-] leaves */
    const char *what; /* for errors: "guest web" */
};

#define ATTACH_LEFT (-1) /* by the escape key */

/*
 * *ret_status: exit status of the program (128 + number of the signal that ended it), or ATTACH_LEFT.
 * -ECONNRESET: the other side went away. -EINTR: we were told to end (SIGTERM, SIGHUP, or SIGINT three times
 * in a row); *ret_status is 128 + signal then.
 */
int attach_run(const struct attach *a, int *ret_status, struct err *e);
