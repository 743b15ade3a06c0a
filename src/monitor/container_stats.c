// SPDX-License-Identifier: GPL-2.0-or-later
/* container_stats: see container_stats.h. */
#include "monitor/container_stats.h"

#include <sys/resource.h>

#include "base/loop.h"
#include "container/cgroup_stats.h"
#include "container/container.h"

#define NO_LIMIT (1ull << 60) /* what v1 shows where there is none */

static uint64_t number(const json_t *o, const char *a, const char *b, const char *c)
{
    json_t *v = json_object_get(json_object_get(o, a), b);
    json_int_t n = json_integer_value(c ? json_object_get(v, c) : v);
    return n < 0 ? 0 : (uint64_t)n;
}

static uint64_t ns_of(struct timeval t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

json_t *container_stats(const char *states, const char *id, uint64_t started_ns)
{
    OWN_STATE s = {0};
    struct cgroup g;
    struct rusage own;
    if (container_open(states, id, &s, &g, NULL, NULL) < 0)
        return NULL;
    json_t *used = cgroup_stats(&g);
    uint64_t now = loop_now_ns(), cpu = number(used, "cpu", "usage", "total"),
             memory = number(used, "memory", "usage", "usage"),
             limit = number(used, "memory", "usage", "limit");
    getrusage(RUSAGE_SELF, &own);
    uint64_t ours = ns_of(own.ru_utime) + ns_of(own.ru_stime);
    return json_pack("{s:I, s:I, s:{s:I, s:I, s:I, s:I}, s:{s:I, s:I}, s:o}", "at_ns", (json_int_t)now,
                     "up_ns", (json_int_t)(now - started_ns), "monitor", "cpu_ns", (json_int_t)(cpu + ours),
                     "vcpus_ns", (json_int_t)cpu, "rest_ns", (json_int_t)ours, "resident", (json_int_t)memory,
                     "memory", "bytes", (json_int_t)(limit < NO_LIMIT ? limit : 0), "touched",
                     (json_int_t)memory, "container", used);
}

bool container_ran_out_of_memory(const char *states, const char *id)
{
    OWN_STATE s = {0};
    struct cgroup g;
    return container_open(states, id, &s, &g, NULL, NULL) == 0 && cgroup_oom_kills(&g) > 0;
}
