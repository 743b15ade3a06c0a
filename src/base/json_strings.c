// SPDX-License-Identifier: GPL-2.0-or-later
/* json_strings: see json_strings.h. */
#include "base/json_strings.h"

#include "base/json.h"

json_t *strings_json(const char *const *list)
{
    if (!list)
        return json_null();
    OWN(json_t) a = json_array();
    for (; a && *list; list++)
        if (json_array_append_new(a, json_string(*list)) < 0)
            return NULL;
    return take(a);
}

int strings_parse(const json_t *o, const char *key, size_t max, const char ***ret, struct err *e)
{
    const json_t *a = json_object_get(o, key);
    if (!a || json_is_null(a)) {
        *ret = NULL;
        return 0;
    }
    size_t nr = json_array_size(a);
    if (!json_is_array(a) || nr > max)
        return err_set(e, -EINVAL, "\"%s\" is not an array of at most %zu strings", key, max);
    OWN_MEM const char **list = calloc(nr + 1, sizeof(*list));
    if (!list)
        return err_code(e, -ENOMEM, "\"%s\"", key);
    for (size_t i = 0; i < nr; i++)
        if (!(list[i] = json_string_value(json_array_get(a, i))))
            return err_set(e, -EINVAL, "\"%s\" is not an array of at most %zu strings", key, max);
    *ret = take(list);
    return 0;
}
