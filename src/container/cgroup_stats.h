// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_stats: what a container has used, in the shape of `runc events --stats`. */
#pragma once

#include "base/json.h"
#include "container/cgroup.h"

/* An object {"cpu": ..., "memory": ..., "pids": ..., "blkio": ..., "hugetlb": ...}; new reference. */
json_t *cgroup_stats(const struct cgroup *g);

/* How often the out-of-memory killer came; 0 if that cannot be known. */
uint64_t cgroup_oom_kills(const struct cgroup *g);
