// SPDX-License-Identifier: GPL-2.0-or-later
/* foreground: staying with a container's process in the foreground: signals go to it, its terminal is copied.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

sigset_t foreground_signals(void); /* that are passed on */

/* Block what is to be passed on; before the process is made, so that none is lost. */
void foreground_hold_signals(void);

/* Until pid ends. master: its terminal, joined to our own streams, or -1. Returns its status: 0..255. */
int foreground_wait(pid_t pid, int master, struct err *e);
