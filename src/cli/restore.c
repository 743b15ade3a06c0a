// SPDX-License-Identifier: GPL-2.0-or-later
/* restore: a container's files go back to a snapshot. */
#include "cli/verbs.h"
#include "monitor/client_container.h"

static int restore_run(const void *args, int argc, char **argv, struct err *e)
{
    (void)args, (void)argc;
    return client_container_restore(argv[0], argv[1], e);
}

const struct verb verb_restore = {
    .name = "restore",
    .operands = "CONTAINER IMAGE",
    .help = "take a container's files back to a snapshot",
    .about =
        "What it has changed since is lost: make a snapshot of it first if it is worth keeping. One that "
        "runs is stopped and started again. Its name, options and addresses stay.\n"
        "\n"
        "IMAGE is a snapshot of it or of another container of the same image, or that image itself.",
    .examples = "hospes restore web web:before-upgrade\tas it was then",
    .min_operands = 2,
    .max_operands = 2,
    .run = restore_run,
};
