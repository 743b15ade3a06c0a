// SPDX-License-Identifier: GPL-2.0-or-later
/* volume: see volume.h. */
#include "cli/volume.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"

void volume_list_free(char **list)
{
    for (char **p = list; p && *p; p++)
        free(*p);
    free(list);
}

/* The monitor has another working folder: "./data:/data" is ours to make sense of. */
static int absolute(const char *text, char **ret, struct err *e)
{
    const char *colon = strchr(text, ':');
    OWN_MEM char *real = NULL;
    if (text[0] == '.' && colon) {
        OWN_MEM char *from = strndup(text, (size_t)(colon - text));
        real = from ? realpath(from, NULL) : NULL;
        if (!real)
            return err_sys(e, "mount %s", from ? from : "");
    }
    *ret = real ? path_make("%s%s", real, colon) : strdup(text);
    return *ret ? 0 : err_code(e, -ENOMEM, "mount");
}

int volume_list(const struct opt_list *typed, char ***ret, struct err *e)
{
    char **list = calloc(typed->nr + 1, sizeof(*list));
    int rc = list ? 0 : err_code(e, -ENOMEM, "mount");
    for (unsigned i = 0; rc == 0 && i < typed->nr; i++)
        rc = absolute(typed->item[i], &list[i], e);
    if (rc < 0)
        volume_list_free(list);
    else
        *ret = list;
    return rc;
}
