// SPDX-License-Identifier: GPL-2.0-or-later
/* pid_file: a process' number where a container engine waits for it: whole or not there. */
#pragma once

#include <sys/types.h>

#include "base/err.h"

/* Replaces what is there. Not synced: it means nothing after a crash of the host. */
int pid_file_write(const char *path, pid_t pid, struct err *e);
