// SPDX-License-Identifier: GPL-2.0-or-later
/* inspect: all that is known about guests, as JSON; or what they have used and done. */
#include <time.h>

#include "base/json.h"
#include "cli/print_json.h"
#include "cli/stats.h"
#include "cli/verbs.h"
#include "monitor/client.h"

struct inspect_args {
    bool stats, json;
    struct opt_time interval;
};

struct inspection {
    const struct inspect_args *args;
    json_t *list;
    bool first;
};

static void wait_ms(uint64_t ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&t, &t) < 0)
        ;
}

static int print_stats(struct inspection *i, const char *name, struct err *e)
{
    OWN(json_t) before = NULL;
    OWN(json_t) now = NULL;
    int rc = client_stats(name, &before, e);
    if (rc < 0)
        return rc;
    if (i->args->interval.ms) {
        wait_ms(i->args->interval.ms);
        if ((rc = client_stats(name, &now, e)) < 0)
            return rc;
    }
    if (!i->first)
        putchar('\n');
    i->first = false;
    stats_print(stdout, now ? before : NULL, now ? now : before);
    return 0;
}

static int inspect(const char *name, const void *ctx, struct err *e)
{
    struct inspection *i = (struct inspection *)(uintptr_t)ctx;
    OWN(json_t) j = NULL;
    if (i->args->stats && !i->args->json)
        return print_stats(i, name, e);
    int rc = i->args->stats ? client_stats(name, &j, e) : client_inspect(name, &j, e);
    if (rc == 0)
        json_array_append(i->list, j);
    return rc;
}

static int inspect_run(const void *args, int argc, char **argv, struct err *e)
{
    OWN(json_t) list = json_array();
    struct inspection i = {.args = args, .list = list, .first = true};
    int rc = verb_each("inspect", argc, argv, inspect, &i, e);
    if (i.args->stats && !i.args->json)
        return rc;
    if (rc == 0 || json_array_size(list))
        print_json(list);
    return rc;
}

static const struct opt inspect_opts[] = {
    OPT(inspect_args, stats, OPT_FLAG, 's', NULL, "what they use and do, for people"),
    OPT(inspect_args, json, OPT_FLAG, 0, NULL, "with --stats: JSON too, counters only"),
    OPT(inspect_args, interval, OPT_SECONDS, 'd', "TIME",
        "with --stats: watch that long for the rates (1 s; 0: none)"),
};
const struct verb verb_inspect = {
    .name = "inspect",
    .operands = "NAME...",
    .help = "print all about guests, as JSON",
    .about =
        "An array with an object for each guest: how it was made, its state, and how it ended the last "
        "time.\n"
        "\n"
        "With --stats instead, for guests that run: processor time, memory, and what their engine and "
        "devices "
        "had to do, since the start and per second now. Where a slow guest's time goes can be read from it: "
        "docs/slow-guest.md.",
    .examples = "hospes inspect --stats web\twhat web has done, and does per second\n"
                "hospes inspect --stats --json web\tthe same counters for a program",
    VERB_OPTS(inspect_opts),
    .args_size = sizeof(struct inspect_args),
    .defaults = &(const struct inspect_args){.interval = {.ms = 1000}},
    .min_operands = 1,
    .max_operands = -1,
    .run = inspect_run,
};
