// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_limits: resources of the configuration, given to the folders that have the controller for each. */
#include <stdio.h>
#include <string.h>

#include "container/cgroup.h"
#include "container/cgroup_limits.h"

int cgroup_limit(const struct cgroup *g, const char *controller, const char *file, const char *text,
                 struct err *e)
{
    const struct cgroup_dir *d = cgroup_with(g, controller);
    if (!d)
        return err_set(e, -EOPNOTSUPP, "cgroup: %s: there is no controller %s here", file, controller);
    return cgroup_write(d, file, text, e);
}

int cgroup_limit_number(const struct cgroup *g, const char *controller, const char *file, int64_t n,
                        struct err *e)
{
    char text[32];
    if (n == UNSET)
        return 0;
    snprintf(text, sizeof(text), "%lld", (long long)n);
    return cgroup_limit(g, controller, file, text, e);
}

bool cgroup_is_v2(const struct cgroup *g, const char *controller)
{
    const struct cgroup_dir *d = cgroup_with(g, controller);
    return d ? d->v2 : g->pure_v2;
}

typedef int apply_fn(const struct cgroup *g, const struct resources *r, struct err *e);

int cgroup_apply(const struct cgroup *g, const struct resources *r, bool fresh, struct err *e)
{
    const struct {
        const char *controller;
        apply_fn *v1, *v2;
    } table[] = {
        {"memory", cgroup1_memory, cgroup2_memory},
        {"cpu", cgroup1_cpu, cgroup2_cpu},
        {"cpuset", cgroup1_cpuset, cgroup1_cpuset},
        {"pids", cgroup_pids_limit, cgroup_pids_limit},
        {"blkio", cgroup1_blkio, NULL},
        {"io", NULL, cgroup2_io},
        {"hugetlb", cgroup1_hugetlb, cgroup2_hugetlb},
        {"net_cls", cgroup1_network, cgroup_refuse_network},
        {"rdma", cgroup_rdma, cgroup_rdma},
    };
    int rc = fresh ? cgroup_devices(g, r, e) : 0;
    for (unsigned i = 0; rc == 0 && i < sizeof(table) / sizeof(table[0]); i++) {
        apply_fn *fn = cgroup_is_v2(g, table[i].controller) ? table[i].v2 : table[i].v1;
        rc = fn && r->there ? fn(g, r, e) : 0;
    }
    return rc < 0 || !r->there ? rc : cgroup2_unified(g, r, e);
}

/* ---- the same in both versions, but for a name ---- */

int cgroup_pids_limit(const struct cgroup *g, const struct resources *r, struct err *e)
{
    if (r->pids == UNSET || r->pids == 0)
        return 0;
    return r->pids < 0 ? cgroup_limit(g, "pids", "pids.max", "max", e)
                       : cgroup_limit_number(g, "pids", "pids.max", r->pids, e);
}

int cgroup_rdma(const struct cgroup *g, const struct resources *r, struct err *e)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < r->rdma.nr; i++) {
        const struct named_limit *l = &r->rdma.item[i];
        char text[128], handles[24] = "max", objects[24] = "max";
        if (l->value != UNSET)
            snprintf(handles, sizeof(handles), "%lld", (long long)l->value);
        if (l->value2 != UNSET)
            snprintf(objects, sizeof(objects), "%lld", (long long)l->value2);
        snprintf(text, sizeof(text), "%.60s hca_handle=%s hca_object=%s", l->name, handles, objects);
        rc = cgroup_limit(g, "rdma", "rdma.max", text, e);
    }
    return rc;
}
