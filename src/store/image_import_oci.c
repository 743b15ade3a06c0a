// SPDX-License-Identifier: GPL-2.0-or-later
/* image_import_oci: see image_import_oci.h. A tar is unpacked first: what it names comes in any order. */
#include "store/image_import_oci.h"

#include <fcntl.h>

#include "base/file.h"
#include "store/image_machine.h"
#include "store/image_oci.h"
#include "store/oci_source.h"
#include "store/sweep.h"
#include "store/tree.h"
#include "store/unpack.h"

int image_import_is_oci(const char *path, const struct disk_kind *kind, bool *ret, struct err *e)
{
    *ret = false;
    if (kind->format == FORMAT_TAR)
        return oci_archive_is(path, ret, e);
    if (kind->format != FORMAT_FOLDER)
        return 0;
    OWN_FD dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys(e, "%s", path);
    *ret = oci_source_is(dir);
    return 0;
}

/* Its files, as a folder; *ret_ours: it is one of the draft's. */
static int open_source(const struct draft *d, const char *path, struct progress *p, int *ret, bool *ret_ours,
                       struct err *e)
{
    OWN_FD dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN_MEM char *to = path_make("%s/saved", d->dir);
    OWN(tree) t = NULL;
    int rc = 0;
    *ret_ours = dir < 0;
    if (!to)
        return err_code(e, -ENOMEM, "%s", path);
    if (dir < 0) {
        progress_start(p, "reading", 0, PROGRESS_BYTES);
        if ((rc = dir_make(to, 0755, e)) < 0 ||
            (rc = tree_open(&(struct tree_source){.path = path}, &t, e)) < 0 ||
            (rc = unpack_tree(t, &(struct unpack){.to = to}, p, NULL, e)) < 0)
            return rc;
        dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    *ret = take_fd(&dir);
    return *ret < 0 ? err_sys(e, "%s", to) : 0;
}

/* What was unpacked of a tar is in blobs now. */
static void tidy(const struct draft *d)
{
    OWN_MEM char *saved = path_make("%s/saved", d->dir);
    if (saved)
        (void)dir_remove(saved, NULL);
}

static int take_blobs(struct draft *d, const struct image_import *c, const char *path, struct progress *p,
                      struct digest *ret, char **ret_ref, struct err *e)
{
    OWN_FD dir = -1;
    struct oci_source s = {.what = path, .tag = c->tag};
    int rc = open_source(d, path, p, &dir, &s.ours, e);
    if (rc < 0)
        return rc;
    s.dir = dir;
    rc = oci_source_take(&s, p, ret, ret_ref, e);
    tidy(d);
    return rc;
}

static int import(struct draft *d, const struct image_import *c, const char *path, const char *source,
                  struct progress *p, struct image **ret, struct err *e)
{
    OWN_FD held = -1;
    OWN_MEM char *ref = NULL;
    struct image_oci o = {.source = source};
    int rc = store_hold(&held, e);
    if (rc < 0 || (rc = take_blobs(d, c, path, p, &o.manifest, &ref, e)) < 0)
        return rc;
    o.ref = ref;
    return image_oci_finish(d, &o, p, ret, e);
}

/* A disk that was asked for is made at once. */
static int import_all(struct draft *d, const struct image_import *c, const char *path, const char *source,
                      struct progress *p, struct image **ret, struct err *e)
{
    OWN(image) i = NULL;
    const struct image_machine m = {.kernel = c->kernel, .bytes = c->bytes};
    int rc = import(d, c, path, source, p, &i, e);
    if (rc == 0 && (c->kernel || c->bytes) && (rc = image_need_machine(&i, &m, p, e)) < 0)
        (void)image_remove(d->name, NULL);
    if (rc == 0)
        *ret = take(i);
    return rc;
}

int image_import_oci(struct draft *d, const struct image_import *c, const char *path, const char *source,
                     struct progress *p, struct image **ret, struct err *e)
{
    int rc = import_all(d, c, path, source, p, ret, e);
    store_sweep();
    return rc;
}
