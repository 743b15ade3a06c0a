// SPDX-License-Identifier: GPL-2.0-or-later
/* start: starts stopped guests again, from their own disks. */
#include "base/json.h"
#include "base/proc.h"
#include "cli/join_command.h"
#include "cli/verbs.h"
#include "monitor/client.h"

struct start_args {
    bool attach;
};

static int start(const char *name, const void *ctx, struct err *e)
{
    (void)ctx;
    return client_start(name, e);
}

/* As it was made: with a terminal, with standard input, or without. */
static int start_attached(const char *name, struct err *e)
{
    OWN_INTERRUPT held;
    OWN(json_t) about = NULL;
    struct join_command j = {.guest = name, .keep = true};
    interrupt_hold(&held);
    int rc = client_inspect(name, &about, e);
    if (rc < 0 || (rc = client_start_attached(name, e)) < 0)
        return rc;
    const json_t *k = json_object_get(json_object_get(about, "config"), "container");
    j.tty = json_is_true(json_object_get(k, "tty"));
    j.input = json_is_true(json_object_get(k, "input"));
    return join_command(&j, e);
}

static int start_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct start_args *a = args;
    if (a->attach && argc > 1)
        return err_set(e, -EINVAL, "--attach takes one guest");
    return a->attach ? start_attached(argv[0], e) : verb_each("start", argc, argv, start, args, e);
}

static const struct opt start_opts[] = {
    OPT(start_args, attach, OPT_FLAG, 'a', NULL,
        "a container's command gets our standard streams, and its exit status is ours"),
};
const struct verb verb_start = {
    .name = "start",
    .operands = "NAME...",
    .help = "start stopped guests again",
    .about = "With the resources they were made with, and the disk as they left it.",
    VERB_OPTS(start_opts),
    .args_size = sizeof(struct start_args),
    .min_operands = 1,
    .max_operands = -1,
    .run = start_run,
};
