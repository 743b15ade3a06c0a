// SPDX-License-Identifier: GPL-2.0-or-later
/* program_file: a program as a file that nobody can write to and that needs no place in a container. */
#pragma once

#include "base/err.h"

/* A sealed copy, as a descriptor for execveat(2); or -errno. */
int program_file(const char *path, struct err *e);
