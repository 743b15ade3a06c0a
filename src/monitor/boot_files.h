// SPDX-License-Identifier: GPL-2.0-or-later
/* boot_files: what a guest starts from, in memory: kernel, initramfs, command line. Only until the machine is
 * built. */
#pragma once

#include <stddef.h>

#include "monitor/guest.h"
#include "store/image.h"

struct boot_files {
    char *kernel;
    size_t kernel_len;
    void *initrd; /* NULL: none */
    size_t initrd_len;
    char *cmdline;
};
void boot_files_fini(struct boot_files *b);
#define OWN_BOOT __attribute__((cleanup(boot_files_fini))) struct boot_files

/*
 * image: NULL for a kernel alone. -ENOENT: a file is not there, the image has no kernel nor has any other;
 * -EFBIG: larger than the guest's memory.
 */
int boot_files_load(const struct guest_config *c, const struct image *image, struct boot_files *ret,
                    struct err *e);

/*
 * The folder of a kernel's modules, malloc'd, or NULL: lib/modules/VERSION beside the kernel, or the host's
 * own.
 */
char *boot_modules_for(const char *kernel, const void *head, size_t len);
