// SPDX-License-Identifier: GPL-2.0-or-later
/* kill: pulls the plug, or sends a container's command a signal. */
#include <signal.h>

#include "cli/verbs.h"
#include "monitor/client.h"
#include "monitor/signal_name.h"

struct kill_args {
    const char *signal;
};

static int pull(const char *name, const void *ctx, struct err *e)
{
    const int *number = ctx;
    return *number == SIGKILL ? client_kill(name, e) : client_signal(name, *number, e);
}

static int kill_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct kill_args *a = args;
    int number = SIGKILL;
    int rc = a->signal ? signal_by_name(a->signal, &number, e) : 0;
    return rc < 0 ? err_wrap(e, "--signal") : verb_each("kill", argc, argv, pull, &number, e);
}

static const struct opt kill_opts[] = {
    OPT(kill_args, signal, OPT_TEXT, 's', "SIGNAL",
        "send this to the first process of a container instead: HUP, SIGUSR1, 10"),
};
const struct verb verb_kill = {
    .name = "kill",
    .operands = "NAME...",
    .help = "pull the plug of guests, or send them a signal",
    .about =
        "The guest ends at once, as a computer does whose plug is pulled: what it had not written to "
        "its disk is "
        "lost. The guest and its disk stay. With a signal other than KILL a container's command does what it "
        "will with that; one that does nothing is never told, as the kernel has it for first processes.",
    VERB_OPTS(kill_opts),
    .args_size = sizeof(struct kill_args),
    .min_operands = 1,
    .max_operands = -1,
    .run = kill_run,
};
