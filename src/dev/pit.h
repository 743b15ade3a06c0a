// SPDX-License-Identifier: GPL-2.0-or-later
/* pit: the 8254 interval timer and the gate of its third channel at port 0x61. */
#pragma once

#include "board/bus.h"
#include "board/clock.h"
#include "board/irq.h"
#include "board/state.h"

struct pit;
int pit_new(struct bus *io, const struct irq *irq, const struct clock *clock, struct pit **ret,
            struct err *e);
void pit_free(struct pit *p);
OWN_TYPE(pit, pit_free)

extern const struct state_table pit_state;
