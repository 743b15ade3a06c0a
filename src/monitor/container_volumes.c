// SPDX-License-Identifier: GPL-2.0-or-later
/* container_volumes: see container_volumes.h. */
#include "monitor/container_volumes.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/inroot.h"
#include "base/own.h"

/* True: the folder is there, and its name leads to it and nowhere else. */
static bool make(int root, const char *path)
{
    const char *below = path + strspn(path, "/");
    OWN_FD made = *path == '/' && *below ? inroot_make_dir(root, path, 0755) : -1;
    OWN_FD plain = made < 0 ? -1 : inroot_open_plain(root, below, O_PATH | O_DIRECTORY, 0);
    return plain >= 0;
}

int container_volumes_make(int root, const char *const *volumes, const char ***ret, struct err *e)
{
    size_t nr = 0, to = 0;
    while (volumes && volumes[nr])
        nr++;
    const char **list = calloc(nr + 1, sizeof(*list));
    if (!list)
        return err_code(e, -ENOMEM, "volumes");
    for (size_t i = 0; i < nr; i++)
        if (make(root, volumes[i]))
            list[to++] = volumes[i];
    *ret = list;
    return 0;
}
