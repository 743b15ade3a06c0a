// SPDX-License-Identifier: GPL-2.0-or-later
/* oci_manifest: see oci_manifest.h. */
#include "store/oci_manifest.h"

#include <string.h>

#include "base/json.h"

#define TYPE_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define TYPE_CONFIG   "application/vnd.oci.image.config.v1+json"
#define TYPE_LAYER    "application/vnd.oci.image.layer.v1.tar"

void oci_manifest_fini(struct oci_manifest *m)
{
    free(m->layers);
    m->layers = NULL;
}

/* ---- descriptors ---- */

static int parse_descriptor(const json_t *j, struct blob *ret, struct err *e)
{
    const char *digest;
    int rc;
    if (!json_is_object(j))
        return err_set(e, -EINVAL, "a descriptor is not an object");
    if ((rc = json_get_string(j, "digest", &digest, e)) < 0 ||
        (rc = json_get_uint(j, "size", 0, INT64_MAX, &ret->bytes, e)) < 0)
        return rc;
    return digest_parse(digest, &ret->digest, e);
}

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

/* ---- manifests ---- */

static int check_config_type(const json_t *config, struct err *e)
{
    static const char *const known[] = {"", TYPE_CONFIG, "application/vnd.docker.container.image.v1+json"};
    const char *type = text_of(config, "mediaType");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(type, known[i]) == 0)
            return 0;
    return err_set(e, -EOPNOTSUPP, "no container image, but an artifact of type %.100s", type);
}

static int parse_layers(const json_t *list, struct oci_manifest *m, struct err *e)
{
    size_t nr = json_array_size(list);
    if (nr == 0 || nr > OCI_LAYERS_MAX)
        return err_set(e, -EINVAL, "%zu layers: between 1 and %d are possible", nr, OCI_LAYERS_MAX);
    m->layers = calloc(nr, sizeof(*m->layers));
    if (!m->layers)
        return err_code(e, -ENOMEM, "layers");
    for (; m->nr_layers < nr; m->nr_layers++) {
        const json_t *layer = json_array_get(list, m->nr_layers);
        if (strstr(text_of(layer, "mediaType"), "+encrypted"))
            return err_set(e, -EOPNOTSUPP, "layer %u is encrypted", m->nr_layers + 1);
        int rc = parse_descriptor(layer, &m->layers[m->nr_layers], e);
        if (rc < 0)
            return err_wrap(e, "layer %u", m->nr_layers + 1);
    }
    return 0;
}

int oci_manifest_parse(const json_t *j, struct oci_manifest *ret, struct err *e)
{
    OWN_MANIFEST m = {0};
    json_t *config, *layers;
    uint64_t version;
    int rc;
    if ((rc = json_get_uint(j, "schemaVersion", 0, INT64_MAX, &version, e)) < 0)
        return rc;
    if (version == 1)
        return err_set(e, -EOPNOTSUPP, "a manifest of the old schema 1");
    if ((rc = json_get_object(j, "config", &config, e)) < 0 || (rc = check_config_type(config, e)) < 0 ||
        (rc = parse_descriptor(config, &m.config, e)) < 0 ||
        (rc = json_get_array(j, "layers", &layers, e)) < 0 || (rc = parse_layers(layers, &m, e)) < 0)
        return rc;
    *ret = m;
    m.layers = NULL;
    return 0;
}

static json_t *descriptor(const char *type, const struct blob *b)
{
    return json_pack("{s:s, s:o, s:I}", "mediaType", type, "digest", json_sprintf("sha256:%s", b->digest.hex),
                     "size", (json_int_t)b->bytes);
}

/* What the layers are compressed with is told by their content. */
char *oci_manifest_make(const struct oci_manifest *m)
{
    json_t *layers = json_array();
    for (unsigned i = 0; i < m->nr_layers; i++)
        json_array_append_new(layers, descriptor(TYPE_LAYER, &m->layers[i]));
    OWN(json_t)
    j = json_pack("{s:i, s:s, s:o, s:o}", "schemaVersion", 2, "mediaType", TYPE_MANIFEST, "config",
                  descriptor(TYPE_CONFIG, &m->config), "layers", layers);
    return j ? json_dumps(j, JSON_COMPACT) : NULL;
}

/* ---- indexes ---- */

bool oci_is_index(const json_t *j)
{
    return json_is_array(json_object_get(j, "manifests"));
}

static bool fits(const json_t *entry)
{
    const json_t *platform = json_object_get(entry, "platform");
    return !json_is_object(platform) || (strcmp(text_of(platform, "os"), "linux") == 0 &&
                                         strcmp(text_of(platform, "architecture"), "amd64") == 0);
}

