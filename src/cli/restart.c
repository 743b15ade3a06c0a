// SPDX-License-Identifier: GPL-2.0-or-later
/* restart: stops guests and starts them again. */
#include "cli/verbs.h"
#include "monitor/client.h"

struct restart_args {
    struct opt_time timeout;
};

/* One that does not run is only started. */
static int restart(const char *name, const void *ctx, struct err *e)
{
    const struct restart_args *a = ctx;
    int rc = client_stop(name, a->timeout.ms, NULL, e);
    return rc < 0 && rc != -ESRCH ? rc : client_start(name, e);
}

static int restart_run(const void *args, int argc, char **argv, struct err *e)
{
    return verb_each("restart", argc, argv, restart, args, e);
}

static const struct opt restart_opts[] = {
    OPT(restart_args, timeout, OPT_SECONDS, 't', "TIME",
        "how long the guest may take before the plug is pulled (30 s, or what it was made with)"),
};
const struct verb verb_restart = {
    .name = "restart",
    .operands = "NAME...",
    .help = "shut guests down and start them again",
    .about = "As `hospes stop` and `hospes start` would. One that does not run is started.",
    VERB_OPTS(restart_opts),
    .args_size = sizeof(struct restart_args),
    .defaults = &(const struct restart_args){.timeout = {.ms = CLIENT_OWN_TIMEOUT}},
    .min_operands = 1,
    .max_operands = -1,
    .run = restart_run,
};
