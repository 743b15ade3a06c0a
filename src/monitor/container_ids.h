// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_ids: the users and groups that an ordinary user's containers have: that user is root, and behind
 * it come those of /etc/subuid and /etc/subgid, if newuidmap(1) is there to give them; else root is alone.
 *
 * Source: user_namespaces(7), subuid(5), newuidmap(1).
 */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "container/config.h"

struct container_ids {
    unsigned uids, gids; /* how many: 0 to uids - 1 are there */
};

/* A user namespace (and what else flags say) in which we are root. */
int container_ids_enter(int flags, struct container_ids *ret, struct err *e);

/* dir_remove of what such containers wrote, which may belong to any of these users. */
int container_ids_remove(const char *path, struct err *e);

/*
 * The ranges that a file like /etc/subuid has for a user, by name or number, behind inside 0 which is own;
 * *ret malloc'd. Lines that make no sense are none.
 */
int container_ids_read(FILE *f, const char *name, unsigned own, struct id_maps *ret);

/*
 * fn as whoever may do all to what such containers wrote: root itself, else a process of its own with these
 * users. ctx (bytes long) comes back as that process left it. -EINTR: SIGINT, SIGTERM or SIGHUP came; or what
 * fn returned.
 */
int container_ids_call(int (*fn)(void *ctx, struct err *e), void *ctx, size_t bytes, struct err *e);
