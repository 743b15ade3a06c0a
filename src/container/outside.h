// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * outside: what of a container belongs to its host, so that criu must leave it alone when it writes the
 * container down, and be told what stands there when it makes it again: bind mounts, masks, bound devices,
 * cgroups, namespaces joined by path.
 *
 * Both sides call a mount by the same key: its target as the configuration spells it.
 */
#pragma once

#include "base/buf.h"
#include "container/cgroup.h"
#include "container/config.h"

/* opts: fields of criu_opts are appended. pid: the container's process. */
int outside_of_running(const struct config *c, const struct cgroup *g, pid_t pid, struct buf *opts,
                       struct err *e);
/* ns: namespaces to join, open (-1: none); those that criu must get as descriptors go to keep, at most 2. */
int outside_of_restored(const struct config *c, const struct cgroup *g, const char *bundle,
                        const int ns[NS_KINDS], struct buf *opts, int *keep, unsigned *nr_keep,
                        struct err *e);

/* Where the mount with that number is, by the text of a mountinfo: malloc'd; NULL: not among them. */
char *outside_mountpoint(const char *mounts, uint64_t id);

/* A descriptor that stands in for what had that name: "pipe:[123]". */
void outside_inherit(struct buf *opts, const char *name, int fd);
