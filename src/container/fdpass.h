// SPDX-License-Identifier: GPL-2.0-or-later
/* fdpass: descriptors over a unix socket (SCM_RIGHTS), and connecting to one by a path of any length. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* One message of data and nr (at most 4) descriptors. -errno or 0. */
int fd_send(int sock, const void *data, size_t len, const int *fd, unsigned nr);
/* Bytes read, 0: end of file, -errno. *ret_fd is -1 if none came; it is close-on-exec. */
ssize_t fd_recv(int sock, void *data, size_t size, int *ret_fd);

int unix_connect(const char *path, int type, struct err *e); /* the socket or -errno */
int unix_listen(int dir, const char *name, struct err *e);   /* in the folder dir */
int unix_connect_at(int dir, const char *name);              /* the socket or -errno */
