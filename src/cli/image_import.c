// SPDX-License-Identifier: GPL-2.0-or-later
/* image import: an image from a file or directory. */
#include <stdio.h>

#include "cli/verbs.h"
#include "store/image_import.h"

struct image_import_args {
    const char *name, *tag, *kernel;
    uint64_t disk;
};

static int image_import_run(const void *args, int argc, char **argv, struct err *e)
{
    const struct image_import_args *a = args;
    (void)argc;
    OWN(image) image = NULL;
    struct progress p;
    progress_init(&p, STDERR_FILENO);
    const struct image_import c = {
        .path = argv[0], .name = a->name, .tag = a->tag, .kernel = a->kernel, .bytes = a->disk};
    int rc = image_import(&c, &p, &image, e);
    progress_done(&p);
    if (rc == 0)
        puts(image->name);
    return rc;
}

static const struct opt image_import_opts[] = {
    OPT(image_import_args, name, OPT_TEXT, 0, "NAME", "call it so (made from the file's name)"),
    OPT(image_import_args, tag, OPT_TEXT, 0, "TAG",
        "of several images in it, the one that is called so (latest)"),
    OPT(image_import_args, kernel, OPT_TEXT, 0, "FILE", "boot it with this kernel instead of its own"),
    OPT(image_import_args, disk, OPT_SIZE, 0, "SIZE", "size of the disk, at least (what it takes)"),
};
const struct verb verb_image_import = {
    .name = "image import",
    .operands = "FILE|DIR",
    .help = "make an image from a file or directory",
    .about =
        "What it is is told by its content. An image of layers, as other programs save it: an OCI layout, "
        "Docker's "
        "archive, each as a directory or a tar (podman save, docker save, skopeo copy, buildah push). Layers "
        "that "
        "other images have, too, are kept once.\n\n"
        "Or a root file system: a raw disk, also compressed; qcow2, vmdk, vdi, vhd, vhdx (through qemu-img); "
        "a "
        "tar, also compressed; a directory. The newest kernel in its /boot is taken along.\n\n"
        "Containers and machines start from either kind; what one of them needs and the image has not got is "
        "made when it is first asked for. Prints the image's name.",
    .examples = "hospes image import web.tar --tag 1.2\tan image of podman save or docker save\n"
                "hospes image import disk.qcow2 --name web\tan image called web\n"
                "hospes image import ./rootfs --disk 4G\tan image from a directory",
    VERB_OPTS(image_import_opts),
    .args_size = sizeof(struct image_import_args),
    .min_operands = 1,
    .max_operands = 1,
    .run = image_import_run,
};
