// SPDX-License-Identifier: GPL-2.0-or-later
/* sync: see sync.h. */
#include "container/sync.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "container/fdpass.h"

int sync_send(int sock, enum sync_kind kind, int value, const char *text, int fd)
{
    struct sync_msg m = {.kind = kind, .value = value};
    snprintf(m.text, sizeof(m.text), "%s", text ? text : "");
    return fd_send(sock, &m, offsetof(struct sync_msg, text) + strlen(m.text) + 1, &fd, fd >= 0 ? 1 : 0);
}

int sync_recv(int sock, struct sync_msg *ret, int *ret_fd)
{
    int fd = -1;
    ssize_t n = fd_recv(sock, ret, sizeof(*ret), &fd);
    if (n <= 0 || !ret_fd) {
        if (fd >= 0)
            close(fd);
    } else {
        *ret_fd = fd;
    }
    if (n < 0)
        return n == -ECONNRESET ? 0 : (int)n;
    if (n == 0)
        return 0;
    if ((size_t)n <= offsetof(struct sync_msg, text))
        return -EPROTO;
    ret->text[sizeof(ret->text) - 1] = 0;
    return 1;
}

int sync_ask(int sock, enum sync_kind kind, int fd)
{
    struct sync_msg m;
    int rc = sync_send(sock, kind, 0, NULL, fd);
    if (rc < 0)
        return rc;
    rc = sync_recv(sock, &m, NULL);
    return rc < 0 ? rc : rc == 0 || m.kind != SYNC_GO ? -EPIPE : 0;
}
