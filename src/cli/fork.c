// SPDX-License-Identifier: GPL-2.0-or-later
/* fork: new running guests from a running one. */
#include <stdio.h>

#include "base/json.h"
#include "base/own.h"
#include "cli/print_json.h"
#include "cli/verbs.h"
#include "monitor/client.h"

#define COUNT_MAX 1000

struct fork_args {
    unsigned count;
    bool keep_identity, json;
};

static const struct opt fork_opts[] = {
    OPT(fork_args, count, OPT_NUMBER, 'n', "N", "make N of them: NEW-1 to NEW-N"),
    OPT(fork_args, keep_identity, OPT_FLAG, 0, NULL,
        "ask nothing of them: random numbers and clock stay as they are"),
    OPT(fork_args, json, OPT_FLAG, 0, NULL, "print what was made as JSON"),
};

static int fork_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct fork_args *a = args;
    OWN(json_t) made = NULL;
    if (a->count < 1 || a->count > COUNT_MAX)
        return err_set(e, -EINVAL, "--count: between 1 and %d", COUNT_MAX);
    int rc = client_fork(argv[0], argc > 1 ? argv[1] : NULL, a->count, a->keep_identity, &made, e);
    if (rc < 0)
        return rc;
    if (a->json) {
        print_json(made);
        return 0;
    }
    size_t i;
    json_t *g;
    json_array_foreach(json_object_get(made, "guests"), i, g)
        printf("%s\n", json_string_value(json_object_get(g, "name")));
    return 0;
}

static const struct fork_args defaults = {.count = 1};

const struct verb verb_fork = {
    .name = "fork",
    .operands = "NAME [NEW]",
    .help = "make new running machines from a running one",
    .about =
        "The new ones go on where the old one stands, with memory and disk of their own that cost only what "
        "they change. They have a network of their own: connections of the old one are not theirs, and its "
        "published ports stay with it. What was started in it by `hospes exec` is hung up in them.",
    .examples = "hospes fork web web-test\tone more\nhospes fork --count 20 ci job\tjob-1 to job-20\n",
    VERB_OPTS(fork_opts),
    .args_size = sizeof(struct fork_args),
    .defaults = &defaults,
    .min_operands = 1,
    .max_operands = 2,
    .run = fork_run,
};
