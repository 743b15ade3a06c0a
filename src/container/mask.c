// SPDX-License-Identifier: GPL-2.0-or-later
/* mask: see mask.h. What does not exist needs no mask. */
#include "container/mask.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/inroot.h"
#include "base/own.h"
#include "container/mount.h"

static bool absent(int fd)
{
    return fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES;
}

/*
 * One empty file system covers all masked folders: the first mount of it, then copies of that. (Giving up a
 * mount that was never attached would make the kernel wait for a whole grace period: 8 ms were seen.)
 */
static int cover_dir(int *first, int target, struct err *e)
{
    static const char *const options[] = {"size=0k", "nr_inodes=2", "mode=755", NULL};
    if (*first >= 0) {
        OWN_FD copy = mount_clone(*first, false);
        return copy < 0 ? copy : mount_attach(copy, target);
    }
    *first = mount_new("tmpfs", options, MOUNT_ATTR_RDONLY, e);
    return *first < 0 ? *first : mount_attach(*first, target);
}

static int cover_file(int null, int target)
{
    OWN_FD copy = mount_clone(null, false);
    return copy < 0 ? copy : mount_attach(copy, target);
}

static int mask_one(int root, int null, int *first, const char *path, struct err *e)
{
    struct stat st;
    OWN_FD target = inroot_open(root, path, O_PATH, 0);
    if (absent(target))
        return 0;
    if (target < 0 || fstat(target, &st) < 0)
        return err_code(e, target < 0 ? target : -errno, "mask %s", path);
    int rc = S_ISDIR(st.st_mode) ? cover_dir(first, target, e) : cover_file(null, target);
    return rc < 0 ? err_code(e, rc, "mask %s", path) : 0;
}

static int protect_one(int root, const char *path, struct err *e)
{
    OWN_FD target = inroot_open(root, path, O_PATH, 0);
    if (absent(target))
        return 0;
    OWN_FD tree = target < 0 ? target : mount_clone(target, true);
    int rc = tree < 0 ? tree : mount_set(tree, MOUNT_ATTR_RDONLY, 0, true);
    if (rc == 0)
        rc = mount_attach(tree, target);
    return rc < 0 ? err_code(e, rc, "make %s read-only", path) : 0;
}

int mask_all(int root, int null, const struct config *c, struct err *e)
{
    OWN_FD first = -1;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < c->readonly_paths.nr; i++)
        rc = protect_one(root, c->readonly_paths.item[i], e);
    for (unsigned i = 0; rc == 0 && i < c->masked_paths.nr; i++)
        rc = mask_one(root, null, &first, c->masked_paths.item[i], e);
    return rc;
}
