// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * config: see config.h. The top level, and the seccomp section cut out.
 *
 * A profile is most of the bytes of a usual config.json (Podman's has 434 system calls) and hardly ever
 * changes: its text is found by a scan that knows just brackets and strings, blanked out before the parser
 * sees it, and serves as it is as the key of the cache of compiled filters.
 */
#include "container/config.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "container/json_span.h"

#define CONFIG_MAX (16u << 20)

static json_t *parse_text(const char *text, size_t len, json_error_t *je)
{
    json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, je);
    /* RLIM_INFINITY as the Go programs write it is above what jansson calls an integer. */
    if (!j && json_error_code(je) == json_error_numeric_overflow)
        j = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, je);
    return j;
}

static void cut_seccomp(struct config *c)
{
    struct span s;
    if (!json_span_find(c->text, c->text_len, "linux", "seccomp", &s) || c->text[s.start] != '{')
        return;
    c->seccomp = c->text + s.start;
    c->seccomp_len = s.end - s.start;
}

/* What the parser is shown instead of the profile: as long, so that line numbers stay. */
static char *without_seccomp(struct config *c)
{
    if (!c->seccomp)
        return c->text;
    char *text = arena_alloc(&c->arena, c->text_len + 1), *hole = text + (c->seccomp - c->text);
    memcpy(text, c->text, c->text_len);
    for (size_t i = 0; i < c->seccomp_len; i++)
        if (hole[i] != '\n')
            hole[i] = ' ';
    hole[0] = '{';
    hole[c->seccomp_len - 1] = '}';
    return text;
}

json_t *config_document(const struct config *c)
{
    json_error_t je;
    return parse_text(c->text, c->text_len, &je);
}

static int parse_json(struct config *c, const char *what, struct err *e)
{
    json_error_t je;
    c->json = parse_text(without_seccomp(c), c->text_len, &je);
    if (!c->json)
        return err_set(e, -EINVAL, "%s: line %d: %s", what, je.line, je.text);
    return 0;
}

static void annotations(struct config *c, const struct field *root)
{
    struct field f = field_object(root, "annotations");
    const char *key;
    json_t *v;
    c->annotations = f.v;
    json_object_foreach(f.v, key, v) if (!json_is_string(v)) field_bad_key(&f, key, "not a string");
    else if (!*key) field_bad(&f, "has an empty key");
}

static void version(struct config *c, const struct field *root)
{
    int end = 0;
    c->oci_version = field_must_string(root, "ociVersion");
    (void)sscanf(c->oci_version, "1.%*[0-9].%*[0-9]%n", &end);
    if (*c->oci_version && (!end || (c->oci_version[end] && !strchr("-+", c->oci_version[end]))))
        field_bad_key(root, "ociVersion", "\"%s\" is not a version 1.x.y", c->oci_version);
}

static void top(struct config *c, const struct field *root)
{
    version(c, root);
    struct field r = field_object(root, "root");
    if (r.v) {
        c->root_path = field_must_string(&r, "path");
        c->root_readonly = field_bool(&r, "readonly", false);
    } else {
        field_bad_key(root, "root", "is missing");
    }
    c->hostname = field_string(root, "hostname");
    c->domainname = field_string(root, "domainname");
    struct field process = field_object(root, "process"), mounts = field_array(root, "mounts"),
                 hooks = field_object(root, "hooks"), linux_ = field_object(root, "linux");
    config_process(c, &process);
    config_linux(c, &linux_);
    config_mounts(c, &mounts);
    config_hooks(c, &hooks);
    annotations(c, root);
    config_vm(c, root);
}

int config_parse(char *text, size_t len, const char *what, struct config *c, struct err *e)
{
    c->text = text;
    c->text_len = len;
    cut_seccomp(c);
    int rc = parse_json(c, what, e);
    if (rc < 0)
        return rc;
    struct doc d = {.name = what, .arena = &c->arena, .e = e};
    struct field root = field_root(&d, c->json);
    top(c, &root);
    config_check(c, &root);
    return d.rc;
}

int config_load(const char *path, const char *what, struct config *c, struct err *e)
{
    OWN_MEM char *text = NULL;
    size_t len;
    int rc = file_read(path, CONFIG_MAX, &text, &len, e);
    return rc < 0 ? rc : config_parse(take(text), len, what, c, e);
}

void config_fini(struct config *c)
{
    json_decref(c->json);
    free(c->text);
    arena_fini(&c->arena);
}

/* ---- parts by themselves ---- */

static int load_part(const char *path, struct config *c, void (*part)(struct config *, const struct field *),
                     struct err *e)
{
    const char *file = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
    int rc = file_read(file, CONFIG_MAX, &c->text, &c->text_len, e);
    if (rc == 0)
        rc = parse_json(c, path, e);
    if (rc < 0)
        return rc;
    struct doc d = {.name = path, .arena = &c->arena, .e = e};
    struct field root = field_root(&d, c->json);
    part(c, &root);
    return d.rc;
}

int config_load_process(const char *path, struct config *c, struct err *e)
{
    return load_part(path, c, config_process, e);
}

int config_load_resources(const char *path, struct config *c, struct err *e)
{
    return load_part(path, c, config_resources, e);
}

int config_parse_resources(json_t *resources, struct config *c, struct err *e)
{
    c->json = json_incref(resources);
    struct doc d = {.name = "resources", .arena = &c->arena, .e = e};
    struct field root = field_root(&d, c->json);
    config_resources(c, &root);
    return d.rc;
}
