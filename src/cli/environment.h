// SPDX-License-Identifier: GPL-2.0-or-later
/* environment: the variables of a command, from the options of `run` and `exec`. */
#pragma once

#include "base/err.h"
#include "base/opt.h"

struct environment {
    const char **item; /* NAME=VALUE, each name once, NULL at the end */
    char **text;       /* of the files, whose lines are among the items */
    unsigned nr_texts;
};
void environment_fini(struct environment *v);
#define OWN_ENVIRONMENT __attribute__((cleanup(environment_fini))) struct environment

/*
 * Files (lines NAME=VALUE, or NAME for our own value; "#" begins a comment line) come before env, and of two
 * with one name the later holds. terminal: TERM, as we have it, before all. -EINVAL: no name; errno of a
 * file.
 */
int environment_make(const struct opt_list *files, const struct opt_list *env, bool terminal,
                     struct environment *ret, struct err *e);
