// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgroup_systemd: a container's cgroup as a scope of systemd, for hosts whose engines want it so.
 *
 * systemd makes and names the folder and hands it over (Delegate); all that follows is done in it as in any
 * other. It is asked through busctl(1), which is there wherever systemd is. Source: systemd.scope(5),
 * org.freedesktop.systemd1(5); the form of linux.cgroupsPath is runc's: SLICE:PREFIX:NAME.
 */
#pragma once

#include "container/cgroup.h"

struct scope {
    char unit[160];  /* "libpod-abc.scope" */
    char slice[160]; /* "machine.slice" */
    char path[192];  /* below each hierarchy's top */
};

/* -EINVAL: not of that form, or names that are none. path NULL: a scope named after id. */
int scope_name(const char *path, const char *id, bool user, struct scope *ret, struct err *e);

/*
 * Start the scope. A process of ours holds it open until the container's is in it: *ret_holder, to be ended
 * with scope_release. Needs what cgroup_find found for s->path.
 */
int scope_start(const struct scope *s, const struct cgroup *g, const struct resources *r, pid_t *ret_holder,
                struct err *e);
void scope_release(pid_t holder);

/* Tell systemd what cgroup_apply has just written: it writes what it knows again now and then. */
int scope_update(const char *unit, const struct cgroup *g, const struct resources *r, struct err *e);

/* Its processes have ended: systemd forgets it, and removes its folder. */
void scope_stop(const char *unit);
