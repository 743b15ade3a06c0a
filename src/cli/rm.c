// SPDX-License-Identifier: GPL-2.0-or-later
/* rm: removes guests with their disks. */
#include "cli/verbs.h"
#include "monitor/client.h"

struct rm_args {
    bool force;
};

static int rm(const char *name, const void *ctx, struct err *e)
{
    const struct rm_args *a = ctx;
    return client_remove(name, a->force, e);
}

static int rm_run(const void *args, int argc, char **argv, struct err *e)
{
    return verb_each("rm", argc, argv, rm, args, e);
}

static const struct opt rm_opts[] = {
    OPT(rm_args, force, OPT_FLAG, 'f', NULL, "running ones too: their plug is pulled"),
};
const struct verb verb_rm = {
    .name = "rm",
    .operands = "NAME...",
    .help = "remove guests and their disks",
    .about = "What the guest wrote is lost; the image that it came from stays. A guest that runs is refused.",
    VERB_OPTS(rm_opts),
    .args_size = sizeof(struct rm_args),
    .min_operands = 1,
    .max_operands = -1,
    .run = rm_run,
};
