// SPDX-License-Identifier: GPL-2.0-or-later
/* mount: see mount.h. */
#include "container/mount.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/inroot.h"
#include "container/mount_cgroup.h"
#include "container/mount_copy.h"
#include "container/mount_long.h"

/* ---- pieces ---- */

int mount_attach(int mount, int target)
{
    int rc = move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    return rc < 0 ? -errno : 0;
}

int mount_clone(int fd, bool recursive)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    int tree = open_tree(fd, "", flags);
    return tree < 0 ? -errno : tree;
}

static int set_attr(int mount, const struct mount_attr *a, bool recursive)
{
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    return mount_setattr(mount, "", flags, (struct mount_attr *)a, sizeof(*a)) < 0 ? -errno : 0;
}

int mount_set(int mount, uint64_t set, uint64_t clear, bool recursive)
{
    if (!set && !clear)
        return 0;
    const struct mount_attr a = {.attr_set = set, .attr_clr = clear};
    int rc = set_attr(mount, &a, recursive);
    if (rc != -EPERM || !(clear & ~(uint64_t)MOUNT_ATTR__ATIME))
        return rc;
    /* Flags of the host that a user namespace may not take away stay. */
    const struct mount_attr less = {.attr_set = set, .attr_clr = clear & MOUNT_ATTR__ATIME};
    rc = set_attr(mount, &less, recursive);
    if (rc != -EPERM || !less.attr_clr)
        return rc;
    const struct mount_attr least = {.attr_set = set & ~(uint64_t)MOUNT_ATTR__ATIME};
    return set_attr(mount, &least, recursive);
}

static int configure(int fs, const struct mount_config *m, const char *label, struct err *e)
{
    if (m->source && *m->source && fsconfig(fs, FSCONFIG_SET_STRING, "source", m->source, 0) < 0)
        return err_sys(e, "source %s", m->source);
    if (label && fsconfig(fs, FSCONFIG_SET_STRING, "context", label, 0) < 0)
        return err_sys(e, "context %s", label);
    for (unsigned i = 0; i < m->data.nr; i++) {
        const char *eq = strchr(m->data.item[i], '=');
        OWN_MEM char *key = eq ? strndup(m->data.item[i], (size_t)(eq - m->data.item[i])) : NULL;
        int rc = eq ? fsconfig(fs, FSCONFIG_SET_STRING, key, eq + 1, 0)
                    : fsconfig(fs, FSCONFIG_SET_FLAG, m->data.item[i], NULL, 0);
        if (rc < 0)
            return err_sys(e, "option %s", m->data.item[i]);
    }
    return 0;
}

