// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_change: see guest_change.h. */
#include "monitor/guest_change.h"

#include "base/json.h"

void guest_change_fini(struct guest_change *c)
{
    guest_update_fini(&c->update);
    guest_fini(&c->before);
    guest_fini(&c->after);
    json_decref(c->fields);
}

/* The configuration that about says, with fields in place of its own. */
static int config_of(const json_t *about, json_t *fields, struct guest_config *ret, struct err *e)
{
    OWN(json_t) whole = json_copy((json_t *)(uintptr_t)about);
    if (!whole || (fields && json_object_update(whole, fields) < 0))
        return err_code(e, -ENOMEM, "update");
    return guest_parse(whole, ret, e);
}

int guest_change_parse(const struct guest_dir *d, const json_t *request, struct guest_change *ret,
                       struct err *e)
{
    OWN_CHANGE c = {0};
    OWN(json_t) about = NULL;
    int rc;
    if ((rc = guest_update_parse(request, &c.update, e)) < 0 || (rc = guest_dir_load(d, &about, e)) < 0 ||
        (rc = guest_update_merge(&c.update, about, &c.fields, e)) < 0 ||
        (rc = config_of(about, NULL, &c.before, e)) < 0 || (rc = config_of(about, c.fields, &c.after, e)) < 0)
        return rc;
    *ret = c;
    c = (struct guest_change){0};
    return 0;
}

int guest_change_ports(const struct guest_change *c, const struct guest_dir *d, const struct port_ops *ops,
                       void *net, struct err *e)
{
    int rc = port_change(ops, net, &c->before, &c->after, e);
    if (rc < 0 || (rc = guest_dir_record(d, c->fields, e)) == 0)
        return rc;
    (void)port_change(ops, net, &c->after, &c->before, NULL);
    return rc;
}
