// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * base: see base.h.
 *
 *     images/NAME/base.json   of a disk image: the layer that its root has become, while the blob is there
 *
 * Source: OCI image-spec 1.1, config.md, manifest.md.
 */
#include "commit/base.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "commit/manifest.h"
#include "store/image_layers.h"

void base_fini(struct base *b)
{
    json_decref(b->config);
    free(b->layers);
    *b = (struct base){0};
}

/* ---- layers ---- */

static int append(struct base *b, const struct layer_written *l, struct err *e)
{
    struct blob *more = realloc(b->layers, (b->nr_layers + 1) * sizeof(*more));
    json_t *ids = json_object_get(json_object_get(b->config, "rootfs"), "diff_ids");
    if (!more)
        return err_code(e, -ENOMEM, "layer");
    b->layers = more;
    b->layers[b->nr_layers++] = l->blob;
    if (json_array_append_new(ids, json_sprintf("sha256:%s", l->diff_id.hex)) < 0)
        return err_set(e, -EINVAL, "its configuration has no list of layers");
    return 0;
}

static int write_layer(const char *folder, const char *scratch, layer_write_fn *write, struct progress *p,
                       struct layer_written *ret, struct err *e)
{
    OWN_MEM char *path = path_make("%s/layer", scratch);
    if (!path)
        return err_code(e, -ENOMEM, "layer");
    OWN_FD file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return err_sys(e, "%s", path);
    int rc = write(folder, file, p, ret, e);
    if (rc == 0) {
        progress_start(p, "checking", ret->blob.bytes, PROGRESS_BYTES);
        rc = blob_take(file, true, &ret->blob, "layer", p, e);
    }
    unlink(path);
    return rc;
}

int base_add_layer(struct base *b, const char *folder, const char *scratch, layer_write_fn *write,
                   struct progress *p, struct err *e)
{
    struct layer_written l;
    if (b->nr_layers >= OCI_LAYERS_MAX)
        return err_set(e, -E2BIG, "more than %d layers", OCI_LAYERS_MAX);
    int rc = write_layer(folder, scratch, write, p, &l, e);
    return rc < 0 ? rc : append(b, &l, e);
}

/* ---- of layers ---- */

static int load_json(const struct digest *d, const char *what, json_t **ret, struct err *e)
{
    OWN_MEM char *text = NULL;
    size_t len;
    int rc = blob_load(d, OCI_TEXT_MAX, &text, &len, e);
    return rc < 0 ? rc : json_parse(text, len, what, ret, e);
}

static int from_layers(const struct image *i, struct base *b, struct err *e)
{
    json_t *rootfs, *ids;
    int rc = load_json(&i->config_blob, "configuration", &b->config, e);
    if (rc < 0 || (rc = json_get_object(b->config, "rootfs", &rootfs, e)) < 0 ||
        (rc = json_get_array(rootfs, "diff_ids", &ids, e)) < 0)
        return rc;
    b->layers = calloc(i->nr_layers, sizeof(*b->layers));
    if (!b->layers)
        return err_code(e, -ENOMEM, "image %s", i->name);
    for (unsigned k = 0; k < i->nr_layers; k++)
        b->layers[k] = (struct blob){i->layers[k].blob, i->layers[k].blob_bytes};
    b->nr_layers = i->nr_layers;
    return 0;
}

/* ---- of a disk ---- */

static json_t *new_config(const struct image *i)
{
    return json_pack("{s:s, s:s, s:s, s:{}, s:{s:s, s:[]}, s:[{s:s, s:o}]}", "created", i->created,
                     "architecture", "amd64", "os", "linux", "config", "rootfs", "type", "layers", "diff_ids",
                     "history", "created", i->created, "created_by", json_sprintf("image %s", i->name));
}

static int load_made(const char *path, struct layer_written *ret)
{
    OWN(json_t) j = NULL;
    const char *diff_id, *blob;
    struct layer_written l;
    if (json_load(path, &j, NULL) < 0 || json_get_string(j, "diff_id", &diff_id, NULL) < 0 ||
        json_get_string(j, "blob", &blob, NULL) < 0 ||
        json_get_uint(j, "blob_bytes", 0, INT64_MAX, &l.blob.bytes, NULL) < 0 ||
        digest_parse(diff_id, &l.diff_id, NULL) < 0 || digest_parse(blob, &l.blob.digest, NULL) < 0)
        return -ENOENT;
    OWN_MEM char *there = blob_path(&l.blob.digest);
    struct stat st;
    if (!there || stat(there, &st) < 0 || (uint64_t)st.st_size != l.blob.bytes)
        return -ENOENT; /* no image needed it any more */
    *ret = l;
    return 0;
}

static int keep_made(const char *path, const struct layer_written *l, struct err *e)
{
    OWN(json_t)
    j = json_pack("{s:o, s:o, s:I}", "diff_id", json_sprintf("sha256:%s", l->diff_id.hex), "blob",
                  json_sprintf("sha256:%s", l->blob.digest.hex), "blob_bytes", (json_int_t)l->blob.bytes);
    return j ? json_store(path, j, e) : err_code(e, -ENOMEM, "image");
}

static int make_first(const struct image *i, const char *made, const char *scratch, layer_write_fn *write,
                      struct progress *p, struct layer_written *ret, struct err *e)
{
    OWN_LAYERS roots = {0};
    int rc = image_layers_get(i, &roots, e);
    if (rc < 0)
        return rc;
    progress_start(p, "packing its image", 0, PROGRESS_BYTES);
    rc = write_layer(roots.roots[0], scratch, write, p, ret, e);
    return rc < 0 ? rc : keep_made(made, ret, e);
}

static int from_disk(const struct image *i, const char *scratch, layer_write_fn *write, struct progress *p,
                     struct base *b, struct err *e)
{
    OWN_MEM char *dir = image_dir(i->name);
    OWN_MEM char *made = dir ? path_make("%s/base.json", dir) : NULL;
    struct layer_written first;
    b->config = new_config(i);
    if (!made || !b->config)
        return err_code(e, -ENOMEM, "image %s", i->name);
    if (load_made(made, &first) < 0) {
        int rc = make_first(i, made, scratch, write, p, &first, e);
        if (rc < 0)
            return rc;
    }
    return append(b, &first, e);
}

int base_get(const struct image *i, const char *scratch, layer_write_fn *write, struct progress *p,
             struct base *ret, struct err *e)
{
    OWN_BASE b = {0};
    int rc = i->nr_layers ? from_layers(i, &b, e) : from_disk(i, scratch, write, p, &b, e);
    if (rc < 0)
        return err_wrap(e, "image %s", i->name);
    *ret = b;
    b = (struct base){0};
    return 0;
}

/* ---- as blobs ---- */

static int store_text(const char *text, struct blob *ret, struct err *e)
{
    if (!text)
        return err_set(e, -EINVAL, "the image cannot be described");
    ret->bytes = strlen(text);
    if (ret->bytes > OCI_TEXT_MAX)
        return err_set(e, -E2BIG, "the image's description is larger than %d MiB", OCI_TEXT_MAX >> 20);
    return blob_store(text, ret->bytes, &ret->digest, e);
}

int base_store(const struct base *b, struct blob *ret, struct err *e)
{
    struct oci_manifest m = {.layers = b->layers, .nr_layers = b->nr_layers};
    OWN_MEM char *config = json_dumps(b->config, JSON_COMPACT);
    int rc = store_text(config, &m.config, e);
    if (rc < 0)
        return rc;
    OWN_MEM char *manifest = manifest_make(&m);
    return store_text(manifest, ret, e);
}
