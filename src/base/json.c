// SPDX-License-Identifier: GPL-2.0-or-later
/* json: see json.h. */
#include "base/json.h"

#include <string.h>
#include <sys/auxv.h>

#include "base/file.h"

#define FILE_MAX (1u << 20)

void json_seed(void)
{
    size_t random[2]; /* libc's guards are made of them: neither is used as it is */
    memcpy(random, (const void *)getauxval(AT_RANDOM), sizeof(random));
    json_object_seed(random[0] ^ random[1]);
}

int json_parse(const char *text, size_t len, const char *what, json_t **ret, struct err *e)
{
    json_error_t je;
    OWN(json_t) j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
    if (!j)
        return err_set(e, -EINVAL, "%s: line %d: %s", what, je.line, je.text);
    if (!json_is_object(j))
        return err_set(e, -EINVAL, "%s: not a JSON object", what);
    *ret = take(j);
    return 0;
}

int json_load(const char *path, json_t **ret, struct err *e)
{
    OWN_MEM char *text = NULL;
    size_t len;
    int rc = file_read(path, FILE_MAX, &text, &len, e);
    return rc < 0 ? rc : json_parse(text, len, path, ret, e);
}

int json_store(const char *path, const json_t *j, struct err *e)
{
    OWN_MEM char *text = json_dumps(j, JSON_INDENT(2));
    OWN_MEM char *line = text ? path_make("%s\n", text) : NULL;
    if (!line)
        return err_code(e, -ENOMEM, "write %s", path);
    return file_write_atomic(path, line, strlen(line), 0644, e);
}

/* ---- fields ---- */

/* The field if it is there and of the type; NULL with an error, or (optional) without one. */
static int field(const json_t *o, const char *key, bool optional, bool right_type(const json_t *),
                 const char *type, json_t **ret, struct err *e)
{
    json_t *v = json_object_get(o, key);
    *ret = NULL;
    if (optional && (!v || json_is_null(v)))
        return 0;
    if (!v)
        return err_set(e, -EINVAL, "\"%s\" is missing", key);
    if (!right_type(v))
        return err_set(e, -EINVAL, "\"%s\" is not %s", key, type);
    *ret = v;
    return 0;
}

static bool is_string(const json_t *v)
{
    return json_is_string(v); /* without a 0 byte inside: the parser refuses those */
}

static bool is_uint(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool is_bool(const json_t *v)
{
    return json_is_boolean(v);
}

static bool is_object(const json_t *v)
{
    return json_is_object(v);
}

static bool is_array(const json_t *v)
{
    return json_is_array(v);
}

static int string_field(const json_t *o, const char *key, bool optional, const char *dflt, const char **ret,
                        struct err *e)
{
    json_t *v;
    int rc = field(o, key, optional, is_string, "a string", &v, e);
    if (rc == 0)
        *ret = v ? json_string_value(v) : dflt;
    return rc;
}

static int uint_field(const json_t *o, const char *key, bool optional, uint64_t dflt, uint64_t min,
                      uint64_t max, uint64_t *ret, struct err *e)
{
    json_t *v;
    int rc = field(o, key, optional, is_uint, "a whole number from 0", &v, e);
    if (rc < 0)
        return rc;
    uint64_t n = v ? (uint64_t)json_integer_value(v) : dflt;
    if (v && (n < min || n > max))
        return err_set(e, -EINVAL, "\"%s\" is %llu, not from %llu to %llu", key, (unsigned long long)n,
                       (unsigned long long)min, (unsigned long long)max);
    *ret = n;
    return 0;
}

static int bool_field(const json_t *o, const char *key, bool optional, bool dflt, bool *ret, struct err *e)
{
    json_t *v;
    int rc = field(o, key, optional, is_bool, "true or false", &v, e);
    if (rc == 0)
        *ret = v ? json_is_true(v) : dflt;
    return rc;
}

int json_get_string(const json_t *o, const char *key, const char **ret, struct err *e)
{
    return string_field(o, key, false, NULL, ret, e);
}

int json_opt_string(const json_t *o, const char *key, const char *dflt, const char **ret, struct err *e)
{
    return string_field(o, key, true, dflt, ret, e);
}

int json_get_uint(const json_t *o, const char *key, uint64_t min, uint64_t max, uint64_t *ret, struct err *e)
{
    return uint_field(o, key, false, 0, min, max, ret, e);
}

int json_opt_uint(const json_t *o, const char *key, uint64_t dflt, uint64_t min, uint64_t max, uint64_t *ret,
                  struct err *e)
{
    return uint_field(o, key, true, dflt, min, max, ret, e);
}

int json_get_bool(const json_t *o, const char *key, bool *ret, struct err *e)
{
    return bool_field(o, key, false, false, ret, e);
}

int json_opt_bool(const json_t *o, const char *key, bool dflt, bool *ret, struct err *e)
{
    return bool_field(o, key, true, dflt, ret, e);
}

static int borrowed(const json_t *o, const char *key, bool right_type(const json_t *), const char *type,
                    json_t **ret, struct err *e)
{
    json_t *v;
    int rc = field(o, key, false, right_type, type, &v, e);
    if (rc == 0)
        *ret = v;
    return rc;
}

int json_get_object(const json_t *o, const char *key, json_t **ret, struct err *e)
{
    return borrowed(o, key, is_object, "an object", ret, e);
}

int json_get_array(const json_t *o, const char *key, json_t **ret, struct err *e)
{
    return borrowed(o, key, is_array, "an array", ret, e);
}
