// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kernel: a Linux kernel file, checked and placed into guest RAM: bzImage or vmlinux (ELF).
 * The file is hostile input: any size or offset in it may be a lie.
 */
#pragma once

#include "base/err.h"
#include "board/ram.h"

struct kernel_place {
    uint64_t entry;            /* guest-physical, 64-bit entry point */
    uint64_t low, high;        /* what it occupies, [low, high) */
    uint32_t pvh_entry;        /* 32-bit PVH entry, 0: none */
    uint8_t setup_header[256]; /* bzImage: bytes from 0x1f1 on, for the zero page */
    unsigned setup_header_len; /* 0: vmlinux */
};

/* file[0..len) is the whole kernel file. One line on error: what is wrong with it. */
int kernel_load(const uint8_t *file, size_t len, struct ram *ram, struct kernel_place *ret, struct err *e);
