// SPDX-License-Identifier: GPL-2.0-or-later
/* pic: the PC's two cascaded 8259A interrupt controllers. */
#pragma once

#include "board/bus.h"
#include "board/state.h"

struct pic;
/* intr: the output pin changed; board lock held. */
int pic_new(struct bus *io, void (*intr)(void *ctx, bool level), void *ctx, struct pic **ret, struct err *e);
void pic_free(struct pic *p);
OWN_TYPE(pic, pic_free)

void pic_set(struct pic *p, unsigned line, bool level); /* 0..15 */
uint8_t pic_ack(struct pic *p);                         /* INTA cycle: the vector */

extern const struct state_table pic_state;
