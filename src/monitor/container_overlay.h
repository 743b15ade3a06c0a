// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_overlay: folders laid over each other: by the kernel's overlayfs, or by fuse-overlayfs, a program
 * that is there or not.
 */
#pragma once

#include "store/image_layers.h"

struct overlay {
    const struct image_layers *lower;
    const char *upper, *work; /* what is changed goes to upper; work is on the same file system */
    const char *at;           /* where all of it is seen, in this process' mount namespace */
    bool fleeting;            /* it need not survive a crash of the host */
};

/* -errno: this kernel, or the file system below, cannot. */
int overlay_mount(const struct overlay *o);

/*
 * The same by fuse-overlayfs, which runs as our child until it is unmounted, or we die. -ENOENT: the program
 * is not there; -EIO: it failed.
 */
int overlay_mount_fuse(const struct overlay *o, struct err *e);

/* Take either away, and wait for the program if it is one. */
void overlay_unmount(const char *at);
