// SPDX-License-Identifier: GPL-2.0-or-later
/* mount_cgroup: what a container sees in /sys/fs/cgroup: the host's layout with itself as the root. */
#pragma once

#include "container/mount.h"

int mount_cgroup(const struct mount_place *p, const struct mount_config *m, struct err *e);
