// SPDX-License-Identifier: GPL-2.0-or-later
/* hooks: programs of the configuration that run at points of a container's life, with its state on stdin. */
#pragma once

#include "container/config.h"
#include "container/state.h"

/* All of a point, in order; stops at the first that fails. s->pid is the process as whoever calls sees it. */
int hooks_run(const struct config *c, enum hook_point point, const struct state *s, enum status status,
              struct err *e);
/* The same, each of them whatever becomes of the one before; failures are logged. */
void hooks_run_all(const struct config *c, enum hook_point point, const struct state *s, enum status status);
