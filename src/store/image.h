// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image: what guests start from; one folder each below data/images.
 *
 *     images/NAME/image.json   what it is
 *
 * A disk image has besides, one of layers (OCI) has in images/NAME/machine/, with a machine.json, when the
 * first machine has asked for it (store/image_machine.h):
 *
 *     disk.raw     the root disk, sparse; machines never write to it
 *     vmlinuz      its kernel, if it has one
 *     modules/     the kernel's modules (modules.dep is in it), if it has any
 *
 * An image of layers names blobs (store/blob.h) and layers (store/layer.h), which it may share with others. A
 * disk image has images/NAME/root when the first container has asked for it (store/image_layers.h).
 *
 * An image is complete or not there: it is made in images/.tmp-NAME (store/draft.h) and renamed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"
#include "store/image_config.h"
#include "store/layer.h"

struct image_layer {
    struct digest blob, diff_id;
    uint64_t blob_bytes;
    struct layer layer;
};

struct image {
    char *name;
    char *source;  /* one line: "debian bookworm", "import root.tar" */
    char *created; /* UTC, 2025-01-31T12:00:00Z */
    char *ref;     /* what it was called where it came from, or NULL */
    json_t *about; /* image.json; what config holds is borrowed from it */
    struct image_config config;
    struct image_layer *layers;          /* the lowest first */
    unsigned nr_layers;                  /* 0: a disk image */
    struct digest manifest, config_blob; /* of an image of layers */
    /* For machines; of an image of layers only when its disk has been made: */
    uint64_t disk_bytes;  /* the disk as the guest sees it, at least */
    char *fs;             /* of the root: "ext4", or NULL: not known */
    char *root_device;    /* as the guest calls it: "/dev/vda" (no partition table), "/dev/vda1" */
    bool own_init;        /* it has an init of its own (systemd, ...), which becomes process 1 */
    char *path_disk;      /* absolute; NULL: not made yet */
    char *path_kernel;    /* absolute, or NULL */
    char *path_modules;   /* absolute, or NULL */
    char *kernel_version; /* "6.1.0-37-cloud-amd64", or NULL */
    char *cmdline;        /* what its kernel wants on the command line besides; may be "" */
};

void image_free(struct image *i);
OWN_TYPE(image, image_free)

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, or two of these, NAME:TAG, at most 64 characters each; else -EINVAL. */
int image_check_name(const char *name, struct err *e);

/* -ENOENT: no image called so; -EINVAL: its image.json or files are damaged. */
int image_open(const char *name, struct image **ret, struct err *e);

uint64_t
image_used_bytes(const struct image *i); /* what its folder takes on the host: every file is looked at */

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
