// SPDX-License-Identifier: GPL-2.0-or-later
/* ioapic: 24 interrupt pins to messages for local APICs. */
#pragma once

#include "board/bus.h"
#include "board/irq.h"
#include "board/state.h"

#define IOAPIC_PINS 24

struct ioapic;
int ioapic_new(struct bus *mem, uint64_t base, const struct msi_sink *sink, struct ioapic **ret,
               struct err *e);
void ioapic_free(struct ioapic *a);
OWN_TYPE(ioapic, ioapic_free)

void ioapic_set(struct ioapic *a, unsigned pin, bool level);
void ioapic_eoi(struct ioapic *a, uint8_t vector); /* a local APIC ended a level-triggered interrupt */

extern const struct state_table ioapic_state;
