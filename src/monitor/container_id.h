// SPDX-License-Identifier: GPL-2.0-or-later
/* container_id: what the container runtime calls a guest, and where it keeps its state: run/.containers. */
#pragma once

#include "monitor/guest_dir.h"

/* malloc'd; NULL: out of memory. The id holds a mark of the run folder, as cgroups are named by it host-wide.
 */
char *container_id(const struct guest_dir *d);
char *container_states(const struct guest_dir *d);

/* Processes, cgroups and state that a dead monitor left. The guest's lock is held. */
void container_sweep(const struct guest_dir *d);
