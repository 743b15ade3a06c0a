// SPDX-License-Identifier: GPL-2.0-or-later
/* console: the guest's serial port on our terminal. */
#include <stdio.h>

#include "base/own.h"
#include "cli/attach.h"
#include "cli/verbs.h"
#include "monitor/client.h"

static int console_run(const void *args, int argc, char **argv, struct err *e)
{
    (void)args, (void)argc;
    OWN_FD fd = -1;
    int status = 0;
    int rc = client_console(argv[0], &fd, e);
    if (rc < 0)
        return rc;
    const struct attach a = {.fd = fd, .input = true, .tty = true, .escape = true, .what = argv[0]};
    rc = attach_run(&a, &status, e);
    if (rc == 0 && isatty(STDOUT_FILENO))
        putchar('\n');
    return rc < 0 ? rc : 0;
}

const struct verb verb_console = {
    .name = "console",
    .operands = "NAME",
    .help = "join the terminal to a guest's serial port",
    .about = "What the guest wrote lately is shown first. Ctrl-] leaves; the guest goes on. Any number of "
             "terminals may "
             "be joined.",
    .min_operands = 1,
    .max_operands = 1,
    .run = console_run,
};
