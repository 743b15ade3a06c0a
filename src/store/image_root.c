// SPDX-License-Identifier: GPL-2.0-or-later
/* image_root: see image_root.h. */
#include "store/image_root.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "store/disk.h"
#include "store/ext4.h"

int image_unpack(const struct image *i, const char *to, struct err *e)
{
    struct disk_layout layout;
    OWN(ext4) f = NULL;
    int rc = disk_look(i->path_disk, &layout, e);
    if (rc < 0)
        return rc;
    if (!layout.fs || strcmp(layout.fs, "ext4") != 0)
        return err_set(e, -EOPNOTSUPP, "image %s: its root is %s; a container needs ext4", i->name,
                       layout.fs ? layout.fs : "no file system known here");
    rc = ext4_open(i->path_disk, layout.root_offset, &f, e);
    return rc < 0 ? rc : ext4_unpack(f, to, e);
}

/* What a maker that died left has no name that counts. */
static int make(const struct image *i, const char *root, const char *tmp, struct err *e)
{
    int rc = dir_remove(tmp, e);
    if (rc < 0 || (rc = dir_make(tmp, 0755, e)) < 0)
        return rc;
    log_info("image %s: making its root ready for containers", i->name);
    rc = image_unpack(i, tmp, e);
    if (rc == 0 && rename(tmp, root) < 0)
        rc = err_sys(e, "%s", root);
    if (rc < 0)
        dir_remove(tmp, NULL);
    return rc;
}

int image_root(const struct image *i, char **ret, struct err *e)
{
    OWN_MEM char *dir = image_dir(i->name);
    OWN_MEM char *root = dir ? path_make("%s/root", dir) : NULL;
    OWN_MEM char *tmp = dir ? path_make("%s/.root", dir) : NULL;
    OWN_MEM char *lock = dir ? path_make("%s/.root.lock", dir) : NULL;
    OWN_FD held = -1;
    if (!root || !tmp || !lock)
        return err_code(e, -ENOMEM, "image %s", i->name);
    if (access(root, F_OK) < 0) {
        int rc = file_lock(lock, false, true, &held, e);
        if (rc == 0 && access(root, F_OK) < 0)
            rc = make(i, root, tmp, e);
        if (rc < 0)
            return err_wrap(e, "image %s", i->name);
    }
    *ret = take(root);
    return 0;
}
