// SPDX-License-Identifier: GPL-2.0-or-later
/* exec_command: a command in a running guest, joined to our standard streams; `run` and `exec` share it. */
#pragma once

#include "base/err.h"
#include "base/opt.h"

struct exec_command {
    const char *guest;
    char *const *argv; /* NULL at the end */
    const struct opt_list *env;
    const char *workdir, *user; /* NULL: the image's */
    bool interactive, tty, detach;
};

/* *ret_status: the command's, see attach_run; 0 at once with detach. */
int exec_command(const struct exec_command *c, int *ret_status, struct err *e);
