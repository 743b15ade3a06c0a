// SPDX-License-Identifier: GPL-2.0-or-later
/* container_change: see container_change.h. */
#include "monitor/container_change.h"

#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "container/container.h"
#include "container/mount_live.h"
#include "monitor/guest_change.h"
#include "monitor/guest_container.h"
#include "monitor/guest_mount.h"

#define PERIOD_US 100000

/* ---- limits ---- */

/* Of the configuration, those that the update names; OCI's -1 takes a limit away. */
static json_t *limits_json(const struct guest_update *u, const struct guest_config *c)
{
    const struct guest_container *k = &c->container;
    json_t *r = json_object();
    json_int_t memory = c->memory ? (json_int_t)c->memory : -1;
    json_int_t quota = k->cpus_milli ? (json_int_t)k->cpus_milli * PERIOD_US / 1000 : -1;
    if (u->memory_said)
        json_object_set_new(r, "memory", json_pack("{s:I}", "limit", memory));
    if (u->cpus_said)
        json_object_set_new(r, "cpu",
                            json_pack("{s:I, s:I}", "quota", quota, "period", (json_int_t)PERIOD_US));
    if (u->pids_said)
        json_object_set_new(r, "pids",
                            json_pack("{s:I}", "limit", (json_int_t)(k->pids ? k->pids : GUEST_PIDS)));
    return r;
}

static int set_limits(const struct container_change *c, const struct guest_update *u,
                      const struct guest_config *guest, struct err *e)
{
    OWN(json_t) limits = limits_json(u, guest);
    OWN_CONFIG config = {0};
    if (json_object_size(limits) == 0)
        return 0;
    int rc = config_parse_resources(limits, &config, e);
    if (rc == 0)
        rc = container_update(c->states, c->id, &config.resources, e);
    return rc == -EACCES || rc == -EPERM ? err_wrap(e, "limits take a cgroup of our own") : rc;
}

/* ---- mounts ---- */

static uint64_t attributes(const struct guest_mount *m)
{
    return (m->read_only ? MOUNT_ATTR_RDONLY : 0u) | (m->nosuid ? MOUNT_ATTR_NOSUID : 0u) |
           (m->nodev ? MOUNT_ATTR_NODEV : 0u) | (m->noexec ? MOUNT_ATTR_NOEXEC : 0u);
}

static int mount_text(int pidfd, const char *text, struct err *e)
{
    OWN_MOUNT m = {0};
    int rc = guest_mount_parse(text, &m, e);
    if (rc < 0)
        return rc;
    return mount_live_add(pidfd, &(struct live_mount){.from = m.from, .to = m.to, .attr = attributes(&m)}, e);
}

static void unmount_text(int pidfd, const char *text)
{
    OWN_MOUNT m = {0};
    if (guest_mount_parse(text, &m, NULL) == 0)
        (void)mount_live_remove(pidfd, m.to, NULL);
}

/* One that the container took away itself is gone as it should be. */
static int remove_mounts(int pidfd, const struct guest_update *u, struct err *e)
{
    for (const char **p = u->unmount; p && *p; p++) {
        struct err why;
        int rc = mount_live_remove(pidfd, *p, &why);
        if (rc < 0 && rc != -EINVAL && rc != -ENOENT)
            return err_set(e, rc, "%s", why.text);
    }
    return 0;
}

/* *ret_nr: how many were mounted, all or less. */
static int add_mounts(int pidfd, const struct guest_update *u, unsigned *ret_nr, struct err *e)
{
    int rc = 0;
    for (*ret_nr = 0; u->mount && u->mount[*ret_nr]; ++*ret_nr)
        if ((rc = mount_text(pidfd, u->mount[*ret_nr], e)) < 0)
            return rc;
    return 0;
}

/* ---- all of it ---- */

static int apply(const struct container_change *c, const struct guest_change *g, struct err *e)
{
    unsigned nr = 0;
    const struct guest_update *u = &g->update;
    OWN_FD pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    int rc = pidfd < 0 ? err_sys(e, "its first process") : set_limits(c, u, &g->after, e);
    if (rc == 0)
        rc = remove_mounts(pidfd, u, e);
    if (rc == 0)
        rc = add_mounts(pidfd, u, &nr, e);
    if (rc == 0)
        rc = guest_change_ports(g, c->dir, c->ports, c->net, e);
    if (rc == 0)
        return 0;
    while (pidfd >= 0 && nr > 0)
        unmount_text(pidfd, u->mount[--nr]);
    if (set_limits(c, u, &g->before, NULL) < 0)
        log_warn("the limits before the update could not be set again");
    return rc;
}

int container_change(const struct container_change *c, const json_t *request, struct err *e)
{
    OWN_CHANGE g = {0};
    int rc = guest_change_parse(c->dir, request, &g, e);
    return rc < 0 ? rc : apply(c, &g, e);
}
