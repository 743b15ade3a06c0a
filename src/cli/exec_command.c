// SPDX-License-Identifier: GPL-2.0-or-later
/* exec_command: see exec_command.h. */
#include "cli/exec_command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/attach.h"
#include "cli/environment.h"
#include "cli/term.h"
#include "monitor/client.h"

static int join(const struct exec_command *c, int fd, int *ret_status, struct err *e)
{
    char what[96];
    snprintf(what, sizeof(what), "guest %s", c->guest);
    const struct attach a = {.fd = fd, .input = c->interactive, .tty = c->tty, .what = what};
    return attach_run(&a, ret_status, e);
}

int exec_command(const struct exec_command *c, int *ret_status, struct err *e)
{
    OWN_ENVIRONMENT env = {0};
    OWN_FD fd = -1;
    int rc = environment_make(c->env_file, c->env, c->tty, &env, e);
    if (rc < 0)
        return rc;
    struct client_exec x = {
        .argv = c->argv,
        .env = env.item,
        .cwd = c->workdir,
        .user = c->user,
        .tty = c->tty,
        .input = c->interactive,
        .detach = c->detach,
    };
    term_size(STDIN_FILENO, &x.cols, &x.rows);
    rc = client_exec(c->guest, &x, &fd, e);
    if (rc < 0 || c->detach)
        return rc;
    return join(c, fd, ret_status, e);
}
