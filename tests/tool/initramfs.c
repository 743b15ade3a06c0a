// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * initramfs: what a machine of an image starts with, as a file, so that another emulator can boot the same.
 *
 *     initramfs MODULES OUT
 */
#include <stdio.h>

#include "base/own.h"
#include "vm/initramfs.h"

int main(int argc, char **argv)
{
    struct err e;
    OWN_MEM void *bytes = NULL;
    size_t len = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: initramfs MODULES OUT\n");
        return 2;
    }
    const struct initramfs_config c = {.modules = argv[1]};
    if (initramfs_build(&c, &bytes, &len, &e) < 0) {
        fprintf(stderr, "initramfs: %s\n", e.text);
        return 1;
    }
    OWN_FILE out = fopen(argv[2], "wbe");
    if (!out || fwrite(bytes, 1, len, out) != len || fflush(out) != 0) {
        fprintf(stderr, "initramfs: write %s: %m\n", argv[2]);
        return 1;
    }
    return 0;
}
