// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rdt: shares of cache and memory bandwidth (Intel's Resource Director Technology and its like on others), by
 * the kernel's resctrl file system: a folder is a class of service, its file `tasks` takes processes.
 *
 * Source: OCI runtime-spec 1.2, config-linux.md, "IntelRdt", and 1.3 for schemata and enableMonitoring;
 * kernel documentation, filesystems/resctrl.rst.
 */
#pragma once

#include <sys/types.h>

#include "container/config.h"

/* Where the file system is mounted: malloc'd. -EOPNOTSUPP: nowhere. */
int rdt_top(char **ret, struct err *e);

struct rdt_group {
    const char *class;   /* folder; NULL: none */
    const char *monitor; /* folder of its own group below the class, or NULL */
    bool made;           /* the class is the container's own, and ends with it */
};
void rdt_group_fini(struct rdt_group *g); /* of one that rdt_enter made */

/*
 * Put pid into the class that r names, or one called as the container. One that is there must have the
 * schemata that are asked for. After an error nothing is left that was made.
 */
int rdt_enter(const char *top, const struct rdt_config *r, const char *id, pid_t pid, struct rdt_group *ret,
              struct err *e);
/* The same below rdt_top(), if the configuration has such a section; else nothing. */
int rdt_start(const struct rdt_config *r, const char *id, pid_t pid, struct rdt_group *ret, struct err *e);
/* One more process, or remove what is the container's own. */
int rdt_join(const struct rdt_group *g, pid_t pid, struct err *e);
void rdt_leave(const struct rdt_group *g);
/* Other lines for the class' schemata; either may be NULL. */
int rdt_update(const struct rdt_group *g, const char *l3, const char *bandwidth, struct err *e);

/* Has the text of a schemata file all that the wanted lines say? Blanks and leading zeros do not count. */
bool rdt_schemata_match(const char *have, const char *want);
