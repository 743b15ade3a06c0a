// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image_import: an image from a file or folder that the user has.
 *
 * Known by content, never by name: raw disks, whole (ext4) or with an MBR or GPT; the same compressed; qcow2,
 * vmdk, vdi, vhd, vhdx through qemu-img; tar, also compressed; a folder. tar and folder become an ext4 of
 * their own. A folder or tar that another program saved an image of layers in (store/oci_source.h) becomes
 * one of layers here, too. The newest kernel of the root's /boot is taken along with its modules, if the root
 * is an ext2, 3 or 4.
 */
#pragma once

#include "base/progress.h"
#include "store/image.h"

struct image_import {
    const char *path;   /* file or folder */
    const char *name;   /* or NULL: made from the path's last part */
    const char *tag;    /* of several images in it, the one that is called so; or NULL */
    const char *kernel; /* a kernel to use instead of the root's own, or NULL */
    uint64_t bytes;     /* size of the disk, at least; 0: what its content needs */
};

/*
 * Errors: -EEXIST the name is taken; -EBUSY it is being made just now; -EINVAL unknown, damaged or truncated
 * content, or another architecture's; -ENOENT no such file or tag, or qemu-img is missing; -ENOSPC; -EINTR
 * SIGINT, SIGTERM or SIGHUP came: it is still to be delivered when the caller holds it back, else it is on
 * return from here. Whatever fails leaves nothing behind. p may be NULL.
 */
int image_import(const struct image_import *c, struct progress *p, struct image **ret, struct err *e);
