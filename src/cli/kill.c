// SPDX-License-Identifier: GPL-2.0-or-later
/* kill: pulls the plug. */
#include "cli/verbs.h"
#include "monitor/client.h"

static int pull(const char *name, const void *ctx, struct err *e)
{
    (void)ctx;
    return client_kill(name, e);
}

static int kill_run(const void *args, int argc, char **argv, struct err *e)
{
    return verb_each("kill", argc, argv, pull, args, e);
}

const struct verb verb_kill = {
    .name = "kill",
    .operands = "NAME...",
    .help = "pull the plug of guests",
    .about = "The guest ends at once, as a computer does whose plug is pulled: what it had not written to "
             "its disk is "
             "lost. The guest and its disk stay.",
    .min_operands = 1,
    .max_operands = -1,
    .run = kill_run,
};
