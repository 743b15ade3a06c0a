// SPDX-License-Identifier: GPL-2.0-or-later
/* resume: a paused guest goes on. */
#include "cli/verbs.h"
#include "monitor/client.h"

static int ask(const char *name, const void *ctx, struct err *e)
{
    (void)ctx;
    return client_resume(name, e);
}

static int resume_run(const void *args, int argc, char **argv, struct err *e)
{
    return verb_each("resume", argc, argv, ask, args, e);
}

const struct verb verb_resume = {
    .name = "resume",
    .operands = "NAME...",
    .help = "let paused guests go on",

    .min_operands = 1,
    .max_operands = -1,
    .run = resume_run,
};
