// SPDX-License-Identifier: GPL-2.0-or-later
/* client_update: the part of client.h that changes what a guest is made of. */
#include "base/json.h"
#include "monitor/client.h"
#include "monitor/guest_dir.h"
#include "monitor/guest_update.h"

/* Nobody runs it: its record alone changes. */
static int change_record(const struct guest_dir *d, const json_t *changes, struct err *e)
{
    OWN_UPDATE u = {0};
    OWN(json_t) about = NULL;
    OWN(json_t) fields = NULL;
    int rc;
    if ((rc = guest_update_parse(changes, &u, e)) < 0 || (rc = guest_dir_load(d, &about, e)) < 0 ||
        (rc = guest_update_merge(&u, about, &fields, e)) < 0)
        return rc;
    return guest_dir_record(d, fields, e);
}

static int update_stopped(const char *name, const json_t *changes, struct err *e)
{
    OWN(guest_dir) d = NULL;
    int rc;
    if ((rc = guest_dir_open(name, &d, e)) < 0 || (rc = guest_dir_lock(d, e)) < 0)
        return rc;
    rc = change_record(d, changes, e);
    guest_dir_unlock(d);
    return rc < 0 ? err_wrap(e, "guest %s", name) : 0;
}

int client_update(const char *name, const json_t *changes, struct err *e)
{
    OWN(json_t) request = json_copy((json_t *)(uintptr_t)changes);
    OWN(json_t) reply = NULL;
    struct err trouble;
    if (!request || json_object_set_new(request, "do", json_string("update")) < 0)
        return err_code(e, -ENOMEM, "update");
    int rc = client_call(name, request, &reply, &trouble);
    if (rc == -ESRCH)
        return update_stopped(name, changes, e);
    return rc < 0 ? err_set(e, rc, "%s", trouble.text) : 0;
}
