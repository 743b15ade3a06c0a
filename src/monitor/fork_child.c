// SPDX-License-Identifier: GPL-2.0-or-later
/* fork_child: see fork_child.h. */
#include "monitor/fork_child.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "host/disk_fork.h"

static int take_disk(struct parts *p, const struct fork_new *n, struct err *e)
{
    char *top = guest_dir_file(n->dir, "disk");
    if (!top)
        return err_code(e, -ENOMEM, "disk");
    free(p->disk_top);
    p->disk_top = top;
    return p->disk ? disk_after_fork(p->disk, top, n->disk, e) : 0;
}

int fork_child_parts(struct parts *p, struct fork_new *n, struct err *e)
{
    p->config = n->config;
    const struct net_user_config c = {.hostname = n->config->name};
    int rc = take_disk(p, n, e);
    return rc < 0 || !p->net ? rc : net_user_after_fork(p->net, &c, e);
}

int fork_child_console(struct console *c, const struct guest_dir *d, struct err *e)
{
    OWN_MEM char *path = guest_dir_file(d, "serial.log");
    return path ? console_relog(c, path, e) : err_code(e, -ENOMEM, "console");
}

int fork_child_streams(const struct guest_dir *d, struct err *e)
{
    char title[16];
    OWN_MEM char *path = guest_dir_file(d, "monitor.log");
    OWN_FD log = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (log < 0 || dup2(log, STDERR_FILENO) < 0)
        return err_sys(e, "monitor's log");
    snprintf(title, sizeof(title), "hospes:%s", d->name);
    prctl(PR_SET_NAME, title);
    return 0;
}

int fork_child_record(const struct guest_dir *d, const char *origin, struct err *e)
{
    OWN(json_t)
    fields = json_pack("{s:s, s:o, s:n, s:{s:s, s:s}}", "state", "running", "started", guest_time(), "last",
                       "origin", "kind", "fork", "guest", origin);
    return guest_dir_record(d, fields, e);
}

static void renewed(void *ctx, const struct err *e)
{
    (void)ctx;
    if (e)
        log_warn("the fork's random numbers may be those of the original: %s", e->text);
}

void fork_child_renew(struct agent *a)
{
    uint8_t seed[64];
    struct timespec now;
    struct err e;
    if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed) ||
        agent_reseed(a, seed, sizeof(seed), renewed, NULL, &e) < 0)
        log_warn("the fork's random numbers may be those of the original");
    clock_gettime(CLOCK_REALTIME, &now);
    agent_set_time(a, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec, NULL, NULL, NULL);
}
