// SPDX-License-Identifier: GPL-2.0-or-later
/* serial_tap: sits between the serial port and its far end and reads what the guest says. */
#pragma once

#include "board/port.h"
#include "monitor/panic_watch.h"

/*
 * port is the far end's, made to pass through here: it stays what both sides know. news is called under the
 * board lock, on a vCPU's thread too. Both must outlive the far end's use.
 */
struct serial_tap {
    struct char_port far; /* the far end's own calls */
    struct panic_watch panic;
    void (*news)(void *ctx, enum panic_seen seen);
    void *ctx;
};
void serial_tap_insert(struct serial_tap *t, struct char_port *port,
                       void (*news)(void *ctx, enum panic_seen seen), void *ctx);
