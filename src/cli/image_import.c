// SPDX-License-Identifier: GPL-2.0-or-later
/* image import: an image from a file or directory. */
#include <stdio.h>

#include "cli/verbs.h"
#include "store/image_import.h"

struct image_import_args {
    const char *name, *kernel;
    uint64_t disk;
};

static int image_import_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct image_import_args *a = args;
    (void)argc;
    OWN(image) image = NULL;
    struct progress p;
    progress_init(&p, STDERR_FILENO);
    const struct image_import c = {.path = argv[0], .name = a->name, .kernel = a->kernel, .bytes = a->disk};
    int rc = image_import(&c, &p, &image, e);
    progress_done(&p);
    if (rc == 0)
        puts(image->name);
    return rc;
}

static const struct opt image_import_opts[] = {
    OPT(image_import_args, name, OPT_TEXT, 0, "NAME", "call it so (made from the file's name)"),
    OPT(image_import_args, kernel, OPT_TEXT, 0, "FILE", "boot it with this kernel instead of its own"),
    OPT(image_import_args, disk, OPT_SIZE, 0, "SIZE", "size of the disk, at least (what it takes)"),
};
const struct verb verb_image_import = {
    .name = "image import",
    .operands = "FILE|DIR",
    .help = "make an image from a file or directory",
    .about = "What it is is told by its content: a raw disk, also compressed; qcow2, vmdk, vdi, vhd, vhdx "
             "(through "
             "qemu-img); a tar, also compressed; a directory with a root file system. The newest kernel in "
             "its /boot is "
             "taken along. Prints the image's name.",
    .examples = "hospes image import disk.qcow2 --name web\tan image called web\n"
                "hospes image import ./rootfs --disk 4G\tan image from a directory",
    VERB_OPTS(image_import_opts),
    .args_size = sizeof(struct image_import_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = image_import_run,
};
