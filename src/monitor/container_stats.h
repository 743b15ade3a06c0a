// SPDX-License-Identifier: GPL-2.0-or-later
/* container_stats: what a container has used, in the shape of a machine's statistics (stats.h). */
#pragma once

#include "base/json.h"

/* New reference; NULL: it is gone. Under "container" stands what the runtime's `events --stats` says. */
json_t *container_stats(const char *states, const char *id, uint64_t started_ns);
