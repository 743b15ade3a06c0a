// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_devices: the configuration's rules, then what every container may use. */
#include <string.h>

#include "container/cgroup_limits.h"

/* Making any node is harmless, opening it is what the rules are about; the rest are the default devices. */
static const struct device_rule always[] = {
    {true, 'c', -1, -1, false, false, true}, {true, 'b', -1, -1, false, false, true},
    {true, 'c', 1, 3, true, true, true},     {true, 'c', 1, 5, true, true, true},
    {true, 'c', 1, 7, true, true, true},     {true, 'c', 1, 8, true, true, true},
    {true, 'c', 1, 9, true, true, true},     {true, 'c', 5, 0, true, true, true},
    {true, 'c', 5, 2, true, true, true},     {true, 'c', 136, -1, true, true, true},
};
#define ALWAYS (sizeof(always) / sizeof(always[0]))

int cgroup_devices(const struct cgroup *g, const struct resources *r, struct err *e)
{
    const struct cgroup_dir *d = cgroup_with(g, "devices");
    const struct cgroup_dir *v2 = g->nr ? &g->dir[g->nr - 1] : NULL;
    if (r->nr_devices == 0 || (!d && !(v2 && v2->v2 && v2->there)))
        return 0;
    struct device_rule *all = calloc(r->nr_devices + ALWAYS, sizeof(*all));
    if (!all)
        return err_code(e, -ENOMEM, "device rules");
    memcpy(all, r->devices, r->nr_devices * sizeof(*all));
    memcpy(all + r->nr_devices, always, sizeof(always));
    unsigned nr = r->nr_devices + (unsigned)ALWAYS;
    int rc = d ? cgroup1_devices(d, all, nr, e) : cgroup2_devices(v2, all, nr, e);
    free(all);
    return rc;
}
