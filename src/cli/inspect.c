// SPDX-License-Identifier: GPL-2.0-or-later
/* inspect: all that is known about guests, as JSON. */
#include "base/json.h"
#include "cli/print_json.h"
#include "cli/verbs.h"
#include "monitor/client.h"

static int inspect(const char *name, const void *ctx, struct err *e)
{
    OWN(json_t) j = NULL;
    int rc = client_inspect(name, &j, e);
    if (rc == 0)
        json_array_append((json_t *)(uintptr_t)ctx, j);
    return rc;
}

static int inspect_run(const void *args, int argc, char **argv, struct err *e)
{
    (void)args;
    OWN(json_t) list = json_array();
    int rc = verb_each("inspect", argc, argv, inspect, list, e);
    if (rc == 0 || json_array_size(list))
        print_json(list);
    return rc;
}

const struct verb verb_inspect = {
    .name = "inspect",
    .operands = "NAME...",
    .help = "print all about guests, as JSON",
    .about =
        "An array with an object for each guest: how it was made, its state, and how it ended the last time.",
    .min_operands = 1,
    .max_operands = -1,
    .run = inspect_run,
};
