// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oci: the command line that container engines call, as runc's and crun's:
 *
 *     hospes-oci [GLOBAL OPTIONS] COMMAND [OPTIONS] [OPERANDS]
 *
 * A command is a struct and a function; it prints what was asked for on stdout, and returns errors.
 */
#pragma once

#include "base/json.h"
#include "base/opt.h"

/*
 * What a program with machines brings along. The small program has none: it starts `hospes` in its own place
 * where a machine is wanted.
 */
struct launch;
struct machines {
    void (*monitor)(struct launch *l); /* as create_options.machine */
};

struct globals {
    const char *root, *log, *log_format, *cgroup_manager, *rootless, *log_level, *criu;
    unsigned report; /* 0: standard error */
    bool systemd_cgroup, debug, vm;
    char *states;                    /* the folder of states that root means */
    const struct machines *machines; /* NULL: this program has none */
    char **words;                    /* the whole command line */
};
bool globals_systemd(const struct globals *g); /* systemd makes the cgroups */

struct command {
    const char *name, *operands, *help;
    const struct opt *opts;
    unsigned nr_opts, args_size;
    bool leading; /* options end at the first operand */
    bool enters;  /* a process of ours gets into a container */
    int min_operands, max_operands;
    /* The exit status, or -errno with *e filled. */
    int (*run)(const struct globals *g, const void *args, int argc, char **argv, struct err *e);
};
#define COMMAND_OPTS(rows) .opts = (rows), .nr_opts = sizeof(rows) / sizeof((rows)[0])

extern const struct command oci_create, oci_run, oci_start, oci_state, oci_kill, oci_delete, oci_exec, oci_ps,
    oci_list, oci_pause, oci_resume, oci_update, oci_features, oci_spec, oci_events, oci_checkpoint,
    oci_restore;

int oci_print(const json_t *j, size_t flags, struct err *e); /* a line on stdout; j NULL: out of memory */

/*
 * fn for the container argv[0], or, with regex, for each whose ID that extended regular expression matches
 * (none is no error); the first error ends it.
 */
typedef int each_fn(const struct globals *g, const void *args, const char *id, char **argv, struct err *e);
int oci_each(const struct globals *g, bool regex, const void *args, char **argv, each_fn *fn, struct err *e);

/* The whole program; argv[0] is its name. Returns the exit status. */
int oci_main(int argc, char **argv, const struct machines *machines);

/* Become `hospes oci --vm ...` with the same words; only returns with why not. */
int oci_hand_over(const struct globals *g, struct err *e);