static const char *ref_of(const json_t *entry)
{
    const json_t *notes = json_object_get(entry, "annotations");
    const char *ref = text_of(notes, "org.opencontainers.image.ref.name");
    return *ref ? ref : text_of(notes, "io.containerd.image.name");
}

const char *oci_tag(const char *ref)
{
    const char *slash = strrchr(ref, '/'), *colon = strrchr(slash ? slash : ref, ':');
    return colon ? colon + 1 : ref;
}

static bool called(const char *ref, const char *tag)
{
    return *ref && (strcmp(ref, tag) == 0 || strcmp(oci_tag(ref), tag) == 0);
}

/* What there would have been: "a, b, c". */
static void list_entries(const json_t *all, bool platforms, char *text, size_t size)
{
    size_t i, at = 0;
    const json_t *entry;
    text[0] = 0;
    json_array_foreach(all, i, entry)
    {
        const json_t *platform = json_object_get(entry, "platform");
        const char *sep = at ? ", " : "", *ref = ref_of(entry);
        int n = platforms ? snprintf(text + at, size - at, "%s%.40s/%.40s", sep, text_of(platform, "os"),
                                     text_of(platform, "architecture"))
                          : snprintf(text + at, size - at, "%s%.100s", sep, *ref ? ref : "one without a tag");
        if (n < 0 || (size_t)n >= size - at)
            return;
        at += (size_t)n;
    }
}

static int none_such(const json_t *all, const char *tag, struct err *e)
{
    char text[300];
    bool platforms = !tag || json_array_size(all) == 0;
    list_entries(all, platforms, text, sizeof(text));
    if (platforms)
        return err_set(e, -ENOENT, "nothing for linux/amd64 in it (there are: %s)", *text ? text : "none");
    return err_set(e, -ENOENT, "nothing tagged %.80s in it (there are: %s)", tag, text);
}

static int too_many(const json_t *all, struct err *e)
{
    char text[300];
    list_entries(all, false, text, sizeof(text));
    return err_set(e, -EINVAL, "more than one image in it; say --tag: %s", text);
}

/* The first that fits counts, unless others of it have other names. *ret: NULL: none. */
static int choose(const json_t *all, const char *tag, const json_t **ret, struct err *e)
{
    size_t i;
    const json_t *entry, *found = NULL;
    json_array_foreach(all, i, entry)
    {
        if (!fits(entry) || (tag && !called(ref_of(entry), tag)))
            continue;
        if (found && strcmp(ref_of(found), ref_of(entry)) != 0)
            return tag                                             ? too_many(all, e)
                   : choose(all, "latest", ret, NULL) < 0 || !*ret ? too_many(all, e)
                                                                   : 0;
        found = found ? found : entry;
    }
    *ret = found;
    return 0;
}

int oci_index_choose(const json_t *j, const char *tag, struct blob *ret, const char **ret_ref, struct err *e)
{
    const json_t *all = json_object_get(j, "manifests"), *found = NULL;
    int rc = choose(all, tag, &found, e);
    if (rc < 0)
        return rc;
    if (!found)
        return none_such(all, tag, e);
    *ret_ref = *ref_of(found) ? ref_of(found) : NULL;
    return parse_descriptor(found, ret, e);
}

/* ---- configurations ---- */

static int check_platform(const json_t *j, struct err *e)
{
    const char *os = text_of(j, "os"), *arch = text_of(j, "architecture");
    if ((!*os || strcmp(os, "linux") == 0) &&
        (!*arch || strcmp(arch, "amd64") == 0 || strcmp(arch, "386") == 0))
        return 0;
    return err_set(e, -EINVAL, "its programs are for %.40s/%.40s, not for linux/amd64", os, arch);
}

int oci_config_layers(const json_t *j, unsigned nr, struct digest **ret, struct err *e)
{
    json_t *rootfs, *ids;
    int rc = check_platform(j, e);
    if (rc < 0 || (rc = json_get_object(j, "rootfs", &rootfs, e)) < 0 ||
        (rc = json_get_array(rootfs, "diff_ids", &ids, e)) < 0)
        return rc;
    if (json_array_size(ids) != nr)
        return err_set(e, -EINVAL, "\"diff_ids\" names %zu layers, the manifest %u", json_array_size(ids),
                       nr);
    OWN_MEM struct digest *list = calloc(nr, sizeof(*list));
    if (!list)
        return err_code(e, -ENOMEM, "layers");
    for (unsigned i = 0; i < nr; i++) {
        const char *text = json_string_value(json_array_get(ids, i));
        if (!text)
            return err_set(e, -EINVAL, "\"diff_ids\" is not an array of strings");
        if ((rc = digest_parse(text, &list[i], e)) < 0)
            return err_wrap(e, "\"diff_ids\"");
    }
    *ret = take(list);
    return 0;
}
