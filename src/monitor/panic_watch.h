// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * panic_watch: reads a guest's serial output for the kernel's last words.
 *
 * Why: pvpanic's driver is a module in Debian's kernels, and with a kernel and initramfs of the user's own
 * nobody loads it. The words are a hint, since programs may write them too: who reads them asks the agent, if
 * there is one, before believing them. Source: Linux kernel/panic.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum panic_seen {
    PANIC_NOT,
    PANIC_SAID, /* "Kernel panic - not syncing: ..." */
    PANIC_DONE, /* "---[ end Kernel panic ...": the kernel stays so and says no more */
};

/* A zeroed struct is ready. */
struct panic_watch {
    enum panic_seen seen;
    char why[160]; /* the kernel's reason */
    char line[192];
    size_t len; /* bytes in line; more of the same line are left out */
};

/* What was new in these bytes, or PANIC_NOT. */
enum panic_seen panic_watch_feed(struct panic_watch *w, const void *bytes, size_t len);
