// SPDX-License-Identifier: GPL-2.0-or-later
/* mount_option: see mount_option.h. */
#include "cli/mount_option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"

#define OPTIONS_MAX 512

struct words {
    const char *type, *source, *target;
    char options[OPTIONS_MAX]; /* ",ro,size=64m" */
};

static bool is_one_of(const char *key, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(key, *names) == 0)
            return true;
    return false;
}

static int add_option(struct words *w, const char *key, const char *value)
{
    size_t at = strlen(w->options);
    int n = snprintf(w->options + at, sizeof(w->options) - at, ",%s%s", key, value ? value : "");
    return n < (int)(sizeof(w->options) - at) ? 0 : -EINVAL;
}

/* readonly, readonly=true; value NULL: true. */
static bool is_true(const char *value)
{
    return !value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

static int word(struct words *w, const char *key, const char *value)
{
    static const char *const source[] = {"source", "src", NULL},
                             *const target[] = {"target", "destination", "dst", NULL},
                             *const read_only[] = {"readonly", "ro", NULL},
                             *const plain[] = {"nosuid", "nodev", "noexec", "exec", NULL};
    if (strcmp(key, "type") == 0 && value)
        w->type = value;
    else if (is_one_of(key, source) && value)
        w->source = value;
    else if (is_one_of(key, target) && value)
        w->target = value;
    else if (is_one_of(key, read_only))
        return is_true(value) ? add_option(w, "ro", NULL) : 0;
    else if (is_one_of(key, plain) && !value)
        return add_option(w, key, NULL);
    else if (strcmp(key, "tmpfs-size") == 0 && value)
        return add_option(w, "size=", value);
    else if (strcmp(key, "tmpfs-mode") == 0 && value)
        return add_option(w, "mode=", value);
    else
        return -EINVAL;
    return 0;
}

static int make(const struct words *w, bool *ret_tmpfs, char **ret, struct err *e)
{
    bool tmpfs = w->type && strcmp(w->type, "tmpfs") == 0, bind = w->type && strcmp(w->type, "bind") == 0;
    const char *options = w->options[0] ? w->options + 1 : "";
    if (!tmpfs && !bind)
        return err_set(e, -EINVAL, "a mount has type=bind or type=tmpfs, not \"%.40s\"",
                       w->type ? w->type : "");
    if (!w->target || (bind && !w->source) || (tmpfs && w->source))
        return err_set(e, -EINVAL,
                       bind ? "type=bind takes source=DIR and target=DIR"
                            : "type=tmpfs takes target=DIR and no source");
    *ret = tmpfs ? path_make("%s:%s", w->target, options)
                 : path_make("%s:%s%s%s", w->source, w->target, *options ? ":" : "", options);
    *ret_tmpfs = tmpfs;
    return *ret ? 0 : err_code(e, -ENOMEM, "mount");
}

int mount_option_parse(const char *text, bool *ret_tmpfs, char **ret, struct err *e)
{
    struct words w = {0};
    OWN_MEM char *copy = strdup(text);
    char *rest = copy;
    *ret_tmpfs = false;
    if (strcspn(text, ":") < strcspn(text, "=")) {
        *ret = strdup(text);
        return *ret ? 0 : err_code(e, -ENOMEM, "mount");
    }
    for (char *one; copy && (one = strsep(&rest, ","));) {
        char *value = one, *key = strsep(&value, "=");
        if (word(&w, key, value) < 0)
            return err_set(e, -EINVAL, "\"%.80s\" is no word for a mount (type=bind,source=DIR,target=DIR)",
                           key);
    }
    return make(&w, ret_tmpfs, ret, e);
}
