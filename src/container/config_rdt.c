// SPDX-License-Identifier: GPL-2.0-or-later
/* config_rdt: the section linux.intelRdt. Source: OCI runtime-spec 1.2 and 1.3, config-linux.md, "IntelRdt".
 */
#include <string.h>

#include "container/config.h"

/* The name of a folder, from which no other can be reached. */
static const char *class_name(const struct field *f)
{
    const char *name = field_string(f, "closID");
    if (name && (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0))
        field_bad_key(f, "closID", "\"%s\" is no name of a folder", name);
    return name;
}

static const char *bandwidth(const struct field *f)
{
    const char *text = field_string(f, "memBwSchema");
    if (text && (strncmp(text, "MB:", 3) != 0 || strchr(text, '\n')))
        field_bad_key(f, "memBwSchema", "is not one line that starts with MB:");
    return text;
}

void config_rdt(struct config *c, const struct field *linux_)
{
    struct field f = field_object(linux_, "intelRdt");
    struct rdt_config *r = &c->rdt;
    r->there = f.v != NULL;
    r->clos_id = class_name(&f);
    r->l3 = field_string(&f, "l3CacheSchema");
    r->bandwidth = bandwidth(&f);
    r->schemata = field_strings(&f, "schemata");
    r->cmt = field_bool(&f, "enableCMT", false);
    r->mbm = field_bool(&f, "enableMBM", false);
    r->monitoring = field_bool(&f, "enableMonitoring", false);
}
