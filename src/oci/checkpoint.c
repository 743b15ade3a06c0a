// SPDX-License-Identifier: GPL-2.0-or-later
/* checkpoint: refused in one clear line: it would take CRIU, which is not joined to this runtime. */
#include "oci/oci.h"

static int refuse(const struct globals *g, const void *args, int argc, char **argv, struct err *e)
{
    (void)g;
    (void)args;
    (void)argc;
    (void)argv;
    return err_set(e, -EOPNOTSUPP, "checkpoint and restore are not supported");
}

const struct command oci_checkpoint = {.name = "checkpoint",
                                       .operands = "ID",
                                       .help = "not supported",
                                       .min_operands = 0,
                                       .max_operands = -1,
                                       .run = refuse};
const struct command oci_restore = {.name = "restore",
                                    .operands = "ID",
                                    .help = "not supported",
                                    .min_operands = 0,
                                    .max_operands = -1,
                                    .run = refuse};
