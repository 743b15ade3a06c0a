// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tty: a terminal, pipe or file of this process as a hub's patient client.
 *
 * A terminal is in raw mode from attach to detach, and Ctrl-] on it leaves. Output never blocks the process:
 * the guest waits instead. Who gets SIGWINCH asks tty_size and tells hub_resize. Threads: as hub.
 */
#pragma once

#include <termios.h>

#include "base/loop.h"
#include "host/hub.h"

enum tty_event {
    TTY_LEFT, /* Ctrl-] */
    TTY_EOF,  /* no more input; output goes on */
    TTY_GONE, /* nobody reads the output any more: what comes is thrown away */
};

struct tty_config {
    int in, out;                                    /* borrowed until detach; in -1: output only */
    void (*event)(void *ctx, enum tty_event event); /* on the loop; may detach; may be NULL */
    void *ctx;
};

struct tty;
int tty_attach(struct hub *h, struct loop *l, const struct tty_config *c, struct tty **ret, struct err *e);
/*
 * What the guest said last is still written (2 s for a reader that stands still), then terminal and flags are
 * as before. Before hub_free or after it.
 */
void tty_detach(struct tty *t);
OWN_TYPE(tty, tty_detach)

/* Raw mode for others who pass a terminal through. False: not a terminal. */
bool tty_raw(int fd, struct termios *ret_before);
void tty_restore(int fd, const struct termios *before);
bool tty_size(int fd, unsigned *ret_cols, unsigned *ret_rows);
