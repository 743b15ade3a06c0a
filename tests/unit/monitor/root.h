// SPDX-License-Identifier: GPL-2.0-or-later
/* root: a HOSPES_ROOT of the test's own, gone with it. */
#pragma once

#include "base/file.h"
#include "unit.h"

static inline int root_setup(void **state)
{
    char *root = strdup("/tmp/hospes-monitor.XXXXXX");
    if (!mkdtemp(root))
        return -1;
    setenv("HOSPES_ROOT", root, 1);
    *state = root;
    return 0;
}

static inline int root_teardown(void **state)
{
    int rc = dir_remove(*state, NULL);
    free(*state);
    return rc;
}
