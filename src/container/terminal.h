// SPDX-License-Identifier: GPL-2.0-or-later
/* terminal: a pseudo-terminal of the container for its process, and the runtime's side of it. */
#pragma once

#include "container/config.h"

/*
 * In the container: make one from its own /dev/pts, be its session's leader, put it on the standard streams
 * and on /dev/console (if root >= 0: before the root is read-only and left). Returns the other end.
 */
int terminal_make(int root, const struct process_config *p, bool console, int *ret_slave, struct err *e);
int terminal_take(int slave, struct err *e);

/* Send the other end to the socket that the caller named. */
int terminal_hand_over(int sock, int master, struct err *e);
/* To that socket, or (console < 0) to the runtime at the other end of sync (sync.h), which serves it itself.
 */
int terminal_deliver(int console, int sync, int master, struct err *e);
