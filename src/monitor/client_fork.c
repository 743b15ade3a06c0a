// SPDX-License-Identifier: GPL-2.0-or-later
/* client_fork: the part of client.h that makes new guests from a running one. */
#include "base/json.h"
#include "base/own.h"
#include "monitor/client.h"
#include "monitor/guest.h"

/* "NEW", or "NEW-1", "NEW-2", ...; null: the monitor makes one up. */
static json_t *names_of(const char *new, unsigned count)
{
    json_t *names = json_array();
    for (unsigned i = 1; i <= count; i++)
        if (!new)
            json_array_append_new(names, json_null());
        else if (count == 1)
            json_array_append_new(names, json_string(new));
        else
            json_array_append_new(names, json_sprintf("%s-%u", new, i));
    return names;
}

int client_fork(const char *name, const char *new, unsigned count, bool keep_identity, json_t **ret,
                struct err *e)
{
    int rc = new ? guest_check_name(new, e) : 0;
    if (rc < 0)
        return rc;
    OWN(json_t)
    request = json_pack("{s:s, s:o, s:b}", "do", "fork", "names", names_of(new, count), "keep_identity",
                        keep_identity);
    rc = client_call(name, request, ret, e);
    return rc == -ESRCH
               ? err_set(e, rc, "guest %s is not running: `hospes clone` copies a stopped guest", name)
               : rc;
}
