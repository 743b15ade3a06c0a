// SPDX-License-Identifier: GPL-2.0-or-later
/* image rm: removes images. */
#include "cli/verbs.h"
#include "store/image.h"

static int rm(const char *name, const void *ctx, struct err *e)
{
    (void)ctx;
    return image_remove(name, e);
}

static int image_rm_run(const void *args, int argc, char **argv, struct err *e)
{
    return verb_each("image rm", argc, argv, rm, args, e);
}

const struct verb verb_image_rm = {
    .name = "image rm",
    .operands = "IMAGE...",
    .help = "remove images",
    .about = "An image that a guest still stands on is refused, whether the guest runs or not.",
    .min_operands = 1,
    .max_operands = -1,
    .run = image_rm_run,
};
