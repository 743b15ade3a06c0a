// SPDX-License-Identifier: GPL-2.0-or-later
/* image_import: see image_import.h. */
#include "store/image_import.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "store/finish.h"
#include "store/image_import_oci.h"
#include "store/tree_ext4.h"

/* Endings that say what a file is, not what it is called; taken off one after the other. */
static const char *const endings[] = {".gz",  ".xz",  ".zst",   ".bz2",  ".lz4", ".tar", ".tgz",  ".txz",
                                      ".raw", ".img", ".qcow2", ".vmdk", ".vdi", ".vhd", ".vhdx", ".disk"};

static bool take_off_ending(char *name)
{
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t n = strlen(name), m = strlen(endings[i]);
        if (n > m && strcmp(name + n - m, endings[i]) == 0) {
            name[n - m] = 0;
            return true;
        }
    }
    return false;
}

/* What the path's last part says, as far as it is a name; malloc'd. */
static char *name_from(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = strdup(slash ? slash + 1 : path);
    while (name && take_off_ending(name))
        ;
    return name;
}

static int no_kernel_as_disk(const char *path, struct err *e)
{
    return err_set(e, -EINVAL,
                   "%s: a kernel, not a disk or root file system (`run --kernel` takes it as it is)", path);
}

static int make(struct draft *d, const struct image_import *c, const char *path, const char *source,
                struct progress *p, struct image **ret, struct err *e)
{
    struct disk_kind kind = {0};
    struct finish f = {.source = source, .kernel = c->kernel, .bytes = c->bytes};
    int rc = disk_detect(path, &kind, e);
    if (rc < 0)
        return rc;
    if (kind.format == FORMAT_KERNEL)
        return no_kernel_as_disk(path, e);
    bool oci;
    if ((rc = image_import_is_oci(path, &kind, &oci, e)) < 0)
        return rc;
    if (oci)
        return image_import_oci(d, c, path, source, p, ret, e);
    if (c->tag)
        return err_set(e, -EINVAL, "%s: not an image with tags", path);
    if (kind.format == FORMAT_FOLDER || kind.format == FORMAT_TAR)
        rc = tree_to_ext4(&(struct tree_ext4){.sources = &(struct tree_source){.path = path},
                                              .nr_sources = 1,
                                              .name = path,
                                              .file = d->disk,
                                              .bytes = c->bytes},
                          p, &f.layout.bytes, e);
    else
        rc = disk_import(path, &kind, d->disk, p, e);
    if (rc < 0)
        return rc;
    if ((rc = disk_look(d->disk, &f.layout, e)) < 0)
        return err_set(e, rc, "%s%s", path,
                       e ? e->text + strlen(d->disk) : ""); /* the user's file, not ours */
    return finish_image(d, &f, p, ret, e);
}

static int import(const struct image_import *c, struct progress *p, struct image **ret, struct err *e)
{
    OWN_MEM char *path = realpath(c->path, NULL);
    if (!path)
        return err_sys(e, "%s", c->path);
    OWN_MEM char *guess = c->name ? NULL : name_from(path);
    OWN_MEM char *source = path_make("import %s", strrchr(path, '/') + 1);
    OWN(draft) d = NULL;
    if (!source || (!c->name && !guess))
        return err_code(e, -ENOMEM, "%s", c->path);
    int rc = draft_begin(c->name ? c->name : guess, &d, e);
    if (rc < 0)
        return rc == -EINVAL && !c->name ? err_wrap(e, "say --name") : rc;
    return make(d, c, path, source, p, ret, e);
}

int image_import(const struct image_import *c, struct progress *p, struct image **ret, struct err *e)
{
    OWN_INTERRUPT held;
    interrupt_hold(&held);
    int rc = import(c, p, ret, e);
    progress_done(p);
    return rc;
}
