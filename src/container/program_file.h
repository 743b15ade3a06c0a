// SPDX-License-Identifier: GPL-2.0-or-later
/* program_file: a program of ours as a file that nobody can write to and that needs no place in a container.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* A sealed descriptor for execveat(2), or -errno. */
int program_file(const void *program, size_t bytes, struct err *e);
