// SPDX-License-Identifier: GPL-2.0-or-later
/* uart: a 16550A serial port at 8 I/O ports. */
#pragma once

#include "board/bus.h"
#include "board/irq.h"
#include "board/port.h"
#include "board/state.h"

struct uart;
/* Attach at base on the port bus. irq and port are borrowed; the port's device side is filled in. */
int uart_new(struct bus *io, uint16_t base, const struct irq *irq, struct char_port *port, struct uart **ret,
             struct err *e);
void uart_free(struct uart *u);
OWN_TYPE(uart, uart_free)

extern const struct state_table uart_state;
