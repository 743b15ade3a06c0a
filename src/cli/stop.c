// SPDX-License-Identifier: GPL-2.0-or-later
/* stop: shuts guests down in good order, by force when the time is up. */
#include "base/log.h"
#include "cli/verbs.h"
#include "monitor/client.h"

struct stop_args {
    struct opt_time timeout;
};

static int stop(const char *name, const void *ctx, struct err *e)
{
    const struct stop_args *a = ctx;
    bool pulled = false;
    int rc = client_stop(name, a->timeout.ms, &pulled, e);
    if (rc == 0 && pulled)
        log_warn("%s did not shut down in time, its plug was pulled", name);
    return rc;
}

static int stop_run(const void *args, int argc, char **argv, struct err *e)
{
    return verb_each("stop", argc, argv, stop, args, e);
}

static const struct opt stop_opts[] = {
    OPT(stop_args, timeout, OPT_SECONDS, 't', "TIME",
        "how long the guest may take before the plug is pulled (30 s, or what it was made with)"),
};
const struct verb verb_stop = {
    .name = "stop",
    .operands = "NAME...",
    .help = "shut guests down",
    .about = "The agent in the guest is asked to shut down; where there is none the power button is pressed. "
             "When the "
             "time is up the plug is pulled, and this is told. The guest and its disk stay; `hospes start` "
             "starts it "
             "again.",
    VERB_OPTS(stop_opts),
    .args_size = sizeof(struct stop_args),
    .defaults = &(const struct stop_args){.timeout = {.ms = CLIENT_OWN_TIMEOUT}},
    .min_operands = 1,
    .max_operands = -1,
    .run = stop_run,
};
