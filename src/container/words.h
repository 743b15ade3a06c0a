// SPDX-License-Identifier: GPL-2.0-or-later
/* words: names of the specification and what the kernel calls them. */
#pragma once

#include <stdint.h>

struct word {
    const char *name; /* NULL ends a table */
    int number;
};

int word_number(const struct word *table, const char *name); /* -1: not in it */
const char *word_name(const struct word *table, int number); /* NULL: not in it */

extern const struct word rlimit_words[], scheduler_words[], scheduler_flag_words[], io_class_words[],
    signal_words[], personality_words[];

/* "TERM", "SIGTERM", "15", "RTMIN+3"; -1: no signal. */
int signal_number(const char *text);
