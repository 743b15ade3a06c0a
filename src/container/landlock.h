// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * landlock: a second line, for the case that a process gets hold of something outside of its mount namespace:
 * a descriptor that was left open, a working folder of the host.
 *
 * Source: kernel documentation, userspace-api/landlock.rst.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * From now on the caller and what it starts reach files below the caller's "/" only, whatever is mounted
 * there, and can change no mounts; abstract: no abstract sockets of processes outside either. Needs
 * CAP_SYS_ADMIN or no new privileges. 0 also where the kernel has none.
 */
int landlock_confine(bool abstract, struct err *e);
