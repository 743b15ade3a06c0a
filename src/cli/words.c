// SPDX-License-Identifier: GPL-2.0-or-later
/* words: see words.h. */
#include "cli/words.h"

#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "cpu/debug.h"

static uint32_t debug_bit(const char *word, size_t len)
{
    for (const struct cpu_debug_name *d = cpu_debug_names; d->name; d++)
        if (strlen(d->name) == len && memcmp(d->name, word, len) == 0)
            return d->bit;
    return 0;
}

int word_debug_bits(const char *list, uint32_t *ret, struct err *e)
{
    uint32_t bits = 0;
    for (const char *p = list;; p++) {
        size_t len = strcspn(p, ",");
        uint32_t bit = debug_bit(p, len);
        if (!bit)
            return err_set(e, -EINVAL, "--engine-debug: not one of " CPU_DEBUG_NAMES ": %.*s", (int)len, p);
        bits |= bit;
        p += len;
        if (!*p)
            break;
    }
    *ret = bits;
    return 0;
}

static const char *own_variable(const char *name)
{
    size_t len = strlen(name);
    for (char **v = environ; *v; v++)
        if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
            return *v;
    return NULL;
}

int word_env(const struct opt_list *l, const char ***ret, struct err *e)
{
    OWN_MEM const char **env = calloc(l->nr + 1, sizeof(*env));
    if (!env)
        return err_code(e, -ENOMEM, "environment");
    unsigned nr = 0;
    for (unsigned i = 0; i < l->nr; i++) {
        const char *v = l->item[i];
        if (!*v || *v == '=')
            return err_set(e, -EINVAL, "--env: no name: %.64s (like NAME=VALUE)", v);
        if (!strchr(v, '='))
            v = own_variable(v);
        if (v)
            env[nr++] = v;
    }
    *ret = take(env);
    return 0;
}
