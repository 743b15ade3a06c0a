// SPDX-License-Identifier: GPL-2.0-or-later
/* rootfs: the container's root: put together in the host's tree, then made the only one there is. */
#pragma once

#include "container/launch.h"

/* Attach the root, mount everything into it, make its devices. Returns its descriptor. */
int rootfs_build(const struct launch *l, struct err *e);
/* Go there and leave the host's tree behind. */
int rootfs_enter(const struct launch *l, int root, struct err *e);
