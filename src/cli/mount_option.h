// SPDX-License-Identifier: GPL-2.0-or-later
/* mount_option: --mount as other engines have it, "type=bind,source=DIR,target=DIR,readonly". */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/*
 * What --volume or --tmpfs would say to the same effect, malloc'd: "DIR:DIR:ro", "DIR:size=64m". Without
 * "=" before the first ":" it is a volume as it stands. -EINVAL: says which word is wrong.
 */
int mount_option_parse(const char *text, bool *ret_tmpfs, char **ret, struct err *e);
