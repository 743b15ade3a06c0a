// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * opt: command line options as tables. A row names a field of the caller's struct; opt_parse fills it.
 *
 *     static const struct opt stop_opts[] = {
 *         OPT(stop_args, timeout, OPT_SECONDS, 't', "SECONDS", "how long to wait for the guest to shut
 * down"),
 *
 * The same rows make the help text, the man pages and the completion. Spelling: -t 5, -t5, --timeout 5,
 * --timeout=5, -it for -i -t; `--` ends the options.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A span of time as typed: 10, 10s, 500ms, 2m, 1h. */
struct opt_time {
    uint64_t ms;
};

struct opt_list { /* of a repeated option, in order; the strings are argv's */
    const char **item;
    unsigned nr;
};

enum opt_kind {               /* type of the field */
                OPT_FLAG,     /* bool */
                OPT_TEXT,     /* const char *, argv's */
                OPT_CHOICE,   /* const char *, one of the row's value: "auto|kvm|soft" */
                OPT_NUMBER,   /* unsigned */
                OPT_SIZE,     /* uint64_t, bytes: 512M, 2G, 1.5GiB, all in powers of 1024 */
                OPT_SECONDS,  /* struct opt_time */
                OPT_REPEATED, /* struct opt_list */
};

struct opt {
    const char *name; /* the field's name; '_' is typed as '-' */
    enum opt_kind kind;
    char letter; /* 0: none */
    unsigned offset, bytes;
    const char *value; /* what the value is called in help texts; NULL: takes none */
    const char *help;  /* NULL: not shown */
};
#define OPT(type_, field_, kind_, letter_, value_, help_)                                                    \
    {.name = #field_,                                                                                        \
     .kind = (kind_),                                                                                        \
     .letter = (letter_),                                                                                    \
     .offset = offsetof(struct type_, field_),                                                               \
     .bytes = sizeof(((struct type_ *)NULL)->field_),                                                        \
     .value = (value_),                                                                                      \
     .help = (help_)}

struct opt_table {
    const struct opt *opts;
    unsigned nr;
    bool leading; /* options end at the first operand: what follows belongs to another program */
};

enum { OPT_OPERANDS, OPT_HELP }; /* what opt_parse returns when the words are in order */

/*
 * argv[0..argc) are the words behind the verb. Fills args and moves the operands to argv[0..*ret_nr).
 * OPT_HELP: --help or -h was among them. -EINVAL: one line says what is wrong. -ENOMEM.
 * Lists in args are the caller's in every case: opt_fini.
 */
int opt_parse(const struct opt_table *t, int argc, char **argv, void *args, int *ret_nr, struct err *e);
void opt_fini(const struct opt_table *t, void *args);

/* Values by themselves; what names them in the error. -EINVAL. */
int opt_size(const char *text, uint64_t *ret, struct err *e);
int opt_time(const char *text, struct opt_time *ret, struct err *e);
int opt_number(const char *text, unsigned *ret, struct err *e);

/* The option's name as it is typed, without dashes. */
void opt_spell(const struct opt *o, char *ret, size_t size);

/* The nearest of nr names to what was typed, near enough to be a slip, or NULL. */
const char *opt_nearest(const char *typed, const char *const *names, unsigned nr);
