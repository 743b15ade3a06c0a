// SPDX-License-Identifier: GPL-2.0-or-later
/* wait: until guests have ended. */
#include <stdio.h>

#include "cli/verbs.h"
#include "monitor/client.h"

static int wait_for(const char *name, const void *ctx, struct err *e)
{
    int *status = (int *)(uintptr_t)ctx;
    int rc = client_wait(name, status, e);
    if (rc == 0)
        printf("%d\n", *status);
    return rc;
}

static int wait_run(const void *args, int argc, char **argv, struct err *e)
{
    int status = 0;
    (void)args;
    int rc = verb_each("wait", argc, argv, wait_for, &status, e);
    return rc < 0 ? rc : status;
}

const struct verb verb_wait = {
    .name = "wait",
    .operands = "NAME...",
    .help = "wait until guests have ended",
    .about = "Prints a line for each: the exit status of the command that it ran, 0 after a power-off, or "
             "125 when it "
             "ended in another way. The status of the last one is the exit status.",
    .min_operands = 1,
    .max_operands = -1,
    .run = wait_run,
};
