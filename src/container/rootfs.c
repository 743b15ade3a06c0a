// SPDX-License-Identifier: GPL-2.0-or-later
/* rootfs: see rootfs.h. Source: pivot_root(2), mount_namespaces(7). */
#include "container/rootfs.h"

#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/own.h"
#include "container/device.h"
#include "container/mask.h"
#include "container/mount.h"

/* Nothing that is mounted here shows up on the host, unless the configuration wants just that. */
static int cut_off(const struct launch *l, struct err *e)
{
    unsigned long how = l->c->rootfs_propagation;
    if (!how || (how & MS_UNBINDABLE)) /* what may not be bound could not be mounted into the root */
        how = MS_SLAVE | MS_REC;
    if (mount(NULL, "/", NULL, how, NULL) < 0)
        return err_sys(e, "change the propagation of /");
    return 0;
}

/* The mount that holds the root must not be shared, or pivot_root(2) refuses and ours would show up. */
static int parent_private(const char *rootfs)
{
    OWN_MEM char *path = strdup(rootfs);
    for (char *at = path; at; at = dirname(at)) {
        if (mount(NULL, at, NULL, MS_PRIVATE, NULL) == 0)
            return 0;
        if (errno != EINVAL || strcmp(at, "/") == 0)
            return -errno;
    }
    return -ENOMEM;
}

static int attach_root(const struct launch *l, struct err *e)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
    if ((l->c->rootfs_propagation & (MS_SHARED | MS_UNBINDABLE)) && parent_private(l->rootfs) < 0)
        return err_sys(e, "root %s: make its mount private", l->rootfs);
    OWN_FD tree =
        l->root_tree >= 0 ? fcntl(l->root_tree, F_DUPFD_CLOEXEC, 3) : open_tree(AT_FDCWD, l->rootfs, flags);
    if (tree < 0)
        return err_sys(e, "root %s", l->rootfs);
    struct mount_attr private = {.propagation = MS_PRIVATE};
    if (l->c->rootfs_propagation & MS_SHARED)
        (void)mount_setattr(tree, "", AT_EMPTY_PATH, &private, sizeof(private));
    int rc = move_mount(tree, "", AT_FDCWD, l->rootfs, MOVE_MOUNT_F_EMPTY_PATH);
    if (rc < 0 && errno == EACCES &&
        l->root_tree >= 0) /* out of the user namespace's reach: any place will do */
        rc = move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
    if (rc < 0)
        return err_sys(e, "root %s", l->rootfs);
    return take_fd(&tree);
}

static int mount_all(const struct launch *l, int root, struct err *e)
{
    const struct config *c = l->c;
    const struct mount_place p = {
        .root = root,
        .cgroup = &l->cgroup,
        .own_cgroup_ns = c->ns[NS_CGROUP].there,
        .bundle = l->state.bundle,
        .label = c->mount_label,
        .source = l->source,
    };
    for (unsigned i = 0; i < c->nr_mounts; i++) {
        int rc = mount_one(&p, c, i, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The host's, looked at before anything of the container is mounted. */
static int host_null(struct err *e)
{
    struct stat st;
    OWN_FD null = open("/dev/null", O_PATH | O_CLOEXEC);
    if (null < 0 || fstat(null, &st) < 0)
        return err_sys(e, "/dev/null");
    if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
        return err_set(e, -EINVAL, "/dev/null is another device");
    return take_fd(&null);
}

int rootfs_build(const struct launch *l, struct err *e)
{
    int rc = cut_off(l, e);
    OWN_FD root = rc < 0 ? rc : attach_root(l, e);
    if (root < 0)
        return root;
    OWN_FD null = host_null(e);
    rc = null < 0 ? null : mount_all(l, root, e);
    if (rc == 0)
        rc = device_make_all(root, l->c, e);
    if (rc == 0)
        rc = mask_all(root, null, l->c, e);
    return rc < 0 ? rc : take_fd(&root);
}

/* Its mounts may be the host's own ones (shared): taking them off must not reach those. */
static int enslave(int old)
{
    if (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0)
        return -errno;
    return 0;
}

static int pivot(const struct launch *l, struct err *e)
{
    OWN_FD old = l->c->rootfs_propagation ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return err_sys(e, "pivot_root to %s", l->rootfs);
    int rc = old >= 0 ? enslave(old) : 0;
    /* The old root lies on top of the new one now. */
    if (rc == 0 && umount2(".", MNT_DETACH) < 0)
        rc = -errno;
    return rc < 0 ? err_code(e, rc, "leave the old root") : 0;
}

/* For roots that pivot_root(2) refuses (the initial ramfs); the old tree stays below. */
static int move_and_chroot(const struct launch *l, struct err *e)
{
    if (mount(l->rootfs, "/", NULL, MS_MOVE, NULL) < 0)
        return err_sys(e, "move %s to /", l->rootfs);
    return chroot(".") < 0 ? err_sys(e, "chroot to %s", l->rootfs) : 0;
}

int rootfs_enter(const struct launch *l, int root, struct err *e)
{
    if (l->c->root_readonly) {
        int rc = mount_set(root, MOUNT_ATTR_RDONLY, 0, false);
        if (rc < 0)
            return err_code(e, rc, "make the root read-only");
    }
    if (fchdir(root) < 0)
        return err_sys(e, "enter %s", l->rootfs);
    int rc = l->no_pivot ? move_and_chroot(l, e) : pivot(l, e);
    if (rc < 0)
        return rc;
    if (chdir("/") < 0)
        return err_sys(e, "enter /");
    if (l->c->rootfs_propagation && mount(NULL, "/", NULL, l->c->rootfs_propagation, NULL) < 0)
        return err_sys(e, "change the propagation of the root");
    return 0;
}
