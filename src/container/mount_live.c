// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mount_live: see mount_live.h. A short-lived child joins the container's user and mount namespaces and does
 * it there; it sees no more of the container than a process of `exec` would, and the container cannot see it,
 * as its pid namespace is another.
 */
#include "container/mount_live.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/inroot.h"
#include "base/own.h"
#include "container/mount.h"

struct job {
    int pidfd, tree; /* tree: detached, -1: there is none */
    const char *to;
    int (*fn)(const struct job *j, int root, struct err *e);
};

/* ---- inside ---- */

/* The place, and whether it is where a mount begins. */
static bool is_mounted(int fd)
{
    struct statx st;
    return statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st) == 0 && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static bool is_dir(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int attach(const struct job *j, int root, struct err *e)
{
    OWN_FD target =
        is_dir(j->tree) ? inroot_make_dir(root, j->to, 0755) : inroot_make_file(root, j->to, 0644);
    if (target < 0)
        return err_code(e, target, "make %s in the container", j->to);
    if (is_mounted(target))
        return err_set(e, -EEXIST, "something is mounted on %s already", j->to);
    int rc = mount_attach(j->tree, target);
    return rc < 0 ? err_code(e, rc, "mount on %s", j->to) : 0;
}

/* What hides files of the host stays: a link that the container laid must not lead there. */
static bool is_kernels(int folder)
{
    struct statfs fs;
    return fstatfs(folder, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC;
}

/* umount2(2) takes names only: "." for a folder, else the name in a folder that is held. */
static int umount_here(int target, const char *name)
{
    if (!is_dir(target))
        return umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
    return fchdir(target) < 0 || umount2(".", MNT_DETACH) < 0 ? -errno : 0;
}

static int detach(const struct job *j, int root, struct err *e)
{
    const char *name = NULL;
    OWN_FD target = inroot_open(root, j->to, O_PATH, 0);
    OWN_FD folder = target < 0 ? target : inroot_parent(root, j->to, &name);
    if (folder < 0)
        return err_code(e, folder, "%s in the container", j->to);
    if (!is_mounted(target) || is_kernels(folder))
        return err_set(e, -EINVAL, "nothing is mounted on %s", j->to);
    int rc = fchdir(folder) < 0 ? -errno : umount_here(target, name);
    return rc < 0 ? err_code(e, rc, "unmount %s", j->to) : 0;
}

/* ---- getting there ---- */

static int enter(const struct job *j, struct err *e)
{
    prctl(PR_SET_DUMPABLE, 0);
    if (setns(j->pidfd, CLONE_NEWUSER | CLONE_NEWNS) < 0 &&
        (errno != EINVAL || setns(j->pidfd, CLONE_NEWNS) < 0)) /* EINVAL: its user namespace is ours */
        return err_sys(e, "join the container's mounts");
    OWN_FD root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root < 0 ? err_sys(e, "the container's root") : j->fn(j, root, e);
}

_Noreturn static void child(const struct job *j, int said)
{
    struct err e = {0};
    int rc = enter(j, &e);
    if (rc < 0)
        dprintf(said, "%d %s", rc, e.text);
    _exit(rc < 0);
}

static int hear(int from, struct err *e)
{
    char text[sizeof(e->text) + 16], *rest;
    ssize_t n = read(from, text, sizeof(text) - 1);
    if (n <= 0)
        return n < 0 ? err_sys(e, "join the container's mounts") : 0;
    text[n] = 0;
    int code = (int)strtol(text, &rest, 10);
    return err_set(e, code < 0 ? code : -EIO, "%s", *rest ? rest + 1 : "");
}

static int inside(const struct job *j, struct err *e)
{
    int p[2], status = 0;
    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "pipe");
    OWN_FD from = p[0];
    pid_t pid = fork();
    if (pid == 0)
        child(j, p[1]);
    close(p[1]);
    if (pid < 0)
        return err_sys(e, "fork");
    int rc = hear(from, e);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return rc < 0 || status == 0 ? rc : err_set(e, -EIO, "the container's mounts could not be changed");
}

int mount_live_add(int pidfd, const struct live_mount *m, struct err *e)
{
    OWN_FD tree = open_tree(AT_FDCWD, m->from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0)
        return err_sys(e, "bind %s", m->from);
    const struct mount_attr private = {.propagation = MS_PRIVATE};
    int rc = mount_set(tree, m->attr, 0, true);
    if (rc == 0 && mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, (struct mount_attr *)&private,
                                 sizeof(private)) < 0)
        rc = -errno;
    if (rc < 0)
        return err_code(e, rc, "options of %s", m->from);
    return inside(&(const struct job){.pidfd = pidfd, .tree = tree, .to = m->to, .fn = attach}, e);
}

int mount_live_remove(int pidfd, const char *to, struct err *e)
{
    return inside(&(const struct job){.pidfd = pidfd, .tree = -1, .to = to, .fn = detach}, e);
}
