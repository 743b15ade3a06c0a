// SPDX-License-Identifier: GPL-2.0-or-later
/* term: the terminal we were started on, raw while a guest's program uses it. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#include "base/err.h"

struct term {
    int fd; /* -1: not raw */
    struct termios saved;
};

/* Keys go through as they are, until term_restore. Nothing happens when fd is no terminal. */
int term_raw(struct term *t, int fd, struct err *e);
void term_restore(struct term *t); /* on every way out; twice does no harm */
#define OWN_TERM __attribute__((cleanup(term_restore))) struct term

/* What may end a program on a terminal, and SIGWINCH, is read from a signalfd, so that every end is ours to
 * tidy up after: returns that, or -errno. *ret_old: what was blocked before, for term_signals_back. */
int term_signals(sigset_t *ret_old, struct err *e);
void term_signals_back(sigset_t *old);
#define OWN_SIGNALS __attribute__((cleanup(term_signals_back))) sigset_t

/* Columns and rows of the terminal behind fd, 80x24 where there is none. */
void term_size(int fd, uint16_t *ret_cols, uint16_t *ret_rows);
