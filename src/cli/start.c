// SPDX-License-Identifier: GPL-2.0-or-later
/* start: starts stopped guests again, from their own disks. */
#include "cli/verbs.h"
#include "monitor/client.h"

static int start(const char *name, const void *ctx, struct err *e)
{
    (void)ctx;
    return client_start(name, e);
}

static int start_run(const void *args, int argc, char **argv, struct err *e)
{
    return verb_each("start", argc, argv, start, args, e);
}

const struct verb verb_start = {
    .name = "start",
    .operands = "NAME...",
    .help = "start stopped guests again",
    .about = "With the resources they were made with, and the disk as they left it.",
    .min_operands = 1,
    .max_operands = -1,
    .run = start_run,
};
