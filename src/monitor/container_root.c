// SPDX-License-Identifier: GPL-2.0-or-later
/* container_root: see container_root.h. Source: Linux, Documentation/filesystems/overlayfs.rst. */
#include "monitor/container_root.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "store/image_root.h"

#define OPTIONS_MAX 4000 /* mount(2) takes a page */

/* ---- leaving the host's namespaces ---- */

static int write_proc(const char *path, const char *text)
{
    OWN_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int map_ids(unsigned uid, unsigned gid, struct err *e)
{
    char text[32];
    int rc = write_proc("/proc/self/setgroups", "deny");
    snprintf(text, sizeof(text), "0 %u 1", uid);
    if (rc == 0)
        rc = write_proc("/proc/self/uid_map", text);
    snprintf(text, sizeof(text), "0 %u 1", gid);
    if (rc == 0)
        rc = write_proc("/proc/self/gid_map", text);
    return rc < 0 ? err_code(e, rc, "ID maps of a user namespace") : 0;
}

int container_root_leave_host(bool *ret_rootless, struct err *e)
{
    unsigned uid = geteuid(), gid = getegid();
    *ret_rootless = uid != 0;
    if (unshare(uid ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS) < 0)
        return err_sys(e, uid ? "make a user namespace" : "make a mount namespace");
    int rc = uid ? map_ids(uid, gid, e) : 0;
    if (rc < 0)
        return rc;
    return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? err_sys(e, "mount namespace") : 0;
}

/* ---- overlay ---- */

/* In a list of options "," and ":" end a path. */
static void append_path(char *options, size_t size, const char *key, const char *path)
{
    size_t at = strlen(options);
    at += (size_t)snprintf(options + at, size - at, "%s%s=", at ? "," : "", key);
    for (; *path && at + 2 < size; path++) {
        if (strchr(",:\\", *path))
            options[at++] = '\\';
        options[at++] = *path;
    }
    options[at] = 0;
}

static int folder(const char *path, struct err *e)
{
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return err_sys(e, "%s", path);
    return chmod(path, 0755) < 0 ? err_sys(e, "%s", path) : 0;
}

static int overlay(const char *dir, const char *lower, const char *root, bool fleeting)
{
    char options[OPTIONS_MAX] = "";
    OWN_MEM char *upper = path_make("%s/upper", dir), *work = path_make("%s/work", dir);
    if (!upper || !work)
        return -ENOMEM;
    if (folder(upper, NULL) < 0 || folder(work, NULL) < 0)
        return -errno;
    append_path(options, sizeof(options), "lowerdir", lower);
    append_path(options, sizeof(options), "upperdir", upper);
    append_path(options, sizeof(options), "workdir", work);
    if (strlen(options) > OPTIONS_MAX - 32)
        return -ENAMETOOLONG;
    size_t at = strlen(options);
    snprintf(options + at, sizeof(options) - at, "%s,userxattr", fleeting ? ",volatile" : "");
    if (mount("overlay", root, "overlay", MS_NODEV, options) == 0)
        return 0;
    options[strlen(options) - strlen(",userxattr")] = 0; /* older kernels lack it, and root needs it not */
    return mount("overlay", root, "overlay", MS_NODEV, options) < 0 ? -errno : 0;
}

/* A copy that was begun and not finished has no mark. */
static int copy(const struct guest_dir *d, const struct image *i, const char *root, struct err *e)
{
    OWN_MEM char *mark = guest_dir_file(d, "copied");
    if (!mark)
        return err_code(e, -ENOMEM, "root");
    if (access(mark, F_OK) < 0) {
        int rc = dir_remove(root, e);
        if (rc < 0 || (rc = folder(root, e)) < 0 || (rc = image_unpack(i, root, e)) < 0 ||
            (rc = folder(mark, e)) < 0)
            return rc;
    }
    return mount(root, root, NULL, MS_BIND, NULL) < 0 ? err_sys(e, "mount %s", root) : 0;
}

int container_root_open(const struct guest_dir *d, const struct image *i, const char *lower, bool fleeting,
                        char **ret, struct err *e)
{
    OWN_MEM char *root = guest_dir_file(d, "root"), *mark = guest_dir_file(d, "copied");
    if (!root || !mark)
        return err_code(e, -ENOMEM, "root");
    int rc = folder(root, e);
    if (rc < 0)
        return rc;
    rc = access(mark, F_OK) == 0 ? -EOPNOTSUPP : overlay(d->dir, lower, root, fleeting);
    if (rc < 0) {
        if (access(mark, F_OK) < 0)
            log_warn("no overlay (%s): the container gets a copy of its image", strerror(-rc));
        rc = copy(d, i, root, e);
    }
    if (rc == 0)
        *ret = take(root);
    return rc;
}

void container_root_close(const struct guest_dir *d)
{
    OWN_MEM char *root = guest_dir_file(d, "root"), *work = guest_dir_file(d, "work/work");
    if (root)
        (void)umount2(root, MNT_DETACH);
    if (work)
        (void)chmod(work, 0700); /* so that whoever is no root can remove it */
}
