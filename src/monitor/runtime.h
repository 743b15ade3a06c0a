// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * runtime: the program that makes processes of containers for the monitor: hospes-oci, called as container
 * engines call it.
 *
 * A program of its own, and not a call: a process on its way into a container is a copy of who made it, and
 * what it runs from can be reached from inside. hospes-oci is small, holds nothing of other guests, and keeps
 * its executable out of reach (container/self.h).
 */
#pragma once

#include "base/err.h"

struct runtime_call {
    const char *states;      /* folder of the containers' states */
    const char *command;     /* "create" */
    const char *const *args; /* what follows it, NULL at the end */
};

/* argv for runtime_exec, malloc'd, its texts borrowed. Errors will come as "CODE TEXT" through descriptor 3,
 * warnings through 4. NULL: out of memory. */
const char **runtime_argv(const struct runtime_call *c);

/* Become it. Calls nothing that a child of vfork(2) may not. Returns -errno. */
int runtime_exec(const char **argv);
