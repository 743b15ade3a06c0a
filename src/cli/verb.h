// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verb: what stands behind `hospes` on the command line. One file and one table each; help, man pages and
 * completion are made from the tables. A verb parses nothing, prints no error and knows no socket.
 */
#pragma once

#include "base/opt.h"

#define STATUS_FAILED 125 /* hospes itself could not do it; a command's own status is passed on as it is */

struct verb {
    const char *name;     /* "stop", "image ls" */
    const char *operands; /* as the help shows them: "NAME...", NULL: none */
    const char *help;     /* one line, without a full stop */
    const char
        *about; /* more, for --help and the man page: paragraphs with an empty line between; may be NULL */
    const char *examples; /* lines "COMMAND\tWHAT IT DOES"; may be NULL */
    const struct opt *opts;
    unsigned nr_opts;
    bool leading; /* options end at the first operand */
    bool hidden;
    int min_operands, max_operands; /* max -1: any number */
    unsigned args_size;
    const void *defaults; /* what args are before parsing; NULL: zeroes */
    /* Exit status (0..255), or -errno with *e filled, which main prints. argv: the operands, NULL at the end.
     */
    int (*run)(const void *args, int argc, char **argv, struct err *e);
};
#define VERB_OPTS(rows) .opts = (rows), .nr_opts = sizeof(rows) / sizeof((rows)[0])

/* All of them, in the order of the help; NULL ends. */
extern const struct verb *const verbs[];

/* The verb that argv begins with, and how many words its name has; NULL: none such. */
const struct verb *verb_find(int argc, char *const *argv, int *ret_words);
/* Is name the first word of verbs with two ("image")? */
bool verb_is_group(const char *name);
/* A verb's name in a slip of the fingers, or NULL. */
const char *verb_nearest(const char *typed);

/* Run it on the words behind its name; returns the exit status, after any error was printed. */
int verb_dispatch(const struct verb *v, int argc, char **argv);

/* fn for each operand; errors but the last are printed here, the last is the caller's. 0 or that error. */
int verb_each(const char *verb, int argc, char **argv,
              int (*fn)(const char *name, const void *ctx, struct err *e), const void *ctx, struct err *e);
