// SPDX-License-Identifier: GPL-2.0-or-later
/* mount_long: see mount_long.h. mount(2) takes a page of options in all. */
#include "container/mount_long.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/inroot.h"
#include "base/own.h"

#define VALUE_MAX 255 /* bytes, of fsconfig(2) */

bool mount_is_long(const struct mount_config *m)
{
    for (unsigned i = 0; !m->bind && i < m->data.nr; i++) {
        const char *eq = strchr(m->data.item[i], '=');
        if (eq && strlen(eq + 1) > VALUE_MAX)
            return true;
    }
    return false;
}

static unsigned long flags_of(uint64_t attr)
{
    static const struct {
        uint64_t attr;
        unsigned long flag;
    } table[] = {{MOUNT_ATTR_RDONLY, MS_RDONLY},        {MOUNT_ATTR_NOSUID, MS_NOSUID},
                 {MOUNT_ATTR_NODEV, MS_NODEV},          {MOUNT_ATTR_NOEXEC, MS_NOEXEC},
                 {MOUNT_ATTR_NOATIME, MS_NOATIME},      {MOUNT_ATTR_STRICTATIME, MS_STRICTATIME},
                 {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME}};
    unsigned long flags = 0;
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (attr & table[i].attr)
            flags |= table[i].flag;
    return flags;
}

static int join(const struct mount_config *m, const char *label, char *ret, size_t size)
{
    size_t len = 0;
    ret[0] = 0;
    for (unsigned i = 0; i < m->data.nr && len < size; i++)
        len += (size_t)snprintf(ret + len, size - len, "%s%s", i ? "," : "", m->data.item[i]);
    if (label && len < size)
        len += (size_t)snprintf(ret + len, size - len, "%scontext=\"%s\"", len ? "," : "", label);
    return len < size ? 0 : -E2BIG;
}

int mount_long(const struct mount_config *m, int root, int target, const char *label, struct err *e)
{
    char data[4096], path[40];
    int rc = join(m, label, data, sizeof(data));
    if (rc < 0)
        return err_code(e, rc, "options");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", target);
    if (mount(m->source ? m->source : m->type, path, m->type, flags_of(m->attr_set), data) < 0)
        return err_sys(e, "file system %s", m->type);
    int fd = inroot_open(root, m->target, O_PATH, 0);
    return fd < 0 ? err_code(e, fd, "find it again") : fd;
}
