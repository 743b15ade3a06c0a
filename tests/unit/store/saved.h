// SPDX-License-Identifier: GPL-2.0-or-later
/* saved: an OCI layout of layers made by hand, in the folder "saved" of the place. */
#pragma once

#include <jansson.h>

#include "place.h"
#include "store/digest.h"
#include "tar.h"

#define SAVED_MAX 16

struct saved {
    struct digest blobs[SAVED_MAX], diff_ids[SAVED_MAX];
    size_t bytes[SAVED_MAX];
    unsigned nr;
};

static inline struct digest saved_blob(const void *data, size_t len)
{
    struct digest d;
    char path[128];
    assert_int_equal(digest_of(data, len, &d), 0);
    snprintf(path, sizeof(path), "saved/blobs/sha256/%s", d.hex);
    put(path, data, len);
    return d;
}

static inline void saved_begin(struct place *p)
{
    sh(p, "rm -rf saved; mkdir -p saved/blobs/sha256; echo '{\"imageLayoutVersion\":\"1.0.0\"}' "
          ">saved/oci-layout");
}

/* One more layer: bytes of a tar, stored as they are. */
static inline void saved_layer(struct saved *s, const struct buf *tar)
{
    s->blobs[s->nr] = saved_blob(tar->mem + tar->head, tar->len);
    s->diff_ids[s->nr] = s->blobs[s->nr];
    s->bytes[s->nr++] = tar->len;
}

static inline void saved_entries(struct saved *s, const struct tar_entry *entries)
{
    OWN_BUF b = {0};
    tar_make(&b, entries);
    saved_layer(s, &b);
}

static inline json_t *saved_descriptor(const struct digest *d, size_t bytes)
{
    return json_pack("{s:o, s:I}", "digest", json_sprintf("sha256:%s", d->hex), "size", (json_int_t)bytes);
}

static inline json_t *saved_json(json_t *j)
{
    OWN_MEM char *text = json_dumps(j, JSON_COMPACT);
    struct digest d = saved_blob(text, strlen(text));
    json_decref(j);
    return saved_descriptor(&d, strlen(text));
}

/* Configuration, manifest and index over the layers; config: the "config" of the configuration, or NULL. */
static inline void saved_end(const struct saved *s, const char *config)
{
    json_t *ids = json_array(), *layers = json_array();
    for (unsigned i = 0; i < s->nr; i++) {
        json_array_append_new(ids, json_sprintf("sha256:%s", s->diff_ids[i].hex));
        json_array_append_new(layers, saved_descriptor(&s->blobs[i], s->bytes[i]));
    }
    json_t *said = json_loads(config ? config : "{}", 0, NULL);
    json_t *c = saved_json(json_pack("{s:s, s:s, s:o, s:{s:s, s:o}}", "os", "linux", "architecture", "amd64",
                                     "config", said, "rootfs", "type", "layers", "diff_ids", ids));
    json_t *m = saved_json(json_pack("{s:i, s:o, s:o}", "schemaVersion", 2, "config", c, "layers", layers));
    json_t *index = json_pack("{s:i, s:[o]}", "schemaVersion", 2, "manifests", m);
    OWN_MEM char *text = json_dumps(index, JSON_COMPACT);
    put("saved/index.json", text, strlen(text));
    json_decref(index);
}
