// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_update: see guest_update.h. */
#include "monitor/guest_update.h"

#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/json_strings.h"
#include "monitor/guest_container.h"
#include "monitor/guest_mount.h"
#include "monitor/guest_ports.h"

#define LIST_MAX 64

void guest_update_fini(struct guest_update *u)
{
    free(u->mount);
    free(u->unmount);
}

static bool said(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return v && !json_is_null(v);
}

int guest_update_parse(const json_t *request, struct guest_update *ret, struct err *e)
{
    OWN_UPDATE u = {.request = request,
                    .memory_said = said(request, "memory"),
                    .cpus_said = said(request, "cpus_milli"),
                    .pids_said = said(request, "pids")};
    uint64_t pids;
    int rc;
    if ((rc = json_opt_uint(request, "memory", 0, 0, INT64_MAX, &u.memory, e)) < 0 ||
        (rc = json_opt_uint(request, "cpus_milli", 0, 0, INT64_MAX, &u.cpus_milli, e)) < 0 ||
        (rc = json_opt_uint(request, "pids", 0, 0, GUEST_PIDS_MAX, &pids, e)) < 0 ||
        (rc = strings_parse(request, "mount", LIST_MAX, &u.mount, e)) < 0 ||
        (rc = strings_parse(request, "unmount", LIST_MAX, &u.unmount, e)) < 0)
        return rc;
    u.pids = (unsigned)pids;
    *ret = u;
    u = (struct guest_update){0};
    return 0;
}

/* ---- mounts ---- */

/* "/data" and "/data/" are one place. */
static bool same_place(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    while (n > 1 && a[n - 1] == '/')
        n--;
    while (m > 1 && b[m - 1] == '/')
        m--;
    return n == m && memcmp(a, b, n) == 0;
}

/* Which of the mounts is on that place; -1: none. */
static int find_place(const json_t *mounts, const char *to)
{
    for (size_t i = 0; i < json_array_size(mounts); i++) {
        OWN_MOUNT m = {0};
        const char *text = json_string_value(json_array_get(mounts, i));
        if (text && guest_mount_parse(text, &m, NULL) == 0 && same_place(m.to, to))
            return (int)i;
    }
    return -1;
}

static int add_mount(json_t *mounts, const char *text, struct err *e)
{
    OWN_MOUNT m = {0};
    int rc = guest_mount_parse(text, &m, e);
    if (rc < 0)
        return rc;
    if (find_place(mounts, m.to) >= 0)
        return err_set(e, -EEXIST, "something is mounted on %s already", m.to);
    if (access(m.from, F_OK) < 0)
        return err_sys(e, "mount %s", m.from);
    return json_array_append_new(mounts, json_string(text)) < 0 ? err_code(e, -EINVAL, "mount") : 0;
}

static int remove_mount(json_t *mounts, const char *to, struct err *e)
{
    int at = find_place(mounts, to);
    if (at < 0)
        return err_set(e, -ENOENT, "no folder or file of the host is mounted on %.200s", to);
    json_array_remove(mounts, (size_t)at);
    return 0;
}

static int change_mounts(const struct guest_update *u, json_t *container, struct err *e)
{
    OWN(json_t) mounts = json_deep_copy(json_object_get(container, "mounts"));
    int rc = 0;
    if (!json_is_array(mounts)) {
        json_decref(mounts);
        mounts = json_array();
    }
    for (const char **p = u->unmount; p && *p && rc == 0; p++)
        rc = remove_mount(mounts, *p, e);
    for (const char **p = u->mount; p && *p && rc == 0; p++)
        rc = add_mount(mounts, *p, e);
    if (rc == 0 && (u->mount || u->unmount))
        json_object_set(container, "mounts", mounts);
    return rc;
}

/* ---- the whole ---- */

static void change_limits(const struct guest_update *u, json_t *guest, json_t *container)
{
    if (u->memory_said)
        json_object_set_new(guest, "memory", json_integer((json_int_t)u->memory));
    if (u->cpus_said)
        json_object_set_new(container, "cpus_milli", json_integer((json_int_t)u->cpus_milli));
    if (u->pids_said)
        json_object_set_new(container, "pids", json_integer(u->pids));
}

static int change_container(const struct guest_update *u, json_t *guest, struct err *e)
{
    json_t *container;
    int rc = json_get_object(guest, "container", &container, e);
    if (rc < 0 || (rc = change_mounts(u, container, e)) < 0)
        return rc;
    change_limits(u, guest, container);
    return 0;
}

static bool ports_alone(const struct guest_update *u)
{
    bool mounts = (u->mount && u->mount[0]) || (u->unmount && u->unmount[0]);
    return !u->memory_said && !u->cpus_said && !u->pids_said && !mounts;
}

int guest_update_merge(const struct guest_update *u, const json_t *about, json_t **ret, struct err *e)
{
    OWN_GUEST checked = {0};
    OWN(json_t) guest = json_deep_copy(about);
    json_t *ports = NULL;
    int rc = 0;
    if (!guest)
        return err_code(e, -ENOMEM, "update");
    bool machine = !said(guest, "container");
    if (machine && !ports_alone(u))
        return err_set(e, -EOPNOTSUPP, "of a machine only published ports can be changed");
    if (!machine && (rc = change_container(u, guest, e)) < 0)
        return rc;
    if ((rc = guest_ports_merge(u->request, about, &ports, e)) < 0)
        return rc;
    json_object_set_new(guest, "ports", ports);
    if ((rc = guest_parse(guest, &checked, e)) < 0)
        return rc;
    *ret = json_pack("{s:O*, s:O, s:O*}", "memory", json_object_get(guest, "memory"), "ports", ports,
                     "container", json_object_get(guest, "container"));
    return *ret ? 0 : err_code(e, -ENOMEM, "update");
}
