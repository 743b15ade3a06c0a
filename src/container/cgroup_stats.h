// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_stats: what a container has used, in the shape of `runc events --stats`. */
#pragma once

#include "base/json.h"
#include "container/cgroup.h"

/* An object {"cpu": ..., "cpuset", "memory", "pids", "blkio", "hugetlb"}; new reference, as are its parts. */
json_t *cgroup_stats(const struct cgroup *g);
json_t *cgroup_stats_io(const struct cgroup *g);
json_t *cgroup_stats_cpuset(const struct cgroup *g);
json_t *cgroup_stats_hugetlb(const struct cgroup *g);

/* How often the out-of-memory killer came; 0 if that cannot be known. */
uint64_t cgroup_oom_kills(const struct cgroup *g);

/*
 * To be told of it: poll fd for events, then look at the count. -EOPNOTSUPP: there is nothing to poll. The
 * caller closes both descriptors.
 */
struct cgroup_oom_watch {
    int fd, control;
    short events;
};
int cgroup_oom_watch(const struct cgroup *g, struct cgroup_oom_watch *ret);
/* After it was heard of: be ready for the next. */
void cgroup_oom_heard(const struct cgroup_oom_watch *w);
