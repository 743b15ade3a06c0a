// SPDX-License-Identifier: GPL-2.0-or-later
/* rtc: the MC146818 real-time clock and its CMOS memory at ports 0x70 and 0x71. */
#pragma once

#include "board/bus.h"
#include "board/clock.h"
#include "board/irq.h"
#include "board/state.h"

struct rtc;
/* ram_bytes fills the memory-size bytes that firmware expects there. */
int rtc_new(struct bus *io, const struct irq *irq, const struct clock *clock, uint64_t ram_bytes,
            struct rtc **ret, struct err *e);
void rtc_free(struct rtc *r);
OWN_TYPE(rtc, rtc_free)

extern const struct state_table rtc_state;
