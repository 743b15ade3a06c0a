// SPDX-License-Identifier: GPL-2.0-or-later
/* guest_mount: see guest_mount.h. */
#include "monitor/guest_mount.h"

#include <string.h>

#include "base/own.h"

void guest_mount_fini(struct guest_mount *m)
{
    free(m->from);
    free(m->to);
}

static int mount_options(char *list, struct guest_mount *m)
{
    for (char *rest, *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (strcmp(word, "ro") == 0)
            m->read_only = true;
        else if (strcmp(word, "nosuid") == 0)
            m->nosuid = true;
        else if (strcmp(word, "nodev") == 0)
            m->nodev = true;
        else if (strcmp(word, "noexec") == 0)
            m->noexec = true;
        else if (strcmp(word, "rw") != 0)
            return -EINVAL;
    }
    return 0;
}

bool guest_path_inside(const char *path)
{
    for (const char *p = strstr(path, "/.."); p; p = strstr(p + 1, "/.."))
        if (p[3] == '/' || p[3] == 0)
            return false;
    return path[0] == '/' && path[strspn(path, "/")];
}

int guest_mount_parse(const char *text, struct guest_mount *ret, struct err *e)
{
    OWN_MEM char *copy = strdup(text);
    OWN_MOUNT m = {0};
    char *to = copy ? strchr(copy, ':') : NULL;
    if (to)
        *to++ = 0;
    char *options = to ? strchr(to, ':') : NULL;
    if (options)
        *options++ = 0;
    if (!to || copy[0] != '/' || !guest_path_inside(to) || (options && mount_options(options, &m) < 0))
        return err_set(e, -EINVAL, "not a mount: %.200s (like /srv/data:/data or /srv/data:/data:ro)", text);
    m.from = strdup(copy);
    m.to = strdup(to);
    if (!m.from || !m.to)
        return err_code(e, -ENOMEM, "mount");
    *ret = m;
    m = (struct guest_mount){0};
    return 0;
}
