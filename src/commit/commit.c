// SPDX-License-Identifier: GPL-2.0-or-later
/* commit: see commit.h. Source: OCI image-spec 1.1, config.md. */
#include "commit/commit.h"

#include "base/json.h"
#include "base/utc.h"
#include "store/image_oci.h"
#include "store/sweep.h"

static json_t *object(json_t *in, const char *key)
{
    json_t *o = json_object_get(in, key);
    if (!json_is_object(o))
        json_object_set_new(in, key, o = json_object());
    return o;
}

static json_t *list(json_t *in, const char *key)
{
    json_t *l = json_object_get(in, key);
    if (!json_is_array(l))
        json_object_set_new(in, key, l = json_array());
    return l;
}

static int describe(struct base *b, const struct commit *c, struct err *e)
{
    char now[UTC_SIZE];
    utc_now(now);
    json_t *note = json_pack("{s:s, s:s, s:s*, s:s*}", "created", now, "created_by", c->source, "comment",
                             c->message, "author", c->author);
    bool failed = json_object_set_new(b->config, "created", json_string(now)) < 0 ||
                  json_array_append_new(list(b->config, "history"), note) < 0;
    if (c->author)
        failed |= json_object_set_new(b->config, "author", json_string(c->author)) < 0;
    else
        json_object_del(b->config, "author");
    if (c->config)
        failed |= json_object_update(object(b->config, "config"), (json_t *)(uintptr_t)c->config) < 0;
    return failed ? err_set(e, -EINVAL, "the image cannot be described: message and author must be UTF-8")
                  : 0;
}

/* Of a container that had no overlay: all layers are one. */
static int forget_layers(struct base *b, struct err *e)
{
    b->nr_layers = 0;
    json_object_del(b->config, "history");
    return json_object_set_new(b->config, "rootfs", json_pack("{s:s, s:[]}", "type", "layers", "diff_ids")) <
                   0
               ? err_code(e, -ENOMEM, "image")
               : 0;
}

static int make(struct draft *d, const struct commit *c, struct progress *p, struct image **ret,
                struct err *e)
{
    OWN_FD held = -1;
    OWN_BASE b = {0};
    struct blob manifest;
    int rc = store_hold(&held, e);
    if (rc < 0 || (rc = base_get(c->image, d->dir, c->write, p, &b, e)) < 0 ||
        (c->whole && (rc = forget_layers(&b, e)) < 0))
        return rc;
    progress_start(p, "packing what has changed", 0, PROGRESS_BYTES);
    if ((rc = base_add_layer(&b, c->changes, d->dir, c->write, p, e)) < 0 || (rc = describe(&b, c, e)) < 0 ||
        (rc = base_store(&b, &manifest, e)) < 0)
        return rc;
    const struct image_oci o = {.manifest = manifest.digest, .source = c->source, .ref = d->name};
    return image_oci_finish(d, &o, p, ret, e);
}

int commit_image(struct draft *d, const struct commit *c, struct progress *p, struct image **ret,
                 struct err *e)
{
    int rc = make(d, c, p, ret, e);
    if (rc < 0)
        store_sweep();
    return rc;
}
