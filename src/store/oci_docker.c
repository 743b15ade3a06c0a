// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oci_docker: Docker's archive: a list of images, each with a configuration and plain layers, without digests
 * but the ones in the configuration. It gets a manifest like others have.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "store/oci_source_impl.h"

/* ---- which one ---- */

static const char *first_ref(const json_t *image)
{
    return json_string_value(json_array_get(json_object_get(image, "RepoTags"), 0));
}

static const char *ref_with(const json_t *image, const char *tag)
{
    size_t i;
    const json_t *ref;
    json_array_foreach(json_object_get(image, "RepoTags"), i, ref)
    {
        const char *text = json_string_value(ref);
        if (text && (strcmp(text, tag) == 0 || strcmp(oci_tag(text), tag) == 0))
            return text;
    }
    return NULL;
}

static int choose(const struct oci_source *s, const json_t *list, const json_t **ret, const char **ret_ref,
                  struct err *e)
{
    size_t i;
    const json_t *image;
    json_array_foreach(list, i, image) if (s->tag && (*ret_ref = ref_with(image, s->tag)))
    {
        *ret = image;
        return 0;
    }
    if (s->tag)
        return err_set(e, -ENOENT, "%s: nothing tagged %.80s in it", s->what, s->tag);
    if (json_array_size(list) != 1)
        return err_set(e, -EINVAL, "%s: %zu images in it; say --tag", s->what, json_array_size(list));
    *ret = json_array_get(list, 0);
    *ret_ref = first_ref(*ret);
    return 0;
}

/* ---- its files ---- */

static int sum_of(const struct oci_source *s, const char *path, struct blob *ret, struct err *e)
{
    OWN_FD fd = oci_file_open(s, path);
    return fd < 0 ? err_code(e, fd, "%s: %.200s", s->what, path) : blob_sum(fd, path, ret, e);
}

static int take_file(const struct oci_source *s, const char *path, const struct blob *b, struct progress *p,
                     struct err *e)
{
    OWN_MEM char *what = path_make("%s: %.200s", s->what, path);
    OWN_FD fd = oci_file_open(s, path);
    if (!what || fd < 0)
        return err_code(e, what ? fd : -ENOMEM, "%s", what ? what : s->what);
    return blob_take(fd, s->ours, b, what, p, e);
}

/* Configurations are called by their digest: HEX.json, blobs/sha256/HEX. */
static int check_name(const struct oci_source *s, const char *path, const struct blob *b, struct err *e)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t hex = strspn(name, "0123456789abcdef");
    if (hex != DIGEST_HEX || strncmp(name, b->digest.hex, DIGEST_HEX) == 0)
        return 0;
    return err_set(e, -EINVAL, "%s: %.200s: its content has the digest sha256:%.16s...", s->what, path,
                   b->digest.hex);
}

static int take_layers(const struct oci_source *s, const json_t *paths, struct oci_manifest *m,
                       struct progress *p, struct err *e)
{
    size_t nr = json_array_size(paths);
    if (nr == 0 || nr > OCI_LAYERS_MAX)
        return err_set(e, -EINVAL, "%s: %zu layers: between 1 and %d are possible", s->what, nr,
                       OCI_LAYERS_MAX);
    m->layers = calloc(nr, sizeof(*m->layers));
    if (!m->layers)
        return err_code(e, -ENOMEM, "%s", s->what);
    for (; m->nr_layers < nr; m->nr_layers++) {
        const char *path = json_string_value(json_array_get(paths, m->nr_layers));
        struct blob *b = &m->layers[m->nr_layers];
        int rc = path ? sum_of(s, path, b, e)
                      : err_set(e, -EINVAL, "%s: \"Layers\" is not an array of strings", s->what);
        if (rc < 0 || (rc = take_file(s, path, b, p, e)) < 0)
            return rc;
    }
    return 0;
}

static int take_image(const struct oci_source *s, const json_t *image, struct progress *p, struct digest *ret,
                      struct err *e)
{
    OWN_MANIFEST m = {0};
    const char *config;
    json_t *layers;
    int rc;
    if (!json_is_object(image))
        return err_set(e, -EINVAL, "%s: manifest.json is no list of images", s->what);
    if ((rc = json_get_string(image, "Config", &config, e)) < 0 ||
        (rc = json_get_array(image, "Layers", &layers, e)) < 0)
        return err_wrap(e, "%s: manifest.json", s->what);
    progress_start(p, "reading layers", 0, PROGRESS_BYTES);
    if ((rc = sum_of(s, config, &m.config, e)) < 0 || (rc = check_name(s, config, &m.config, e)) < 0 ||
        (rc = take_file(s, config, &m.config, p, e)) < 0 || (rc = take_layers(s, layers, &m, p, e)) < 0)
        return rc;
    OWN_MEM char *text = oci_manifest_make(&m);
    return text ? blob_store(text, strlen(text), ret, e) : err_code(e, -ENOMEM, "%s", s->what);
}

int oci_docker_take(const struct oci_source *s, const json_t *list, struct progress *p, struct digest *ret,
                    char **ret_ref, struct err *e)
{
    const json_t *image;
    const char *ref = NULL;
    int rc = choose(s, list, &image, &ref, e);
    if (rc < 0)
        return rc;
    if (ref && !(*ret_ref = strdup(ref)))
        return err_code(e, -ENOMEM, "%s", s->what);
    return take_image(s, image, p, ret, e);
}
