// SPDX-License-Identifier: GPL-2.0-or-later
/* events: what a container uses, and when it ran out of memory, as JSON lines. */
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
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

/* Parts that runc has besides what a cgroup counts: there is nothing to tell in them. */
static json_t *statistics(const struct cgroup *g)
{
    json_t *j = cgroup_stats(g);
    json_object_set_new(j, "intel_rdt", json_object());
    json_object_set_new(j, "network_interfaces", json_null());
    return j;
}

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

#define LOOK_EACH_MS 20
#define LOOK_FOR_MS  2000

struct watching {
    const struct state *s;
    const struct cgroup *g;
    struct cgroup_oom_watch oom;
    int pidfd;
    uint64_t kills;       /* of the out-of-memory killer, so far */
    int64_t look_till_ms; /* v1 tells before the killer has come: look again for a while */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int oom(struct watching *w, struct err *e)
{
    uint64_t kills = cgroup_oom_kills(w->g);
    bool more = kills > w->kills;
    w->kills = kills;
    if (more)
        w->look_till_ms = 0;
    return more ? line("oom", w->s->id, NULL, e) : 0;
}

/* Until the next statistics are due or the container ends: 1: it has ended. */
static int wait_for(struct watching *w, int64_t until_ms, struct err *e)
{
    struct pollfd p[] = {{.fd = w->pidfd, .events = POLLIN}, {.fd = w->oom.fd, .events = w->oom.events}};
    int rc = 0;
    for (int64_t left; rc == 0 && (left = until_ms - now_ms()) > 0;) {
        if (now_ms() < w->look_till_ms && left > LOOK_EACH_MS)
            left = LOOK_EACH_MS;
        if (poll(p, 2, left > INT32_MAX ? INT32_MAX : (int)left) < 0 && errno != EINTR)
            return err_sys(e, "wait");
        if (p[1].revents) {
            cgroup_oom_heard(&w->oom);
            w->look_till_ms = now_ms() + LOOK_FOR_MS;
        }
        rc = oom(w, e);
        if (rc == 0 && p[0].revents)
            return 1;
    }
    return rc;
}

static int watch(struct watching *w, uint64_t interval_ms, struct err *e)
{
    int rc = 0;
    for (int64_t due = now_ms();;) {
        due += (int64_t)interval_ms;
        rc = wait_for(w, due, e);
        if (rc == 0)
            rc = line("stats", w->s->id, statistics(w->g), e);
        if (rc)
            return rc < 0 ? rc : 0;
    }
}

static int watch_all(const struct state *s, const struct cgroup *g, uint64_t interval_ms, struct err *e)
{
    struct watching w = {.s = s, .g = g, .oom = {.fd = -1, .control = -1}};
    w.pidfd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    (void)cgroup_oom_watch(g, &w.oom); /* without it, at each interval */
    w.kills = cgroup_oom_kills(g);
    int rc = w.pidfd < 0 ? err_sys(e, "container %s", s->id) : watch(&w, interval_ms, e);
    own_fd(&w.pidfd);
    own_fd(&w.oom.fd);
    own_fd(&w.oom.control);
    return rc;
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
    if (rc == 0 && a->stats)
        rc = line("stats", s.id, statistics(&cg), e);
    else if (rc == 0)
        rc = watch_all(&s, &cg, a->interval.ms ? a->interval.ms : 5000, e);
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
