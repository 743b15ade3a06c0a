// SPDX-License-Identifier: GPL-2.0-or-later
/* image_oci: see image_oci.h. */
#include "store/image_oci.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/proc.h"
#include "base/utc.h"
#include "store/image_layers.h"
#include "store/oci_manifest.h"

#define ABOUT_MAX (1u << 20) /* what json_load takes */

struct making {
    struct draft *d;
    const struct image_oci *c;
    struct oci_manifest m;
    json_t *config; /* what image.json keeps of it */
    struct image_layer *layers;
};

static void making_fini(struct making *k)
{
    oci_manifest_fini(&k->m);
    json_decref(k->config);
    free(k->layers);
}

static int load_json(const struct digest *d, const char *what, json_t **ret, struct err *e)
{
    OWN_MEM char *text = NULL;
    size_t len;
    int rc = blob_load(d, OCI_TEXT_MAX, &text, &len, e);
    return rc < 0 ? rc : json_parse(text, len, what, ret, e);
}

static int load_config(struct making *k, struct err *e)
{
    OWN(json_t) config = NULL;
    OWN_MEM struct digest *ids = NULL;
    int rc = load_json(&k->m.config.digest, "configuration", &config, e);
    if (rc < 0 || (rc = oci_config_layers(config, k->m.nr_layers, &ids, e)) < 0 ||
        (rc = image_config_from_oci(config, &k->config, e)) < 0)
        return rc;
    k->layers = calloc(k->m.nr_layers, sizeof(*k->layers));
    if (!k->layers)
        return err_code(e, -ENOMEM, "layers");
    for (unsigned i = 0; i < k->m.nr_layers; i++)
        k->layers[i] = (struct image_layer){
            .blob = k->m.layers[i].digest, .blob_bytes = k->m.layers[i].bytes, .diff_id = ids[i]};
    return 0;
}

static int load(struct making *k, struct err *e)
{
    OWN(json_t) manifest = NULL;
    int rc = load_json(&k->c->manifest, "manifest", &manifest, e);
    if (rc < 0 || (rc = oci_manifest_parse(manifest, &k->m, e)) < 0 || (rc = load_config(k, e)) < 0)
        return err_wrap(e, "image %s", k->d->name);
    return 0;
}

/* ---- image.json ---- */

static json_t *named(const struct digest *d)
{
    return json_sprintf("sha256:%s", d->hex);
}

static json_t *describe_layers(const struct making *k)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < k->m.nr_layers; i++) {
        const struct image_layer *l = &k->layers[i];
        json_array_append_new(list, json_pack("{s:o, s:I, s:o, s:o, s:I, s:b, s:b}", "blob", named(&l->blob),
                                              "blob_bytes", (json_int_t)l->blob_bytes, "diff_id",
                                              named(&l->diff_id), "key", named(&l->layer.key), "bytes",
                                              (json_int_t)l->layer.bytes, "opaque", l->layer.opaque, "dotted",
                                              l->layer.dotted));
    }
    return list;
}

static int commit(const struct making *k, struct err *e)
{
    char created[UTC_SIZE];
    utc_now(created);
    OWN(json_t)
    about = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:O, s:o}", "name", k->d->name, "kind", "layers",
                      "created", created, "source", k->c->source, "ref", k->c->ref, "manifest",
                      named(&k->c->manifest), "config_blob", named(&k->m.config.digest), "config", k->config,
                      "layers", describe_layers(k));
    OWN_MEM char *text = about ? json_dumps(about, JSON_INDENT(2)) : NULL;
    if (!text)
        return err_set(e, -ENOMEM, "image %s: cannot be described", k->d->name);
    if (strlen(text) >= ABOUT_MAX)
        return err_set(e, -E2BIG, "image %s: its configuration is larger than 1 MiB", k->d->name);
    if (interrupt_pending())
        return err_set(e, -EINTR, "image %s: interrupted", k->d->name);
    return draft_commit(k->d, about, e);
}

int image_oci_finish(struct draft *d, const struct image_oci *c, struct progress *p, struct image **ret,
                     struct err *e)
{
    __attribute__((cleanup(making_fini))) struct making k = {.d = d, .c = c};
    int rc = load(&k, e);
    if (rc == 0)
        rc = image_make_layers(d->name, k.layers, k.m.nr_layers, p, e);
    progress_done(p);
    if (rc < 0 || (rc = commit(&k, e)) < 0)
        return rc;
    return image_open(d->name, ret, e);
}
