// SPDX-License-Identifier: GPL-2.0-or-later
/* self_restart: the half of self.h that needs no C library, so that it can come before everything else. */
#pragma once

#include <stdbool.h>

/* For code that runs before the C library: the guard on the stack is found through it. */
#define BEFORE_LIBC __attribute__((no_stack_protector))

/*
 * Starts the program again from a read-only, detached copy of its mount. Returns if it runs from a read-only
 * mount already (true), or where that copy is refused (false). Leaves errno alone.
 */
bool self_restart(char **argv, char **env);
