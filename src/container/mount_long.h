// SPDX-License-Identifier: GPL-2.0-or-later
/* mount_long: file systems whose options are longer than fsconfig(2) takes (an overlay's list of layers). */
#pragma once

#include "container/config.h"

bool mount_is_long(const struct mount_config *m);
/* By mount(2), onto the file behind target. Returns the new mount's descriptor or -errno. */
int mount_long(const struct mount_config *m, int root, int target, const char *label, struct err *e);
