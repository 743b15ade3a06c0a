// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * container_root: the root that a container sees: the image's layers below, the guest's own changes above.
 *
 *     data/guests/NAME/upper   what it wrote        work   overlayfs' own
 *     data/guests/NAME/root    where both are seen, in the monitor's mount namespace only: so it vanishes
 * with it
 *
 * By overlayfs; where there is none for us by fuse-overlayfs, if that is installed; else root is a copy of
 * the image.
 */
#pragma once

#include "monitor/container_ids.h"
#include "monitor/guest_dir.h"
#include "store/image_layers.h"

/*
 * A mount namespace of our own; without root's rights in a user namespace in which we are root: *ret says who
 * else is there; 0 users: it is the host's own.
 */
int container_root_leave_host(struct container_ids *ret, struct err *e);

/* lower: of the image. fleeting: it need not survive a crash of the host. *ret: the path, malloc'd. */
int container_root_open(const struct guest_dir *d, const struct image *i, const struct image_layers *lower,
                        bool fleeting, char **ret, struct err *e);
void container_root_close(const struct guest_dir *d);
