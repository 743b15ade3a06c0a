// SPDX-License-Identifier: GPL-2.0-or-later
/* pause: a guest stands still until it is resumed. */
#include "cli/verbs.h"
#include "monitor/client.h"

static int ask(const char *name, const void *ctx, struct err *e)
{
    (void)ctx;
    return client_pause(name, e);
}

static int pause_run(const void *args, int argc, char **argv, struct err *e)
{
    return verb_each("pause", argc, argv, ask, args, e);
}

const struct verb verb_pause = {
    .name = "pause",
    .operands = "NAME...",
    .help = "stop the processors of guests for a while",
    .about = "The guest does not notice: its clock stands still too. `hospes resume` lets it go on.",
    .min_operands = 1,
    .max_operands = -1,
    .run = pause_run,
};
