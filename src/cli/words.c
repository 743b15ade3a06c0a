// SPDX-License-Identifier: GPL-2.0-or-later
/* words: see words.h. */
#include "cli/words.h"

#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "cpu/cpu.h"

static uint32_t debug_bit(const char *word, size_t len)
{
    static const struct {
        const char *name;
        enum cpu_debug bit;
    } names[] = {
        {"step", CPU_DEBUG_STEP},         {"no-chain", CPU_DEBUG_NO_CHAIN},
        {"no-tlb", CPU_DEBUG_NO_TLB},     {"small-cache", CPU_DEBUG_SMALL_CACHE},
        {"no-live", CPU_DEBUG_NO_LIVE},   {"no-jcache", CPU_DEBUG_NO_JCACHE},
        {"no-forms", CPU_DEBUG_NO_FORMS}, {"no-open", CPU_DEBUG_NO_OPEN},
        {"no-loose", CPU_DEBUG_NO_LOOSE}, {"no-groups", CPU_DEBUG_NO_GROUPS},
        {"no-sys", CPU_DEBUG_NO_SYS},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i].name) == len && memcmp(names[i].name, word, len) == 0)
            return (uint32_t)names[i].bit;
    return 0;
}

int word_debug_bits(const char *list, uint32_t *ret, struct err *e)
{
    uint32_t bits = 0;
    for (const char *p = list;; p++) {
        size_t len = strcspn(p, ",");
        uint32_t bit = debug_bit(p, len);
        if (!bit)
            return err_set(e, -EINVAL,
                           "--engine-debug: not one of step, no-chain, no-tlb, no-live, no-jcache, "
                           "no-groups, no-sys, no-forms, no-open, no-loose, "
                           "small-cache: %.*s",
                           (int)len, p);
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
