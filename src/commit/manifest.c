// SPDX-License-Identifier: GPL-2.0-or-later
/* manifest: see manifest.h. */
#include "commit/manifest.h"

#include <fcntl.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"

#define TYPE_CONFIG "application/vnd.oci.image.config.v1+json"
#define TYPE_LAYER  "application/vnd.oci.image.layer.v1.tar"

/* By its first bytes. Source: RFC 1952, 2.3.1; RFC 8878, 3.1.1. */
static const char *type_of(const struct digest *d)
{
    static const struct {
        unsigned char magic[4];
        size_t len;
        const char *type;
    } known[] = {{{0x1f, 0x8b}, 2, TYPE_LAYER "+gzip"}, {{0x28, 0xb5, 0x2f, 0xfd}, 4, TYPE_LAYER "+zstd"}};
    OWN_MEM char *path = blob_path(d);
    OWN_FD fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    unsigned char start[4] = {0};
    if (fd < 0 || read(fd, start, sizeof(start)) < 0)
        return NULL;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (memcmp(start, known[i].magic, known[i].len) == 0)
            return known[i].type;
    return TYPE_LAYER;
}

static json_t *descriptor(const char *type, const struct blob *b)
{
    return json_pack("{s:s, s:o, s:I}", "mediaType", type, "digest", json_sprintf("sha256:%s", b->digest.hex),
                     "size", (json_int_t)b->bytes);
}

char *manifest_make(const struct oci_manifest *m)
{
    json_t *layers = json_array();
    OWN(json_t)
    j = json_pack("{s:i, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType", TYPE_MANIFEST, "config",
                  descriptor(TYPE_CONFIG, &m->config), "layers", layers);
    for (unsigned i = 0; j && i < m->nr_layers; i++) {
        const char *type = type_of(&m->layers[i].digest);
        if (!type || json_array_append_new(layers, descriptor(type, &m->layers[i])) < 0)
            return NULL;
    }
    return j ? json_dumps(j, JSON_COMPACT) : NULL;
}
