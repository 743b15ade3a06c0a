// SPDX-License-Identifier: GPL-2.0-or-later
/* linux64: the 64-bit Linux boot protocol: zero page, identity map, initrd, first CPU's registers. */
#pragma once

#include "cpu/cpu.h"
#include "vm/kernel.h"

struct linux_boot {
    const char *cmdline;
    const void *initrd; /* NULL: none */
    size_t initrd_len;
    uint64_t rsdp; /* guest-physical */
};

/* Lay all of it out in RAM, behind and below the kernel. -E2BIG: command line; -EFBIG: initrd does not fit.
 */
int linux64_setup(struct ram *ram, const struct kernel_place *k, const struct linux_boot *b, struct err *e);

/* Registers of CPU 0 for it; *s came from get_state after reset. */
void linux64_cpu(const struct kernel_place *k, struct cpu_state *s);
