// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mount_live: bind mounts put into and taken from a container that runs.
 *
 * The source is looked up where the caller lives, the target below the container's root as inroot.h has it.
 * Source: mount_setattr(2), open_tree and move_mount (Linux 5.2).
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct live_mount {
    const char *from, *to; /* absolute; to is made if it is missing */
    uint64_t attr;         /* MOUNT_ATTR_*, for all that is mounted below from too */
};

/* pidfd: of the container's first process. -EEXIST: something is mounted there already. */
int mount_live_add(int pidfd, const struct live_mount *m, struct err *e);
/* Taken away at once; who has files of it open keeps them. -EINVAL: nothing is mounted there. */
int mount_live_remove(int pidfd, const char *to, struct err *e);
