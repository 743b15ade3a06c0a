// SPDX-License-Identifier: GPL-2.0-or-later
/* address: see address.h. A long path is reached through its folder's descriptor. */
#include "monitor/address.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/own.h"

/* *ret_dir must stay open while the address is used. */
static int make(const char *path, struct sockaddr_un *ret, int *ret_dir, struct err *e)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) < sizeof(ret->sun_path)) {
        memcpy(ret->sun_path, path, strlen(path) + 1);
        return 0;
    }
    const char *slash = strrchr(path, '/');
    OWN_MEM char *folder = slash ? strndup(path, (size_t)(slash - path)) : NULL;
    if (!folder)
        return err_code(e, -ENAMETOOLONG, "%s", path);
    OWN_FD dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys(e, "%s", folder);
    int n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dir, slash + 1);
    if (n >= (int)sizeof(ret->sun_path))
        return err_code(e, -ENAMETOOLONG, "%s", path);
    *ret_dir = take_fd(&dir);
    return 0;
}

int address_listen(const char *path, int *ret_fd, struct err *e)
{
    struct sockaddr_un a;
    OWN_FD dir = -1;
    int rc = make(path, &a, &dir, e);
    if (rc < 0)
        return rc;
    OWN_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        listen(fd, 64) < 0)
        return err_sys(e, "%s", path);
    *ret_fd = take_fd(&fd);
    return 0;
}

int address_connect(const char *path, int *ret_fd, struct err *e)
{
    struct sockaddr_un a;
    OWN_FD dir = -1;
    int rc = make(path, &a, &dir, e);
    if (rc < 0)
        return rc;
    OWN_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        return err_sys(e, "%s", path);
    *ret_fd = take_fd(&fd);
    return 0;
}
