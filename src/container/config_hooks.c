// SPDX-License-Identifier: GPL-2.0-or-later
/* config_hooks: the section `hooks`. Source: OCI runtime-spec 1.2, config.md, "POSIX-platform Hooks". */
#include "container/config.h"

static const char *const points[HOOK_POINTS] = {"prestart",       "createRuntime", "createContainer",
                                                "startContainer", "poststart",     "poststop"};

static struct hook one_hook(const struct field *f)
{
    struct hook h = {.path = field_must_string(f, "path")};
    if (*h.path && *h.path != '/')
        field_bad_key(f, "path", "\"%s\" is not an absolute path", h.path);
    h.args = field_strings(f, "args");
    h.env = field_strings(f, "env");
    h.timeout_s = (unsigned)field_int(f, "timeout", 0, 0, 1000000);
    if (field_has(f, "timeout") && h.timeout_s == 0)
        field_bad_key(f, "timeout", "is not greater than zero");
    return h;
}

void config_hooks(struct config *c, const struct field *hooks)
{
    for (unsigned p = 0; p < HOOK_POINTS; p++) {
        struct field list = field_array(hooks, points[p]);
        struct hooks *h = &c->hooks[p];
        h->nr = field_count(&list);
        h->item = arena_alloc(&c->arena, h->nr * sizeof(*h->item));
        for (unsigned i = 0; i < h->nr; i++) {
            struct field f = field_item(&list, i);
            h->item[i] = one_hook(&f);
        }
    }
}
