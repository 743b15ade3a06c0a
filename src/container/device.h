// SPDX-License-Identifier: GPL-2.0-or-later
/* device: the nodes and links of a container's /dev. */
#pragma once

#include "container/config.h"

/* Those that every container has, and those of linux.devices. root: the container's, attached. */
int device_make_all(int root, const struct config *c, struct err *e);

/* The path of the i-th of them, from 0 on; NULL: no more. */
const char *device_path(const struct config *c, unsigned i);
