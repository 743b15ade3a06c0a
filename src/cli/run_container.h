// SPDX-License-Identifier: GPL-2.0-or-later
/* run_container: from the options of `run` to what only a container has. */
#pragma once

#include "cli/run.h"

/* *c borrows from a and l. -EINVAL, errno of a volume's folder. */
int run_container(const struct run_args *a, struct run_lists *l, struct guest_config *c, struct err *e);

/* The first option given that only containers have, as it is typed; NULL: none. */
const char *run_container_only(const struct run_args *a, char *buf, size_t size);
