// SPDX-License-Identifier: GPL-2.0-or-later
/* exec_command: a command in a running guest, joined to our standard streams; `run` and `exec` share it. */
#pragma once

#include "base/err.h"
#include "base/opt.h"

struct exec_command {
    const char *guest;
    const char *const *argv; /* NULL at the end; NULL: the user's shell */
    const struct opt_list *env, *env_file;
    const char *workdir, *user; /* NULL: the image's */
    bool interactive, tty, detach;
};

/*
 * *ret_status: the command's; untouched with detach. Waits until the guest's agent is up. -EINTR: as
 * attach_run; *ret_status is 128 + signal if the command had begun, else untouched.
 */
int exec_command(const struct exec_command *c, int *ret_status, struct err *e);
