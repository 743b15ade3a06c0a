// SPDX-License-Identifier: GPL-2.0-or-later
/* mask: linux.maskedPaths and linux.readonlyPaths. */
#pragma once

#include "container/config.h"

/* null: the host's /dev/null, known to be it: what hides a file is never looked up in the container's root.
 */
int mask_all(int root, int null, const struct config *c, struct err *e);
