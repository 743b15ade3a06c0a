// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * share_xattr: extended attributes: the users' own and file capabilities. Others mean something to the host
 * itself (an overlay's trusted.*, labels of a security module) and are as if they were not there.
 */
#include <string.h>
#include <sys/xattr.h>

#include "host/share_impl.h"

#define NAME_MAX_BYTES 255

static bool allowed(const char *name)
{
    return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0;
}

static const char *attr_name(const uint8_t *arg, uint32_t len)
{
    const char *name = (const char *)arg;
    size_t n = strnlen(name, len);
    return n > 0 && n < len && n <= NAME_MAX_BYTES ? name : NULL;
}

/* The path of a node that may be any kind of file, a link too: what is behind it is not followed. */
static int path_of(const struct share_call *c, bool write, char ret[64])
{
    const struct share_node *n = share_find(c->share, c->head.nodeid);
    if (!n)
        return -EOPNOTSUPP;
    if (write && n->read_only)
        return -EROFS;
    if (n->type != S_IFREG && n->type != S_IFDIR)
        return -EOPNOTSUPP;
    snprintf(ret, 64, "/proc/self/fd/%d", n->fd);
    return 0;
}

/* A size of 0 asks for the size. */
static int give(struct share_call *c, uint32_t size, ssize_t n)
{
    if (n < 0)
        return -errno;
    if (size > 0)
        return (size_t)n > size ? -ERANGE : (int)n;
    struct fuse_getxattr_out *out = (struct fuse_getxattr_out *)c->answer;
    *out = (struct fuse_getxattr_out){.size = (uint32_t)n};
    return sizeof(*out);
}

int share_getxattr(struct share_call *c)
{
    const struct fuse_getxattr_in *in = (const struct fuse_getxattr_in *)c->arg;
    const char *name = attr_name(c->arg + sizeof(*in), c->len - (uint32_t)sizeof(*in));
    char path[64];
    int rc = path_of(c, false, path);
    if (rc < 0 || !name || !allowed(name))
        return rc < 0 ? rc : name ? -ENODATA : -EINVAL;
    return give(c, in->size, getxattr(path, name, c->answer, SHARE_BYTES));
}

static size_t keep_allowed(char *list, size_t len)
{
    size_t kept = 0;
    for (size_t at = 0; at < len; at += strlen(list + at) + 1) {
        size_t n = strlen(list + at) + 1;
        if (!allowed(list + at))
            continue;
        memmove(list + kept, list + at, n);
        kept += n;
    }
    return kept;
}

int share_listxattr(struct share_call *c)
{
    const struct fuse_getxattr_in *in = (const struct fuse_getxattr_in *)c->arg;
    char path[64];
    int rc = path_of(c, false, path);
    if (rc < 0)
        return rc;
    ssize_t n = listxattr(path, (char *)c->answer, SHARE_BYTES - 1);
    if (n > 0) {
        c->answer[n] = 0;
        n = (ssize_t)keep_allowed((char *)c->answer, (size_t)n);
    }
    return give(c, in->size, n);
}

int share_setxattr(struct share_call *c)
{
    const struct fuse_setxattr_in *in = (const struct fuse_setxattr_in *)c->arg;
    const uint8_t *rest = c->arg + FUSE_COMPAT_SETXATTR_IN_SIZE;
    uint32_t len = c->len - FUSE_COMPAT_SETXATTR_IN_SIZE;
    const char *name = attr_name(rest, len);
    char path[64];
    int rc = path_of(c, true, path);
    if (rc < 0 || !name || !allowed(name))
        return rc < 0 ? rc : name ? -EOPNOTSUPP : -EINVAL;
    uint32_t value = (uint32_t)strlen(name) + 1;
    if (in->size > len - value)
        return -EINVAL;
    return setxattr(path, name, rest + value, in->size, (int)in->flags) < 0 ? -errno : 0;
}

int share_removexattr(struct share_call *c)
{
    const char *name = attr_name(c->arg, c->len);
    char path[64];
    int rc = path_of(c, true, path);
    if (rc < 0 || !name || !allowed(name))
        return rc < 0 ? rc : name ? -ENODATA : -EINVAL;
    return removexattr(path, name) < 0 ? -errno : 0;
}
