// SPDX-License-Identifier: GPL-2.0-or-later
/* debian_progress: how far mmdebstrap is, guessed from what it says (mmdebstrap --verbose, 1.x, and apt's own
 * words). */
#pragma once

#define DEBIAN_STEPS 1000u /* all of it */

struct debian_progress {
    unsigned stage;    /* which of the stages is on */
    unsigned packages; /* that apt said last it would install; 0: nothing yet */
    unsigned seen;     /* lines that count */
    unsigned done;     /* steps; never becomes less */
};

/* One more line; returns the steps done now. */
unsigned debian_progress_line(struct debian_progress *p, const char *line);
