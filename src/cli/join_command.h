// SPDX-License-Identifier: GPL-2.0-or-later
/* join_command: a container's command in the foreground of `run` and `start`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define JOIN_TAKEDOWN_MS 5000 /* when somebody is waiting for us to go */

struct join_command {
    const char *guest;
    bool input, tty;
    bool keep; /* it was there before: it is stopped, and not removed, when it cannot be joined */
};

/* Its streams are ours, and it ends with it: the exit status, or -errno. */
int join_command(const struct join_command *j, struct err *e);

/* The command ran, or could not: the guest of a foreground run ends with it. */
int join_finish(const char *guest, int status, uint64_t timeout_ms, struct err *e);
/* It never got as far as the command: nothing in it is worth keeping, unless it tells what was wrong. */
int join_give_up(const char *guest, int rc);
