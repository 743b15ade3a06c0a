// SPDX-License-Identifier: GPL-2.0-or-later
/* restore: a container's processes made from files by criu, in the place of spawn.h's new one. */
#pragma once

#include "container/container.h"
#include "container/spawn.h"

/* As spawn_init, with l filled in the same way. */
int restore_init(struct launch *l, const struct criu_options *o, struct spawned *ret, struct err *e);
