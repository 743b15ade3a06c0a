// SPDX-License-Identifier: GPL-2.0-or-later
/* life: the commands that make, start, signal and remove containers. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "container/container.h"
#include "container/words.h"
#include "oci/oci.h"

struct create_args {
    const char *bundle, *config, *console_socket, *pid_file;
    unsigned preserve_fds;
    bool no_pivot, no_new_keyring, detach, keep, no_subreaper;
    const char *init, *landlock; /* hospes' own containers have these */
};

#define CREATE_OPTS                                                                                          \
    OPT(create_args, bundle, OPT_TEXT, 'b', "DIR", "the bundle; default: here"),                             \
        OPT(create_args, config, OPT_TEXT, 'f', "FILE", "another file than the bundle's config.json"),       \
        OPT(create_args, console_socket, OPT_TEXT, 0, "SOCKET", "send the terminal there"),                  \
        OPT(create_args, pid_file, OPT_TEXT, 0, "FILE", "write the process' pid to FILE"),                   \
        OPT(create_args, preserve_fds, OPT_NUMBER, 0, "N",                                                   \
            "pass N descriptors behind the standard streams"),                                               \
        OPT(create_args, no_pivot, OPT_FLAG, 0, NULL, "move the root instead of pivot_root"),                \
        OPT(create_args, init, OPT_TEXT, 0, "FILE", NULL),                                                   \
        OPT(create_args, landlock, OPT_CHOICE, 0, "files|abstract", NULL),                                   \
        OPT(create_args, no_new_keyring, OPT_FLAG, 0, NULL, "keep the caller's session keyring")

static const struct opt create_opts[] = {CREATE_OPTS};
static const struct opt run_opts[] = {
    CREATE_OPTS,
    OPT(create_args, detach, OPT_FLAG, 'd', NULL, "do not wait for it"),
    OPT(create_args, keep, OPT_FLAG, 0, NULL, "do not delete it at its end"),
    OPT(create_args, no_subreaper, OPT_FLAG, 0, NULL, "accepted, there is none"),
};

/* 0, -errno with all of it told, or does not come back: another program goes on. */
static int isolate(const struct globals *g, int rc, struct err *e)
{
    return rc == -ENOEXEC && !g->machines ? oci_hand_over(g, e) : rc;
}

static struct create_options options(const struct globals *g, const struct create_args *a)
{
    return (struct create_options){
        .bundle = a->bundle,
        .config = a->config,
        .console_socket = a->console_socket,
        .pid_file = a->pid_file,
        .preserve_fds = a->preserve_fds,
        .no_pivot = a->no_pivot,
        .no_new_keyring = a->no_new_keyring,
        .systemd_cgroup = globals_systemd(g),
        .machine = g->machines ? g->machines->monitor : NULL,
        .machine_wanted = g->vm,
        .detach = a->detach,
        .keep = a->keep,
        .extras = {.init = a->init,
                   .landlock = a->landlock != NULL,
                   .landlock_abstract = a->landlock && strcmp(a->landlock, "abstract") == 0},
    };
}

static int create(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)argc;
    const struct create_options o = options(g, args);
    int rc = isolate(g, container_create(g->states, argv[0], &o, e), e);
    return rc < 0 ? err_wrap(e, "create") : rc;
}

static int run(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)argc;
    const struct create_options o = options(g, args);
    int rc = isolate(g, container_run(g->states, argv[0], &o, e), e);
    return rc < 0 ? err_wrap(e, "run") : rc;
}

const struct command oci_create = {
    .name = "create",
    .enters = true,
    .operands = "ID",
    .help = "make a container of a bundle, up to its program",
    COMMAND_OPTS(create_opts),
    .args_size = sizeof(struct create_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = create,
};
const struct command oci_run = {
    .name = "run",
    .enters = true,
    .operands = "ID",
    .help = "create, start, wait for the end and delete",
    COMMAND_OPTS(run_opts),
    .args_size = sizeof(struct create_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};

/* ---- start ---- */

static int start(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)args;
    (void)argc;
    int rc = container_start(g->states, argv[0], e);
    return rc < 0 ? err_wrap(e, "start") : rc;
}

const struct command oci_start = {
    .name = "start",
    .operands = "ID",
    .help = "let a created container's program begin",
    .min_operands = 1,
    .max_operands = 1,
    .run = start,
};

/* ---- kill ---- */

struct kill_args {
    bool all, regex;
};
static const struct opt kill_opts[] = {
    OPT(kill_args, all, OPT_FLAG, 'a', NULL, "all processes of the container"),
    OPT(kill_args, regex, OPT_FLAG, 'r', NULL, "ID is a regular expression"),
};

static int kill_one(const struct globals *g, const void *args, const char *id, char **argv, struct err *e)
{
    const struct kill_args *a = args;
    return container_kill(g->states, id, argv[1] ? signal_number(argv[1]) : SIGTERM, a->all, e);
}

static int kill_run(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    const struct kill_args *a = args;
    if (argc > 1 && signal_number(argv[1]) < 0)
        return err_set(e, -EINVAL, "kill: \"%s\" is no signal", argv[1]);
    int rc = oci_each(g, a->regex, a, argv, kill_one, e);
    return rc < 0 ? err_wrap(e, "kill") : rc;
}

const struct command oci_kill = {
    .name = "kill",
    .operands = "ID [SIGNAL]",
    .help = "send a signal (TERM) to a container's first process",
    COMMAND_OPTS(kill_opts),
    .args_size = sizeof(struct kill_args),
    .min_operands = 1,
    .max_operands = 2,
    .run = kill_run,
};

/* ---- delete ---- */

struct delete_args {
    bool force, regex;
};
static const struct opt delete_opts[] = {
    OPT(delete_args, force, OPT_FLAG, 'f', NULL, "kill it first; none by that ID is no error"),
    OPT(delete_args, regex, OPT_FLAG, 'r', NULL, "ID is a regular expression"),
};

static int delete_one(const struct globals *g, const void *args, const char *id, char **argv, struct err *e)
{
    const struct delete_args *a = args;
    (void)argv;
    return container_delete(g->states, id, a->force, e);
}

static int delete(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)argc;
    const struct delete_args *a = args;
    int rc = oci_each(g, a->regex, a, argv, delete_one, e);
    return rc < 0 ? err_wrap(e, "delete") : rc;
}

const struct command oci_delete = {
    .name = "delete",
    .operands = "ID",
    .help = "remove what is left of a stopped container",
    COMMAND_OPTS(delete_opts),
    .args_size = sizeof(struct delete_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = delete,
};

/* ---- pause, resume ---- */

static int freeze(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)args;
    (void)argc;
    int rc = container_pause(g->states, argv[0], true, e);
    return rc < 0 ? err_wrap(e, "pause") : rc;
}

static int thaw(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)args;
    (void)argc;
    int rc = container_pause(g->states, argv[0], false, e);
    return rc < 0 ? err_wrap(e, "resume") : rc;
}

const struct command oci_pause = {
    .name = "pause",
    .operands = "ID",
    .help = "freeze all processes of a container",
    .min_operands = 1,
    .max_operands = 1,
    .run = freeze,
};
const struct command oci_resume = {
    .name = "resume",
    .operands = "ID",
    .help = "let a paused container go on",
    .min_operands = 1,
    .max_operands = 1,
    .run = thaw,
};
