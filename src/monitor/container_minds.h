// SPDX-License-Identifier: GPL-2.0-or-later
/* container_minds: whether a process does something of its own with a signal, so that it is not asked in
 * vain. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

bool container_minds(pid_t pid, int number); /* true also where nothing is known */
