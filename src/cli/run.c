// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run: makes a guest and starts it. In the foreground the command's streams and status are ours, and the
 * guest ends with the command; detached, the guest stays. Without an image, with --console stdio, the monitor
 * is this very process.
 */
#include "cli/run.h"
#include "cli/join_command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/proc.h"
#include "cli/environment.h"
#include "cli/exec_command.h"
#include "cli/run_files.h"
#include "monitor/client.h"
#include "monitor/guest_image.h"
#include "monitor/run.h"
#include "monitor/spawn.h"

#define SHUTDOWN_MS 30000

static int command(const struct run_args *a, const struct guest_config *c, const char *guest, struct err *e)
{
    struct opt_list env = {.item = (const char **)(uintptr_t)c->env}, no_file = {0};
    while (env.item && env.item[env.nr])
        env.nr++;
    const struct exec_command x = {
        .guest = guest,
        .argv = c->argv,
        .env = &env,
        .env_file = &no_file,
        .workdir = c->cwd,
        .user = c->user,
        .interactive = a->interactive,
        .tty = a->tty,
    };
    int status = 0;
    struct err trouble;
    int rc = exec_command(&x, &status, e);
    if (rc == -EINTR && status) { /* told to end: who told it knows */
        join_finish(guest, status, JOIN_TAKEDOWN_MS, &trouble);
        return status;
    }
    if (rc < 0)
        return join_give_up(guest, rc);
    rc = join_finish(guest, status, SHUTDOWN_MS, e);
    return rc < 0 ? rc : status;
}

static int start(const struct run_args *a, const struct guest_config *c, struct err *e)
{
    OWN_INTERRUPT held;
    OWN_MEM char *guest = NULL;
    OWN_FD cid = -1;
    interrupt_hold(&held);
    int rc = run_files_open(a, &cid, e);
    if (rc == 0 && (rc = monitor_spawn(c, &guest, e)) < 0)
        run_files_undo(a, cid);
    if (rc < 0)
        return rc;
    if ((rc = run_files_write(a, cid, guest, e)) < 0) {
        client_remove(guest, true, NULL);
        return rc;
    }
    const struct join_command j = {.guest = guest, .input = a->interactive, .tty = a->tty};
    if (!a->detach)
        return a->vm ? command(a, c, guest, e) : join_command(&j, e);
    puts(guest);
    return 0;
}

int run_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct run_args *a = args;
    OWN_ENVIRONMENT env = {0};
    OWN_GUEST c = {0};
    OWN_RUN_LISTS lists = {0};
    OWN_GUEST_IMAGE image = {0};
    int rc = run_config(a, argc, argv, &lists, &c, e);
    if (rc == 0)
        rc = environment_make(&a->env_file, &a->env, a->tty && !a->vm && getenv("TERM"), &env, e);
    if (rc < 0)
        return rc;
    c.env = env.item;
    if ((rc = guest_image_take(&c, &image, e)) < 0)
        return rc;
    return c.image || a->detach ? start(a, &c, e) : run_kernel(&c, e);
}
