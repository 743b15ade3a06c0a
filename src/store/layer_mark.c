// SPDX-License-Identifier: GPL-2.0-or-later
/* layer_mark: see layer_mark.h. */
#include "store/layer_mark.h"

#include <string.h>

#define PREFIX ".wh."

enum layer_mark layer_mark(const char *name, const char **ret_gone)
{
    const char *gone = name + strlen(PREFIX);
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return MARK_NONE;
    if (strcmp(gone, ".wh..opq") == 0)
        return MARK_OPAQUE;
    if (strncmp(gone, PREFIX, strlen(PREFIX)) == 0)
        return MARK_OTHER;
    if (!*gone || strcmp(gone, ".") == 0 || strcmp(gone, "..") == 0)
        return MARK_INVALID;
    *ret_gone = gone;
    return MARK_GONE;
}
