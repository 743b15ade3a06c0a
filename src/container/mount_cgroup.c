// SPDX-License-Identifier: GPL-2.0-or-later
/* mount_cgroup: see mount_cgroup.h. */
#include "container/mount_cgroup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/inroot.h"
#include "base/own.h"
#include "container/cgroup.h"

/* The container's own part of a hierarchy: by its cgroup namespace, or bound from the host. */
static int hierarchy(const struct mount_place *p, const struct mount_config *m, const struct cgroup_dir *d,
                     struct err *e)
{
    if (!p->own_cgroup_ns) {
        int tree = open_tree(AT_FDCWD, d->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        if (tree < 0)
            return err_sys(e, "bind %s", d->path);
        int rc = mount_set(tree, m->attr_set, 0, false);
        return rc < 0 ? err_code(e, rc, "bind %s", d->path) : tree;
    }
    const char *named[] = {"none", d->name, NULL}, *plain[] = {d->name, NULL}, *none[] = {NULL};
    const char *const *options = d->v2 ? none : strncmp(d->name, "name=", 5) == 0 ? named : plain;
    return mount_new(d->v2 ? "cgroup2" : "cgroup", options, (unsigned)m->attr_set, e);
}

/* Controllers mounted together are a folder "cpu,cpuacct"; each alone is a link to it. */
static void link_parts(int top, const char *name)
{
    char parts[64];
    snprintf(parts, sizeof(parts), "%s", name);
    for (char *rest = parts, *part; (part = strsep(&rest, ","));)
        if (strcmp(part, name) != 0)
            (void)!symlinkat(name, top, part);
}

static int attach(const struct mount_place *p, const struct mount_config *m, const struct cgroup_dir *d,
                  int top, struct err *e)
{
    const char *name = strncmp(d->name, "name=", 5) == 0 ? d->name + 5 : d->v2 ? "unified" : d->name;
    OWN_FD mount = hierarchy(p, m, d, e);
    if (mount < 0)
        return mount;
    if (mkdirat(top, name, 0755) < 0)
        return err_sys(e, "%s", name);
    OWN_FD target = openat(top, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int rc = mount_attach(mount, target);
    if (rc < 0)
        return err_code(e, rc, "%s", name);
    link_parts(top, name);
    return 0;
}

static int many(const struct mount_place *p, const struct mount_config *m, int target, struct err *e)
{
    static const char *const options[] = {"mode=755", NULL};
    unsigned attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    OWN_FD top = mount_new("tmpfs", options, attr, e);
    if (top < 0)
        return top;
    int rc = mount_attach(top, target);
    if (rc < 0)
        return err_code(e, rc, "attach");
    for (unsigned i = 0; i < p->cgroup->nr; i++)
        if (p->cgroup->dir[i].there && (rc = attach(p, m, &p->cgroup->dir[i], top, e)) < 0)
            return rc;
    rc = mount_set(top, m->attr_set & MOUNT_ATTR_RDONLY, 0, false);
    return rc < 0 ? err_code(e, rc, "attach") : 0;
}

int mount_cgroup(const struct mount_place *p, const struct mount_config *m, struct err *e)
{
    OWN_FD target = inroot_make_dir(p->root, m->target, 0755);
    if (target < 0)
        return err_code(e, target, "make it");
    if (!p->cgroup || p->cgroup->nr == 0)
        return 0; /* a host without cgroups: an empty folder is the truth */
    if (!p->cgroup->pure_v2)
        return many(p, m, target, e);
    OWN_FD mount = hierarchy(p, m, &p->cgroup->dir[0], e);
    if (mount < 0)
        return mount;
    int rc = mount_attach(mount, target);
    return rc < 0 ? err_code(e, rc, "attach") : 0;
}
