// SPDX-License-Identifier: GPL-2.0-or-later
/* container_stats: what a container has used, in the shape of a machine's statistics (stats.h). */
#pragma once

#include <stdbool.h>

#include "base/json.h"

/* New reference; NULL: it is gone. Under "container" stands what the runtime's `events --stats` says. */
json_t *container_stats(const char *states, const char *id, uint64_t started_ns);

/* Did the kernel kill one of its processes because its memory was used up? */
bool container_ran_out_of_memory(const char *states, const char *id);
