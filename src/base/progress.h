// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * progress: how far long work is, in one line of the terminal that is gone when the work is done.
 *
 * On a terminal: a bar, redrawn at most ten times a second. Elsewhere: one plain line a phase. Work of less
 * than half a second shows nothing at all. NULL is allowed everywhere and shows nothing. Threads: one at a
 * time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum progress_unit {
    PROGRESS_BYTES, /* shown as done/total and rate */
    PROGRESS_STEPS, /* shown as percent only */
};

struct progress {
    int fd;
    bool terminal, active, drawn;
    enum progress_unit unit;
    uint64_t done, total; /* total 0: unknown; no bar then */
    uint64_t start_ns, drawn_ns;
    char what[48];
};

void progress_init(struct progress *p, int fd); /* fd, usually 2, is borrowed */

/* A phase begins (the one before it ends): what is done now, in a few words; total in the unit. */
void progress_start(struct progress *p, const char *what, uint64_t total, enum progress_unit unit);
void progress_to(struct progress *p, uint64_t done);
void progress_add(struct progress *p, uint64_t n);
/* Take the bar away: before anything else is printed, and at the end, of failed work too. */
void progress_done(struct progress *p);

/* The line as it would be drawn, at most width columns; text holds len bytes. */
void progress_text(const struct progress *p, uint64_t now_ns, unsigned width, char *text, size_t len);
