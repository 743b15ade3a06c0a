// SPDX-License-Identifier: GPL-2.0-or-later
/* image_layers: see image_layers.h. */
#include "store/image_layers.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "store/blob.h"
#include "store/disk.h"
#include "store/ext4.h"
#include "store/sweep.h"
#include "store/tree.h"
#include "store/unpack.h"

void image_layers_fini(struct image_layers *l)
{
    for (unsigned i = 0; i < l->nr; i++)
        free(l->roots[i]);
    free(l->roots);
    *l = (struct image_layers){0};
}

static int room_for(struct image_layers *l, unsigned nr, struct err *e)
{
    l->roots = calloc(nr + 1, sizeof(*l->roots));
    return l->roots ? 0 : err_code(e, -ENOMEM, "layers");
}

/* ---- of a disk ---- */

static int unpack_disk(const struct image *i, const char *to, struct err *e)
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
static int make_root(const struct image *i, const char *root, const char *tmp, struct err *e)
{
    int rc = dir_remove(tmp, e);
    if (rc < 0 || (rc = dir_make(tmp, 0755, e)) < 0)
        return rc;
    log_info("image %s: making its root ready for containers", i->name);
    rc = unpack_disk(i, tmp, e);
    if (rc == 0 && rename(tmp, root) < 0)
        rc = err_sys(e, "%s", root);
    if (rc < 0)
        dir_remove(tmp, NULL);
    return rc;
}

static int root_of_disk(const struct image *i, struct image_layers *l, struct err *e)
{
    OWN_MEM char *dir = image_dir(i->name);
    OWN_MEM char *root = dir ? path_make("%s/root", dir) : NULL;
    OWN_MEM char *tmp = dir ? path_make("%s/.root", dir) : NULL;
    OWN_MEM char *lock = dir ? path_make("%s/.root.lock", dir) : NULL;
    OWN_FD held = -1;
    int rc = root && tmp && lock ? room_for(l, 1, e) : err_code(e, -ENOMEM, "image %s", i->name);
    if (rc == 0 && access(root, F_OK) < 0) {
        rc = file_lock(lock, false, true, &held, e);
        if (rc == 0 && access(root, F_OK) < 0)
            rc = make_root(i, root, tmp, e);
    }
    if (rc < 0)
        return err_wrap(e, "image %s", i->name);
    l->roots[l->nr++] = take(root);
    return 0;
}

/* ---- of layers ---- */

/* The roots of the first nr layers, as overlayfs would see them. */
static int list_roots(const struct image_layer *layers, unsigned nr, struct image_layers *l, struct err *e)
{
    int rc = room_for(l, nr, e);
    for (unsigned i = nr; rc == 0 && i-- > 0;) {
        const struct layer *at = &layers[i].layer;
        OWN_MEM char *root = layer_root(&at->key);
        bool again = false; /* it adds nothing to itself, and overlayfs takes no folder twice */
        for (unsigned k = 0; root && k < l->nr; k++)
            again |= strcmp(l->roots[k], root) == 0;
        if (!root)
            return err_code(e, -ENOMEM, "layers");
        l->dotted |= at->dotted;
        if (!again)
            l->roots[l->nr++] = take(root);
        if (at->opaque)
            break;
    }
    return rc;
}

static int make_layer(const char *name, struct image_layer *layers, unsigned i, unsigned nr,
                      const struct digest *chain, struct progress *p, struct err *e)
{
    OWN_LAYERS lower = {0};
    OWN_MEM char *what = path_make("image %s: layer %u of %u", name, i + 1, nr);
    int rc = what ? list_roots(layers, i, &lower, e) : err_code(e, -ENOMEM, "image %s", name);
    if (rc < 0)
        return rc;
    const struct layer_source s = {.blob = layers[i].blob,
                                   .diff_id = layers[i].diff_id,
                                   .chain_id = *chain,
                                   .lower = lower.roots,
                                   .nr_lower = lower.nr,
                                   .what = what};
    return layer_make(&s, p, &layers[i].layer, e);
}

int image_make_layers(const char *name, struct image_layer *layers, unsigned nr, struct progress *p,
                      struct err *e)
{
    struct digest chain;
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < nr; i++) {
        const struct digest below = chain;
        if (layer_chain(i ? &below : NULL, &layers[i].diff_id, &chain) < 0)
            return err_code(e, -ENOMEM, "image %s", name);
        rc = make_layer(name, layers, i, nr, &chain, p, e);
    }
    return rc;
}

static bool all_there(const struct image_layers *l)
{
    for (unsigned i = 0; i < l->nr; i++)
        if (access(l->roots[i], F_OK) < 0)
            return false;
    return true;
}

/* Somebody has removed folders from the store: the blobs are still there. */
static int make_again(const struct image *i, struct err *e)
{
    OWN_FD held = -1;
    OWN_MEM struct image_layer *copy = calloc(i->nr_layers, sizeof(*copy));
    if (!copy)
        return err_code(e, -ENOMEM, "image %s", i->name);
    memcpy(copy, i->layers, i->nr_layers * sizeof(*copy));
    log_info("image %s: making its layers ready for containers", i->name);
    int rc = store_hold(&held, e);
    return rc < 0 ? rc : image_make_layers(i->name, copy, i->nr_layers, NULL, e);
}

int image_layers_get(const struct image *i, struct image_layers *ret, struct err *e)
{
    OWN_LAYERS l = {0};
    int rc = i->nr_layers ? list_roots(i->layers, i->nr_layers, &l, e) : root_of_disk(i, &l, e);
    if (rc == 0 && !all_there(&l))
        rc = make_again(i, e);
    if (rc < 0)
        return rc;
    *ret = l;
    l = (struct image_layers){0};
    return 0;
}

/* ---- all in one folder ---- */

static int add_layer(const struct image_layer *l, const char *what, const char *to, struct err *e)
{
    OWN(tree) marks = NULL;
    OWN(tree) files = NULL;
    OWN_MEM char *blob = blob_path(&l->blob);
    const struct tree_source s = {.path = blob, .what = what, .layer = true};
    int rc = blob ? tree_open(&s, &marks, e) : err_code(e, -ENOMEM, "%s", what);
    if (rc < 0 || (rc = unpack_take_away(marks, to, e)) < 0 || (rc = tree_open(&s, &files, e)) < 0)
        return rc;
    return unpack_tree(files, &(struct unpack){.to = to}, NULL, NULL, e);
}

int image_unpack(const struct image *i, const char *to, struct err *e)
{
    if (!i->nr_layers)
        return unpack_disk(i, to, e);
    int rc = 0;
    for (unsigned k = 0; rc == 0 && k < i->nr_layers; k++)
        if ((rc = add_layer(&i->layers[k], i->name, to, e)) < 0)
            return err_wrap(e, "image %s: layer %u", i->name, k + 1);
    return rc;
}
