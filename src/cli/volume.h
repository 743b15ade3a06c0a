// SPDX-License-Identifier: GPL-2.0-or-later
/* volume: mounts as they are typed, FROM:TO[:ro], made independent of our working folder. */
#pragma once

#include "base/err.h"
#include "base/opt.h"

/* NULL-ended, malloc'd with its strings: volume_list_free. */
void volume_list_free(char **list);

/* FROM may start with "." and need not be absolute then. errno: it is not there. */
int volume_list(const struct opt_list *typed, char ***ret, struct err *e);
