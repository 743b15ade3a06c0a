// SPDX-License-Identifier: GPL-2.0-or-later
/* fdpass: see fdpass.h. */
#include "container/fdpass.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/own.h"

#define FDS_MAX 4

int fd_send(int sock, const void *data, size_t len, const int *fd, unsigned nr)
{
    struct iovec io = {.iov_base = (void *)data, .iov_len = len};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_MAX * sizeof(int))] = {0};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    if (nr) {
        m.msg_control = control;
        m.msg_controllen = CMSG_SPACE(nr * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        *c = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(nr * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(c), fd, nr * sizeof(int));
    }
    ssize_t n;
    do {
        n = sendmsg(sock, &m, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

ssize_t fd_recv(int sock, void *data, size_t size, int *ret_fd)
{
    struct iovec io = {.iov_base = data, .iov_len = size};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t n;
    do {
        n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    *ret_fd = -1;
    const struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
    return n < 0 ? -errno : n;
}

/* A socket's address holds 108 bytes; a folder's descriptor in front makes any path short. */
static int address(int dir, const char *name, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dir, name);
    return n < 0 || (size_t)n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

static int connect_at(int dir, const char *name, int type)
{
    struct sockaddr_un to;
    int rc = address(dir, name, &to);
    OWN_FD sock = rc < 0 ? -1 : socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return rc < 0 ? rc : -errno;
    return connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : take_fd(&sock);
}

int unix_connect_at(int dir, const char *name)
{
    return connect_at(dir, name, SOCK_SEQPACKET);
}

int unix_connect(const char *path, int type, struct err *e)
{
    OWN_MEM char *one = strdup(path), *two = strdup(path);
    OWN_FD dir = one && two ? open(dirname(one), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    int sock = dir < 0 ? -errno : connect_at(dir, basename(two), type);
    return sock < 0 ? err_code(e, sock, "connect to %s", path) : sock;
}

int unix_listen(int dir, const char *name, struct err *e)
{
    struct sockaddr_un at;
    OWN_FD sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int rc = address(dir, name, &at);
    if (sock < 0 || rc < 0 || bind(sock, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(sock, 4) < 0)
        return rc < 0 ? err_code(e, rc, "socket %s", name) : err_sys(e, "socket %s", name);
    return take_fd(&sock);
}
