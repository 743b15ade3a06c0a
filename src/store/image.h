// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image: what machines start from: a root disk, a kernel, its modules; one folder each below data/images.
 *
 *     images/NAME/image.json   what it is
 *     images/NAME/disk.raw     the root disk, sparse; machines never write to it
 *     images/NAME/vmlinuz      its kernel, if it has one
 *     images/NAME/modules/     the kernel's modules (modules.dep is in it), if it has any
 *
 * An image is complete or not there: it is made in images/.tmp-NAME (store/draft.h) and renamed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct image {
    char *name;
    char *source;         /* one line: "debian bookworm", "import root.tar" */
    char *created;        /* UTC, 2025-01-31T12:00:00Z */
    uint64_t disk_bytes;  /* the disk as the guest sees it, at least */
    char *fs;             /* of the root: "ext4", or NULL: not known */
    char *root_device;    /* as the guest calls it: "/dev/vda" (no partition table), "/dev/vda1" */
    bool own_init;        /* it has an init of its own (systemd, ...), which becomes process 1 */
    char *path_disk;      /* absolute */
    char *path_kernel;    /* absolute, or NULL */
    char *path_modules;   /* absolute, or NULL */
    char *kernel_version; /* "6.1.0-37-cloud-amd64", or NULL */
    char *cmdline;        /* what its kernel wants on the command line besides; may be "" */
};

void image_free(struct image *i);
OWN_TYPE(image, image_free)

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 64 characters; else -EINVAL. */
int image_check_name(const char *name, struct err *e);

/* -ENOENT: no image called so; -EINVAL: its image.json or files are damaged. */
int image_open(const char *name, struct image **ret, struct err *e);

uint64_t image_used_bytes(const struct image *i); /* what its folder takes on the host; looks at every file */

/* The folder of an image, malloc'd, or NULL (out of memory); it need not exist. */
char *image_dir(const char *name);

/*
 * Call each(ctx, name, image, trouble) for all images in order of name. Of a damaged one image is NULL and
 * trouble says why. No images at all is no error.
 */
typedef void image_each_fn(void *ctx, const char *name, const struct image *image, const struct err *trouble);
int image_list(image_each_fn *each, void *ctx, struct err *e);

/*
 * Keep the image from being removed until *ret_fd is closed: for the time between looking at it and having
 * written the guest.json that names it. -ENOENT: it is gone.
 */
int image_hold(const struct image *i, int *ret_fd, struct err *e);

/* -EBUSY: a guest (running or not) or somebody with image_hold uses it; -ENOENT: no such image. */
int image_remove(const char *name, struct err *e);

/*
 * The newest kernel of all images, for an image without one: malloc'd paths, *ret_modules NULL if it has
 * none. -ENOENT: no image has a kernel.
 */
int image_default_kernel(char **ret_kernel, char **ret_modules, struct err *e);
