// SPDX-License-Identifier: GPL-2.0-or-later
/* events: what a container uses, and when it ran out of memory, as JSON lines. */
#include <stdio.h>
#include <unistd.h>

#include "container/cgroup_stats.h"
#include "container/container.h"
#include "oci/oci.h"

struct events_args {
    bool stats;
    struct opt_time interval;
};
static const struct opt events_opts[] = {
    OPT(events_args, stats, OPT_FLAG, 0, NULL, "once, then end"),
    OPT(events_args, interval, OPT_SECONDS, 0, "SECONDS", "time between two (5)"),
};

static int line(const char *type, const char *id, json_t *data, struct err *e)
{
    OWN(json_t)
    j = data ? json_pack("{s:s, s:s, s:o}", "type", type, "id", id, "data", data)
             : json_pack("{s:s, s:s}", "type", type, "id", id);
    OWN_MEM char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
    if (!text || puts(text) == EOF || fflush(stdout) == EOF)
        return err_set(e, -EPIPE, "cannot write to the standard output");
    return 0;
}

static int run(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)argc;
    const struct events_args *a = args;
    OWN_STATE s = {0};
    struct cgroup cg;
    int rc = container_open(g->states, argv[0], &s, &cg, NULL, e);
    if (rc == 0 && !state_alive(&s))
        rc = err_set(e, -ESRCH, "container %s is not running", s.id);
    uint64_t seen = cgroup_oom_kills(&cg);
    while (rc == 0 && state_alive(&s)) {
        rc = line("stats", s.id, cgroup_stats(&cg), e);
        if (rc < 0 || a->stats)
            break;
        usleep((useconds_t)(a->interval.ms ? a->interval.ms : 5000) * 1000);
        uint64_t now = cgroup_oom_kills(&cg);
        if (now > seen)
            rc = line("oom", s.id, NULL, e);
        seen = now;
    }
    return rc < 0 ? err_wrap(e, "events") : rc;
}

const struct command oci_events = {
    .name = "events",
    .operands = "ID",
    .help = "tell what a container uses, as JSON",
    COMMAND_OPTS(events_opts),
    .args_size = sizeof(struct events_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
