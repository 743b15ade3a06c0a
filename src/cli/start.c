// SPDX-License-Identifier: GPL-2.0-or-later
/* start: starts stopped guests again, from their own disks. */
#include <string.h>

#include "base/json.h"
#include "cli/verbs.h"
#include "monitor/client.h"
#include "monitor/spawn.h"

static int start(const char *name, const void *ctx, struct err *e)
{
    (void)ctx;
    return client_start(name, e);
}

static bool is_container(const char *name)
{
    OWN(json_t) j = NULL;
    const char *kind;
    return client_inspect(name, &j, NULL) == 0 && json_opt_string(j, "kind", "", &kind, NULL) == 0 &&
           strcmp(kind, "container") == 0;
}

static int start_run(const void *args, int argc, char **argv, struct err *e)
{
    for (int i = 0; i < argc; i++)
        if (is_container(argv[i]))
            monitor_protect_self();
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
