// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * initramfs: what a machine's kernel starts with: our static init (guest/) and the modules that it loads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct initramfs_config {
    const char
        *modules; /* a lib/modules/VERSION folder with modules.dep; NULL: all that is needed is built in */
    const void *append; /* an initramfs of the user's, any format the kernel reads; what is in it wins */
    size_t append_len;
    bool share; /* the machine has a virtio-fs device */
};

/*
 * *ret is malloc'd, *ret_len bytes: an uncompressed cpio archive. Takes about 10 ms and 5 MiB.
 * -ENOENT: the folder has no modules.dep, or the kernel lacks what a machine cannot do without;
 * -EINVAL: a module is damaged.
 */
int initramfs_build(const struct initramfs_config *c, void **ret, size_t *ret_len, struct err *e);
