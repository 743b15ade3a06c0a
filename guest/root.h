// SPDX-License-Identifier: GPL-2.0-or-later
/* root: from the initramfs to the disk. Each step that fails ends in the kernel's panic with a line why. */
#pragma once

#include <stdbool.h>

void root_mount_kernel(void); /* /proc, /sys and /dev, wherever the root is now */

/* Wait for the disk, mount it, grow its file system to its size, move there and drop the initramfs. */
void root_switch(const char *disk);

/* Mount the host's folders at /share. */
void root_share(const char *tag);

/* The rest of what a system expects to be mounted and made; when the image's init does not see to it. */
void root_furnish(void);
