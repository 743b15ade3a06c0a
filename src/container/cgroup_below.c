// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_below: cgroups that a container made below its own, as runc names them for `exec --cgroup`. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "container/cgroup.h"

/* Is a word of the len bytes at names, "cpu,memory", one of the hierarchy's? */
static bool has_one_of(const struct cgroup_dir *d, const char *names, size_t len)
{
    char list[64], copy[128];
    snprintf(copy, sizeof(copy), "%.*s", (int)len, names);
    for (char *rest = copy, *name; (name = strsep(&rest, ","));) {
        snprintf(list, sizeof(list), "%s", d->name);
        for (char *more = list, *one; (one = strsep(&more, ","));)
            if (*name && strcmp(one, name) == 0)
                return true;
    }
    return false;
}

/* 1: the folder means the one below now; 0: there is none. */
static int go_below(struct cgroup_dir *d, const char *path)
{
    char whole[sizeof(d->path)];
    int n = snprintf(whole, sizeof(whole), "%s%s", d->path, path);
    if (!d->there || n < 0 || (size_t)n >= sizeof(whole) || access(whole, F_OK) < 0)
        return 0;
    memcpy(d->path, whole, sizeof(whole));
    return 1;
}

int cgroup_below(struct cgroup *g, const char *which, struct err *e)
{
    char path[sizeof(g->path)];
    const char *colon = strchr(which, ':');
    int found = 0, rc = cgroup_normalize(colon ? colon + 1 : which, path, sizeof(path));
    bool known = !colon;
    if (rc < 0)
        return err_code(e, rc, "cgroup %s", which);
    for (unsigned i = 0; i < g->nr; i++) {
        struct cgroup_dir *d = &g->dir[i];
        if (colon && !has_one_of(d, which, (size_t)(colon - which)))
            continue;
        known = true;
        found += go_below(d, path);
    }
    if (!known)
        return err_set(e, -EINVAL, "cgroup %s: there is no such controller here", which);
    return found ? 0 : err_code(e, -ENOENT, "cgroup %s", which);
}
