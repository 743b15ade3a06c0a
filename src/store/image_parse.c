// SPDX-License-Identifier: GPL-2.0-or-later
/* image_parse: see image_parse.h. It may have been written by anybody: every value is checked. */
#include "store/image_parse.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "store/oci_manifest.h"

/* Keep a copy; false: out of memory. NULL stays NULL. */
static bool keep(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return !text || *to;
}

static int set_paths(struct image *i, const char *dir, bool kernel, bool modules, struct err *e)
{
    i->path_disk = path_make("%s/disk.raw", dir);
    i->path_kernel = kernel ? path_make("%s/vmlinuz", dir) : NULL;
    i->path_modules = modules ? path_make("%s/modules", dir) : NULL;
    const char *paths[] = {i->path_disk, kernel ? i->path_kernel : dir, modules ? i->path_modules : dir};
    for (unsigned n = 0; n < 3; n++)
        if (!paths[n])
            return err_code(e, -ENOMEM, "image %s", i->name);
        else if (access(paths[n], R_OK) < 0)
            return err_sys(e, "%s", paths[n]);
    struct stat st;
    if (stat(i->path_disk, &st) < 0 || (uint64_t)st.st_size < i->disk_bytes)
        return err_set(e, -EINVAL, "%s: truncated", i->path_disk);
    return 0;
}

/* What machines need, which is in the folder. */
static int parse_machine(struct image *i, const json_t *j, const char *dir, struct err *e)
{
    const char *fs, *root, *init, *kernel, *version, *modules, *cmdline;
    json_t *disk;
    int rc;
    if ((rc = json_get_object(j, "disk", &disk, e)) < 0 ||
        (rc = json_get_uint(disk, "bytes", 0, INT64_MAX, &i->disk_bytes, e)) < 0 ||
        (rc = json_opt_string(disk, "fs", NULL, &fs, e)) < 0 ||
        (rc = json_opt_string(j, "root", "/dev/vda", &root, e)) < 0 ||
        (rc = json_opt_string(j, "init", "agent", &init, e)) < 0 ||
        (rc = json_opt_string(j, "kernel", NULL, &kernel, e)) < 0 ||
        (rc = json_opt_string(j, "kernel_version", NULL, &version, e)) < 0 ||
        (rc = json_opt_string(j, "modules", NULL, &modules, e)) < 0 ||
        (rc = json_opt_string(j, "cmdline", "", &cmdline, e)) < 0)
        return rc;
    i->own_init = strcmp(init, "image") == 0;
    if (!keep(&i->fs, fs) || !keep(&i->root_device, root) || !keep(&i->kernel_version, version) ||
        !keep(&i->cmdline, cmdline))
        return err_code(e, -ENOMEM, "image");
    return set_paths(i, dir, kernel, modules, e);
}

/* ---- of layers ---- */

static int parse_digest(const json_t *j, const char *key, struct digest *ret, struct err *e)
{
    const char *text;
    int rc = json_get_string(j, key, &text, e);
    return rc < 0 ? rc : digest_parse(text, ret, e);
}

static int parse_layer(const json_t *j, struct image_layer *l, struct err *e)
{
    int rc;
    if ((rc = parse_digest(j, "blob", &l->blob, e)) < 0 ||
        (rc = parse_digest(j, "diff_id", &l->diff_id, e)) < 0 ||
        (rc = parse_digest(j, "key", &l->layer.key, e)) < 0 ||
        (rc = json_get_uint(j, "blob_bytes", 0, INT64_MAX, &l->blob_bytes, e)) < 0 ||
        (rc = json_get_uint(j, "bytes", 0, INT64_MAX, &l->layer.bytes, e)) < 0)
        return rc;
    rc = json_opt_bool(j, "opaque", false, &l->layer.opaque, e);
    return rc < 0 ? rc : json_opt_bool(j, "dotted", false, &l->layer.dotted, e);
}

static int parse_layers(struct image *i, const json_t *j, struct err *e)
{
    json_t *list;
    int rc;
    if ((rc = parse_digest(j, "manifest", &i->manifest, e)) < 0 ||
        (rc = parse_digest(j, "config_blob", &i->config_blob, e)) < 0 ||
        (rc = json_get_array(j, "layers", &list, e)) < 0)
        return rc;
    size_t nr = json_array_size(list);
    i->layers = calloc(nr + 1, sizeof(*i->layers));
    if (!i->layers || nr > OCI_LAYERS_MAX)
        return i->layers ? err_set(e, -EINVAL, "%zu layers", nr) : err_code(e, -ENOMEM, "image");
    for (; i->nr_layers < nr; i->nr_layers++)
        if ((rc = parse_layer(json_array_get(list, i->nr_layers), &i->layers[i->nr_layers], e)) < 0)
            return rc;
    return nr ? 0 : err_set(e, -EINVAL, "no layers");
}

/* Its disk may have been made or not. */
static int load_machine(struct image *i, const char *dir, struct err *e)
{
    OWN_MEM char *machine = path_make("%s/machine", dir), *about = path_make("%s/machine/machine.json", dir);
    OWN(json_t) j = NULL;
    if (!machine || !about)
        return err_code(e, -ENOMEM, "image");
    if (access(about, F_OK) < 0)
        return 0;
    int rc = json_load(about, &j, e);
    return rc < 0 ? rc : parse_machine(i, j, machine, e);
}

/* ---- all of it ---- */

int image_parse(struct image *i, const char *dir, struct err *e)
{
    const json_t *j = i->about;
    const char *source, *created, *ref;
    int rc;
    if ((rc = json_get_string(j, "source", &source, e)) < 0 ||
        (rc = json_get_string(j, "created", &created, e)) < 0 ||
        (rc = json_opt_string(j, "ref", NULL, &ref, e)) < 0 ||
        (rc = image_config_parse(json_object_get(j, "config"), &i->config, e)) < 0)
        return rc;
    if (!keep(&i->source, source) || !keep(&i->created, created) || !keep(&i->ref, ref))
        return err_code(e, -ENOMEM, "image");
    if (!json_object_get(j, "layers"))
        return parse_machine(i, j, dir, e);
    rc = parse_layers(i, j, e);
    return rc < 0 ? rc : load_machine(i, dir, e);
}
