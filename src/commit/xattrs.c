// SPDX-License-Identifier: GPL-2.0-or-later
/* xattrs: see xattrs.h. */
#include "commit/xattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/own.h"

typedef int each_fn(void *ctx, const char *name, const void *value, size_t len);

static int call(const char *self, const char *name, char *value, each_fn *each, void *ctx)
{
    ssize_t n = getxattr(self, name, value, XATTR_SIZE_MAX);
    if (n < 0) /* gone, or nothing that we may read: so nothing of ours */
        return errno == ENODATA || errno == EPERM || errno == EACCES || errno == EOPNOTSUPP ? 0 : -errno;
    return each(ctx, name, value, (size_t)n);
}

int xattrs_each(int dir, const char *name, each_fn *each, void *ctx)
{
    char self[40];
    OWN_FD fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    if (listxattr(self, NULL, 0) <= 0)
        return 0;
    OWN_MEM char *names = malloc(XATTR_LIST_MAX), *value = malloc(XATTR_SIZE_MAX);
    if (!names || !value)
        return -ENOMEM;
    ssize_t len = listxattr(self, names, XATTR_LIST_MAX);
    int rc = len < 0 ? -errno : 0;
    for (const char *at = names; rc == 0 && at < names + len; at += strlen(at) + 1)
        rc = call(self, at, value, each, ctx);
    return rc;
}
