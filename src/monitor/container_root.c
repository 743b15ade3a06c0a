// SPDX-License-Identifier: GPL-2.0-or-later
/* container_root: see container_root.h. */
#include "monitor/container_root.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "monitor/container_overlay.h"

/* ---- leaving the host's namespaces ---- */

int container_root_leave_host(struct container_ids *ret, struct err *e)
{
    struct container_ids ids = {0};
    int rc = 0;
    if (geteuid() != 0)
        rc = container_ids_enter(CLONE_NEWNS, &ids, e);
    else if (unshare(CLONE_NEWNS) < 0)
        rc = err_sys(e, "make a mount namespace");
    if (rc == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        rc = err_sys(e, "mount namespace");
    if (rc == 0)
        *ret = ids;
    return rc;
}

/* ---- one of three ways ---- */

static int folder(const char *path, struct err *e)
{
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return err_sys(e, "%s", path);
    return chmod(path, 0755) < 0 ? err_sys(e, "%s", path) : 0;
}

static int overlay(const struct guest_dir *d, const struct image_layers *lower, const char *root,
                   bool fleeting, struct err *e)
{
    OWN_MEM char *upper = guest_dir_file(d, "upper"), *work = guest_dir_file(d, "work");
    const struct overlay o = {lower, upper, work, root, fleeting};
    int rc = upper && work ? folder(upper, e) : err_code(e, -ENOMEM, "root");
    if (rc < 0 || (rc = folder(work, e)) < 0 || (rc = overlay_mount(&o)) == 0)
        return rc;
    log_info("no overlayfs here (%s): fuse-overlayfs is tried", strerror(-rc));
    return overlay_mount_fuse(&o, e);
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
    struct mount_attr nodev = {.attr_set = MOUNT_ATTR_NODEV}; /* what else the mount has stays */
    if (mount(root, root, NULL, MS_BIND, NULL) < 0 ||
        (mount_setattr(AT_FDCWD, root, 0, &nodev, sizeof(nodev)) < 0 && errno != ENOSYS))
        return err_sys(e, "mount %s", root);
    return 0;
}

/* Does the container have changes of its own in a layer? A copy would be without them. */
static bool has_changes(const struct guest_dir *d)
{
    OWN_MEM char *upper = guest_dir_file(d, "upper");
    return upper && rmdir(upper) < 0 && errno != ENOENT;
}

static int open_root(const struct guest_dir *d, const struct image *i, const struct image_layers *lower,
                     const char *root, bool fleeting, struct err *e)
{
    OWN_MEM char *mark = guest_dir_file(d, "copied");
    struct err why;
    if (!mark)
        return err_code(e, -ENOMEM, "root");
    if (access(mark, F_OK) == 0)
        return copy(d, i, root, e);
    int rc = overlay(d, lower, root, fleeting, &why);
    if (rc == 0)
        return 0;
    if (has_changes(d))
        return err_set(e, rc, "what the container has changed cannot be laid over its image: %s", why.text);
    log_warn("no overlay (%s): the container gets a copy of its image", why.text);
    return copy(d, i, root, e);
}

int container_root_open(const struct guest_dir *d, const struct image *i, const struct image_layers *lower,
                        bool fleeting, char **ret, struct err *e)
{
    OWN_MEM char *root = guest_dir_file(d, "root");
    int rc = root ? folder(root, e) : err_code(e, -ENOMEM, "root");
    if (rc == 0)
        rc = open_root(d, i, lower, root, fleeting, e);
    if (rc == 0)
        *ret = take(root);
    return rc;
}

void container_root_close(const struct guest_dir *d)
{
    OWN_MEM char *root = guest_dir_file(d, "root"), *work = guest_dir_file(d, "work/work");
    if (root)
        overlay_unmount(root);
    if (work)
        (void)chmod(work, 0700); /* so that whoever is no root can remove it */
}
