// SPDX-License-Identifier: GPL-2.0-or-later
/* image build: an image from a distribution's own packages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verbs.h"
#include "store/image_debian.h"

struct image_build_args {
    const char *name, *suite;
    struct opt_list include;
    uint64_t disk;
};

static int build(const struct image_build_args *a, const char *const *include, struct err *e)
{
    OWN(image) image = NULL;
    struct progress p;
    progress_init(&p, STDERR_FILENO);
    const struct image_debian c = {.name = a->name, .suite = a->suite, .include = include, .bytes = a->disk};
    int rc = image_build_debian(&c, &p, &image, e);
    progress_done(&p);
    if (rc == 0)
        puts(image->name);
    return rc;
}

static int image_build_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct image_build_args *a = args;
    (void)argc;
    if (strcmp(argv[0], "debian") != 0)
        return err_set(e, -EINVAL, "cannot build %.64s: debian is what can be built", argv[0]);
    OWN_MEM const char **include = calloc(a->include.nr + 1, sizeof(*include));
    if (!include)
        return err_code(e, -ENOMEM, "packages");
    for (unsigned i = 0; i < a->include.nr; i++)
        include[i] = a->include.item[i];
    return build(a, include, e);
}

static const struct opt image_build_opts[] = {
    OPT(image_build_args, name, OPT_TEXT, 0, "NAME", "call it so (debian)"),
    OPT(image_build_args, suite, OPT_TEXT, 0, "SUITE", "bookworm, trixie, ... (this host's, or stable)"),
    OPT(image_build_args, include, OPT_REPEATED, 0, "PACKAGE[,...]", "more packages"),
    OPT(image_build_args, disk, OPT_SIZE, 0, "SIZE", "size of the disk (2G, or what the packages take)"),
};
const struct verb verb_image_build = {
    .name = "image build",
    .operands = "debian",
    .help = "make an image from a distribution's packages",
    .about = "A small root file system by mmdebstrap and the newest cloud kernel, both from the package "
             "sources of this "
             "host; nothing is installed on it. Works as an ordinary user too, if user namespaces are "
             "allowed. Prints "
             "the image's name.",
    .examples = "hospes image build debian --include openssh-server,curl\tDebian with two packages more",
    VERB_OPTS(image_build_opts),
    .args_size = sizeof(struct image_build_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = image_build_run,
};
