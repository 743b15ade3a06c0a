// SPDX-License-Identifier: GPL-2.0-or-later
/* image_config: see image_config.h. */
#include "store/image_config.h"

#include <string.h>

#include "base/json.h"
#include "base/json_strings.h"

#define LIST_MAX 1024

void image_config_fini(struct image_config *c)
{
    free(c->entrypoint);
    free(c->command);
    free(c->environment);
    free(c->ports);
    free(c->volumes);
    *c = (struct image_config){0};
}

static int parse(const json_t *j, struct image_config *c, struct err *e)
{
    int rc;
    if ((rc = strings_parse(j, "entrypoint", LIST_MAX, &c->entrypoint, e)) < 0 ||
        (rc = strings_parse(j, "command", LIST_MAX, &c->command, e)) < 0 ||
        (rc = strings_parse(j, "environment", LIST_MAX, &c->environment, e)) < 0 ||
        (rc = strings_parse(j, "ports", LIST_MAX, &c->ports, e)) < 0 ||
        (rc = strings_parse(j, "volumes", LIST_MAX, &c->volumes, e)) < 0 ||
        (rc = json_opt_string(j, "directory", NULL, &c->directory, e)) < 0 ||
        (rc = json_opt_string(j, "user", NULL, &c->user, e)) < 0)
        return rc;
    return json_opt_string(j, "stop_signal", NULL, &c->stop_signal, e);
}

int image_config_parse(const json_t *j, struct image_config *ret, struct err *e)
{
    struct image_config c = {0};
    int rc = j ? parse(j, &c, e) : 0;
    if (rc < 0) {
        image_config_fini(&c);
        return rc;
    }
    *ret = c;
    return 0;
}

/* ---- from OCI ---- */

/* The strings of a list; assignments: only those that are NAME=VALUE, as no program gets another. */
static int copy_list(const json_t *from, const char *key, json_t *to, const char *as, bool assignments,
                     struct err *e)
{
    OWN_MEM const char **list = NULL;
    int rc = strings_parse(from, key, LIST_MAX, &list, e);
    if (rc < 0 || !list)
        return rc;
    json_t *copy = json_array();
    for (const char **s = list; *s; s++)
        if (!assignments || strchr(*s, '=') > *s)
            json_array_append_new(copy, json_string(*s));
    return json_object_set_new(to, as, copy) < 0 ? err_code(e, -ENOMEM, "\"%s\"", key) : 0;
}

/* The names of {"80/tcp": {}, ...}. */
static int copy_names(const json_t *from, const char *key, json_t *to, const char *as, struct err *e)
{
    json_t *set = json_object_get(from, key), *copy;
    const char *name;
    json_t *value;
    if (!set || json_is_null(set))
        return 0;
    if (!json_is_object(set) || json_object_size(set) > LIST_MAX)
        return err_set(e, -EINVAL, "\"%s\" is not an object of at most %d names", key, LIST_MAX);
    copy = json_array();
    json_object_foreach(set, name, value) json_array_append_new(copy, json_string(name));
    return json_object_set_new(to, as, copy) < 0 ? err_code(e, -ENOMEM, "\"%s\"", key) : 0;
}

static int copy_text(const json_t *from, const char *key, json_t *to, const char *as, struct err *e)
{
    const char *text;
    int rc = json_opt_string(from, key, "", &text, e);
    if (rc < 0 || !*text)
        return rc;
    return json_object_set_new(to, as, json_string(text)) < 0 ? err_code(e, -ENOMEM, "\"%s\"", key) : 0;
}

static int copy_labels(const json_t *from, json_t *to, struct err *e)
{
    json_t *labels = json_object_get(from, "Labels"), *value;
    const char *name;
    if (!labels || json_is_null(labels))
        return 0;
    if (!json_is_object(labels))
        return err_set(e, -EINVAL, "\"Labels\" is not an object");
    json_object_foreach(labels, name, value)
    {
        if (!json_is_string(value))
            return err_set(e, -EINVAL, "\"Labels\" holds something else than strings");
    }
    return json_object_set(to, "labels", labels) < 0 ? err_code(e, -ENOMEM, "\"Labels\"") : 0;
}

/* A folder that is no path from the root is one nevertheless. */
static int fix_directory(json_t *to, struct err *e)
{
    const char *text = json_string_value(json_object_get(to, "directory"));
    if (!text || *text == '/')
        return 0;
    return json_object_set_new(to, "directory", json_sprintf("/%s", text)) < 0
               ? err_code(e, -ENOMEM, "\"WorkingDir\"")
               : 0;
}

int image_config_from_oci(const json_t *oci, json_t **ret, struct err *e)
{
    const json_t *from = json_object_get(oci, "config");
    OWN(json_t) to = json_object();
    int rc;
    if (from && !json_is_null(from) && !json_is_object(from))
        return err_set(e, -EINVAL, "\"config\" is not an object");
    if ((rc = copy_list(from, "Entrypoint", to, "entrypoint", false, e)) < 0 ||
        (rc = copy_list(from, "Cmd", to, "command", false, e)) < 0 ||
        (rc = copy_list(from, "Env", to, "environment", true, e)) < 0 ||
        (rc = copy_names(from, "ExposedPorts", to, "ports", e)) < 0 ||
        (rc = copy_names(from, "Volumes", to, "volumes", e)) < 0 ||
        (rc = copy_text(from, "WorkingDir", to, "directory", e)) < 0 ||
        (rc = copy_text(from, "User", to, "user", e)) < 0 ||
        (rc = copy_text(from, "StopSignal", to, "stop_signal", e)) < 0 ||
        (rc = copy_labels(from, to, e)) < 0 || (rc = fix_directory(to, e)) < 0)
        return rc;
    *ret = take(to);
    return 0;
}
