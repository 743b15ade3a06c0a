// SPDX-License-Identifier: GPL-2.0-or-later
/* layer: see layer.h. A layer is made in layers/.tmp-XXXXXX and renamed when it is on the disk. */
#include "store/layer.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/paths.h"
#include "store/blob.h"
#include "store/unpack.h"

char *layer_dir(void)
{
    OWN_MEM char *data = paths_data();
    return data ? path_make("%s/layers", data) : NULL;
}

static char *path_of(const struct digest *key, const char *file)
{
    OWN_MEM char *dir = layer_dir();
    return dir ? path_make("%s/%s/%s", dir, key->hex, file) : NULL;
}

char *layer_root(const struct digest *key)
{
    return path_of(key, "root");
}

int layer_chain(const struct digest *below, const struct digest *diff_id, struct digest *ret)
{
    OWN_MEM char *text = below ? path_make("sha256:%s sha256:%s", below->hex, diff_id->hex) : NULL;
    if (below)
        return text ? digest_of(text, strlen(text), ret) : -ENOMEM;
    *ret = *diff_id;
    return 0;
}

/* ---- one that is there ---- */

static int load(const struct digest *key, struct layer *ret, struct err *e)
{
    OWN_MEM char *about = path_of(key, "layer.json");
    OWN(json_t) j = NULL;
    struct layer l = {.key = *key};
    int rc = about ? json_load(about, &j, e) : err_code(e, -ENOMEM, "layer");
    if (rc < 0 || (rc = json_get_uint(j, "bytes", 0, INT64_MAX, &l.bytes, e)) < 0 ||
        (rc = json_opt_bool(j, "opaque", false, &l.opaque, e)) < 0 ||
        (rc = json_opt_bool(j, "dotted", false, &l.dotted, e)) < 0)
        return rc;
    *ret = l;
    return 0;
}

/* ---- a new one ---- */

struct draft_layer {
    char *dir, *root, *about;
    struct layer layer;
};

static void discard(struct draft_layer *d)
{
    if (d->dir)
        (void)dir_remove(d->dir, NULL);
    free(d->dir);
    free(d->root);
    free(d->about);
}

static int begin(struct draft_layer *d, struct err *e)
{
    OWN_MEM char *all = layer_dir();
    OWN_MEM char *dir = all ? path_make("%s/.tmp-XXXXXX", all) : NULL;
    int rc = dir ? dir_make_private(all, e) : err_code(e, -ENOMEM, "layer");
    if (rc < 0)
        return rc;
    if (!mkdtemp(dir))
        return err_sys(e, "create folder %s", dir);
    d->dir = take(dir);
    d->root = path_make("%s/root", d->dir);
    d->about = path_make("%s/layer.json", d->dir);
    if (!d->root || !d->about)
        return err_code(e, -ENOMEM, "layer");
    return chmod(d->dir, 0755) < 0 || mkdir(d->root, 0755) < 0 ? err_sys(e, "%s", d->root) : 0;
}

static int check_sum(struct tree *t, const struct layer_source *s, struct err *e)
{
    struct digest found;
    int rc = tree_digest(t, &found, e);
    if (rc < 0 || digest_same(&found, &s->diff_id))
        return rc;
    return err_set(e, -EINVAL,
                   "%s: uncompressed it has the digest sha256:%.16s... instead of sha256:%.16s...", s->what,
                   found.hex, s->diff_id.hex);
}

static int unpack(struct draft_layer *d, const struct layer_source *s, struct progress *p, struct err *e)
{
    OWN_MEM char *blob = blob_path(&s->blob);
    OWN(tree) t = NULL;
    struct unpacked done;
    const struct unpack u = {.to = d->root, .layer = true, .lower = s->lower, .nr_lower = s->nr_lower};
    struct stat st;
    if (!blob || stat(blob, &st) < 0)
        return blob ? err_sys(e, "%s", s->what) : err_code(e, -ENOMEM, "layer");
    progress_start(p, "unpacking", (uint64_t)st.st_size, PROGRESS_BYTES);
    int rc = tree_open(&(struct tree_source){.path = blob, .what = s->what, .layer = true}, &t, e);
    if (rc < 0)
        return rc;
    if ((rc = unpack_tree(t, &u, p, &done, e)) < 0)
        return strstr(e ? e->text : "", s->what) ? rc : err_wrap(e, "%s", s->what);
    if (done.left_out)
        log_warn("%s: devices left out, since only root can make them: %u", s->what, done.left_out);
    d->layer = (struct layer){.key = done.borrowed ? s->chain_id : s->diff_id,
                              .bytes = done.bytes,
                              .opaque = done.opaque,
                              .dotted = done.dotted};
    return check_sum(t, s, e);
}

/* All of it on the disk before its name says that it is whole. */
static int publish(struct draft_layer *d, struct err *e)
{
    OWN_MEM char *all = layer_dir();
    OWN_MEM char *final = all ? path_make("%s/%s", all, d->layer.key.hex) : NULL;
    OWN(json_t)
    about = json_pack("{s:I, s:b, s:b}", "bytes", (json_int_t)d->layer.bytes, "opaque", d->layer.opaque,
                      "dotted", d->layer.dotted);
    if (!final || !about)
        return err_code(e, -ENOMEM, "layer");
    int rc = json_store(d->about, about, e);
    if (rc < 0)
        return rc;
    OWN_FD fd = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) < 0)
        return err_sys(e, "write %s", d->dir);
    if (renameat2(AT_FDCWD, d->dir, AT_FDCWD, final, RENAME_NOREPLACE) < 0)
        return errno == EEXIST ? 0 : err_sys(e, "rename %s to %s", d->dir, final); /* somebody was faster */
    free(take(d->dir));
    return dir_sync(all, e);
}

int layer_make(const struct layer_source *s, struct progress *p, struct layer *ret, struct err *e)
{
    __attribute__((cleanup(discard))) struct draft_layer d = {0};
    int rc;
    if (load(&s->diff_id, ret, NULL) == 0 || load(&s->chain_id, ret, NULL) == 0)
        return 0;
    if ((rc = begin(&d, e)) < 0 || (rc = unpack(&d, s, p, e)) < 0 || (rc = publish(&d, e)) < 0)
        return rc;
    *ret = d.layer;
    return 0;
}
