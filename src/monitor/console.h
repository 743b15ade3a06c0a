// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * console: a guest's serial port in its monitor: log file and clients. Threads: as host/hub.h.
 */
#pragma once

#include "board/port.h"
#include "monitor/control.h"

struct console;
int console_open(struct loop *loop, const char *log_path, struct console **ret, struct err *e);
void console_close(struct console *c); /* its clients are bid farewell */
OWN_TYPE(console, console_close)
struct char_port *console_port(struct console *c);

/* A client takes part from now on: {"ok"}, what the guest said lately, then what it says. Takes conn over. */
int console_attach(struct console *c, struct conn *conn, struct err *e);

/* Text that does not come from the serial port, but belongs to what the guest says. Returns what was taken.
 */
/* The log is another file from now on; clients must be gone. */
int console_relog(struct console *c, const char *log_path, struct err *e);
size_t console_say(struct console *c, const void *text, size_t len);