/* A file system of its own for this mount, unlike those that all containers of a host share. */
static bool private_super(const char *type)
{
    static const char *const shared[] = {"proc",   "sysfs",  "cgroup",     "cgroup2",
                                         "mqueue", "devpts", "binfmt_misc"};
    for (unsigned i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
        if (strcmp(type, shared[i]) == 0)
            return false;
    return true;
}

static int new_super(const struct mount_config *m, const char *label, struct err *e)
{
    OWN_FD fs = fsopen(m->type, 1 /* FSOPEN_CLOEXEC */);
    if (fs < 0)
        return err_sys(e, "file system %s", m->type);
    int rc = configure(fs, m, private_super(m->type) ? label : NULL, e);
    if (rc < 0)
        return rc;
    bool ro = (m->attr_set & MOUNT_ATTR_RDONLY) && !m->copy_up && private_super(m->type);
    if (ro && fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
        return err_sys(e, "option ro");
    if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return err_sys(e, "file system %s", m->type);
    unsigned attr = (unsigned)m->attr_set & ~(m->copy_up ? (unsigned)MOUNT_ATTR_RDONLY : 0u);
    int mount = fsmount(fs, 1 /* FSMOUNT_CLOEXEC */, attr);
    return mount < 0 ? err_sys(e, "file system %s", m->type) : mount;
}

int mount_new(const char *type, const char *const *options, unsigned attr, struct err *e)
{
    struct mount_config m = {.type = type, .attr_set = attr};
    m.data.item = (const char **)options;
    while (options[m.data.nr])
        m.data.nr++;
    return new_super(&m, NULL, e);
}

/* ---- bind mounts ---- */

static int map_ids(int tree, const struct mount_config *m, int userns)
{
    const struct mount_attr a = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};
    return set_attr(tree, &a, m->rec_idmap);
}

int mount_source(const struct mount_config *m, const char *bundle, int userns, struct err *e)
{
    OWN_MEM char *path = m->source[0] == '/' ? strdup(m->source) : path_make("%s/%s", bundle, m->source);
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    flags |= (m->recursive ? AT_RECURSIVE : 0) | (m->source_nofollow ? AT_SYMLINK_NOFOLLOW : 0);
    OWN_FD tree = open_tree(AT_FDCWD, path, flags);
    if (tree < 0)
        return err_sys(e, "bind %s", path);
    if (userns >= 0) {
        int rc = map_ids(tree, m, userns);
        if (rc < 0)
            return err_code(e, rc, "map the IDs of %s", path);
    }
    return take_fd(&tree);
}

static int source_of(const struct mount_place *p, const struct mount_config *m, unsigned index, struct err *e)
{
    if (p->source && p->source[index] >= 0)
        return take_fd(&p->source[index]);
    if (m->bind)
        return mount_source(m, p->bundle, -1, e);
    return new_super(m, p->label, e);
}

/* sysfs belongs to the network namespace's owner: with the host's network it can only be shown again. */
static int sysfs_instead(const struct mount_config *m, struct err *e)
{
    struct mount_config bind = *m;
    bind.source = "/sys";
    bind.bind = bind.recursive = true;
    OWN_FD tree = mount_source(&bind, "", -1, e);
    /* What lies below (cgroups) must not be open to writing either. */
    int rc = tree < 0 ? tree : mount_set(tree, m->attr_set, 0, true);
    return tree >= 0 && rc < 0 ? err_code(e, rc, "protect /sys") : take_fd(&tree);
}

/* ---- the target ---- */

static bool is_dir(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int find_target(const struct mount_place *p, const struct mount_config *m, int mount)
{
    bool dir = is_dir(mount);
    if (m->target_nofollow) {
        int fd = inroot_open(p->root, m->target, O_PATH | O_NOFOLLOW, 0);
        if (fd != -ENOENT)
            return fd;
    }
    return dir ? inroot_make_dir(p->root, m->target, 0755) : inroot_make_file(p->root, m->target, 0644);
}

static bool same_dir(int root, int target, const char *name)
{
    struct stat a, b;
    OWN_FD plain = openat(root, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
    return plain >= 0 && fstat(plain, &a) == 0 && fstat(target, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* A link on the place of procfs or sysfs would let the root's maker choose what stands there instead. */
static int refuse_link(const struct mount_place *p, const struct mount_config *m, int target, struct err *e)
{
    static const struct {
        const char *type, *name;
    } core[] = {{"proc", "proc"}, {"sysfs", "sys"}};
    const char *at = m->target + strspn(m->target, "/");
    size_t len = strcspn(at, "/");
    for (unsigned i = 0; m->type && !at[len + strspn(at + len, "/")] && i < 2; i++)
        if (strcmp(m->type, core[i].type) == 0 && strlen(core[i].name) == len &&
            strncmp(at, core[i].name, len) == 0 && !same_dir(p->root, target, core[i].name))
            return err_set(e, -ELOOP, "/%s is no folder of the root itself", core[i].name);
    return 0;
}

static int propagate(int mount, const struct mount_config *m)
{
    if (!m->propagation)
        return 0;
    const struct mount_attr a = {.propagation = m->propagation};
    return set_attr(mount, &a, m->rec_propagation);
}

static int finish(const struct mount_place *p, const struct mount_config *m, int mount, struct err *e)
{
    OWN_FD target = find_target(p, m, mount);
    if (target < 0)
        return err_code(e, target, "make it");
    if (same_dir(p->root, target, "."))
        return err_set(e, -EBUSY, "it is the root itself");
    int rc = refuse_link(p, m, target, e);
    if (rc < 0)
        return rc;
    if (m->copy_up && (rc = mount_copy_up(target, mount)) < 0)
        return err_code(e, rc, "copy what is below");
    if (m->bind || m->copy_up)
        rc = mount_set(mount, m->attr_set, m->bind ? m->attr_clear : 0, false);
    if (rc == 0)
        rc = mount_set(mount, m->rec_attr_set, m->rec_attr_clear, true);
    if (rc == 0)
        rc = mount_attach(mount, target);
    if (rc == 0)
        rc = propagate(mount, m);
    return rc < 0 ? err_code(e, rc, "attach") : 0;
}

static int attach_long(const struct mount_place *p, const struct mount_config *m, struct err *e)
{
    OWN_FD target = inroot_make_dir(p->root, m->target, 0755);
    if (target < 0)
        return err_code(e, target, "make it");
    OWN_FD mount = mount_long(m, p->root, target, private_super(m->type) ? p->label : NULL, e);
    int rc = mount < 0 ? mount : propagate(mount, m);
    return mount >= 0 && rc < 0 ? err_code(e, rc, "propagation") : rc;
}

/* ---- what is there already ---- */

static int reconfigure(int target, const struct mount_config *m, struct err *e)
{
    OWN_FD fs = fspick(target, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
    if (fs < 0)
        return err_sys(e, "nothing is mounted there");
    int rc = configure(fs, m, NULL, e);
    if (rc == 0 && fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
        rc = err_sys(e, "its options");
    return rc;
}

/* Options of the mount itself, and with `bind` only these; others go to the file system. */
static int remount(const struct mount_place *p, const struct mount_config *m, struct err *e)
{
    struct mount_config c = *m;
    c.source = NULL;
    OWN_FD target = inroot_open(p->root, m->target, O_PATH, 0);
    if (target < 0)
        return err_code(e, target, "find it");
    int rc = m->bind || !m->data.nr ? 0 : reconfigure(target, &c, e);
    if (rc < 0)
        return rc;
    if ((rc = mount_set(target, m->attr_set, m->attr_clear, false)) == 0)
        rc = mount_set(target, m->rec_attr_set, m->rec_attr_clear, true);
    if (rc == 0)
        rc = propagate(target, m);
    return rc < 0 ? err_code(e, rc, "its options (is anything mounted there?)") : 0;
}

int mount_one(const struct mount_place *p, const struct config *c, unsigned index, struct err *e)
{
    const struct mount_config *m = &c->mounts[index];
    if (!m->bind && !m->remount && (strcmp(m->type, "cgroup") == 0 || strcmp(m->type, "cgroup2") == 0)) {
        int rc = mount_cgroup(p, m, e);
        return rc < 0 ? err_wrap(e, "mounts[%u]: mount %s", index, m->target) : 0;
    }
    if (m->remount)
        return remount(p, m, e) < 0 ? err_wrap(e, "mounts[%u]: remount %s", index, m->target) : 0;
    if (mount_is_long(m))
        return attach_long(p, m, e) < 0 ? err_wrap(e, "mounts[%u]: mount %s", index, m->target) : 0;
    OWN_FD mount = source_of(p, m, index, e);
    if (mount == -EPERM && !m->bind && strcmp(m->type, "sysfs") == 0)
        mount = sysfs_instead(m, e);
    if (mount < 0 || finish(p, m, mount, e) < 0)
        return err_wrap(e, "mounts[%u]: mount %s", index, m->target);
    return 0;
}
