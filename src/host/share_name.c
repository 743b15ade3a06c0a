// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * share_name: looking names up, and making, moving and removing them. A name is one component of a folder
 * that the guest was given: "..", and any '/', is refused, and no link is followed. Source: as share.c.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>

#include "host/share_impl.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE  2
#endif

const char *share_name(const uint8_t *arg, uint32_t len)
{
    const char *name = (const char *)arg;
    size_t n = strnlen(name, len);
    if (n == 0 || n == len || n > NAME_MAX || memchr(name, '/', n) || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0)
        return NULL;
    return name;
}

static struct share_node *export_node(struct share *s, const char *name)
{
    for (unsigned i = 0; i < s->nr_exports; i++)
        if (strcmp(s->exports[i].name, name) == 0)
            return share_node_get(s, fcntl(s->exports[i].fd, F_DUPFD_CLOEXEC, 3), i);
    errno = ENOENT;
    return NULL;
}

int share_child(struct share *s, const struct share_node *dir, const char *name, struct share_node **ret)
{
    int fd = dir ? openat(dir->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
    struct share_node *n = dir ? share_node_get(s, fd, dir->export) : export_node(s, name);
    if (!n)
        return -errno;
    *ret = n;
    return 0;
}

static int reply_child(struct share_call *c, const struct share_node *dir, const char *name)
{
    struct share_node *n;
    int rc = share_child(c->share, dir, name, &n);
    return rc < 0 ? rc : share_fill_entry(c->share, n, (struct fuse_entry_out *)c->answer);
}

int share_lookup(struct share_call *c)
{
    const struct share_node *dir = share_find(c->share, c->head.nodeid);
    const char *name = share_name(c->arg, c->len);
    if (!dir && c->head.nodeid != FUSE_ROOT_ID)
        return -ESTALE;
    return name ? reply_child(c, dir, name) : -EINVAL;
}

/* ---- making ---- */

/* The folder that is to be changed, and the name at `skip` of the message. */
static int place(const struct share_call *c, uint64_t id, uint32_t skip, const struct share_node **ret,
                 const char **ret_name)
{
    const struct share_node *dir = share_find(c->share, id);
    const char *name = skip < c->len ? share_name(c->arg + skip, c->len - skip) : NULL;
    if (!dir)
        return id == FUSE_ROOT_ID ? -EROFS : -ESTALE;
    if (!name)
        return -EINVAL;
    *ret = dir;
    *ret_name = name;
    return dir->read_only ? -EROFS : 0;
}

/*
 * Owner and group as a file system gives them: the group of a folder that says so is the folder's. Where we
 * are an ordinary user, all that is made is that user's.
 */
int share_own(int dir, int fd, const struct fuse_in_header *h)
{
    struct stat parent, st;
    if (fstat(dir, &parent) < 0 || fstat(fd, &st) < 0)
        return -errno;
    gid_t gid = parent.st_mode & S_ISGID ? (gid_t)-1 : h->gid;
    if (fchownat(fd, "", h->uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
        return errno == EPERM && geteuid() != 0 ? 0 : -errno;
    return 0;
}

/* More than a name: not in a folder of small files. */
static int place_new(const struct share_call *c, uint32_t skip, const struct share_node **ret,
                     const char **ret_name)
{
    int rc = place(c, c->head.nodeid, skip, ret, ret_name);
    return rc == 0 && (*ret)->small ? -EPERM : rc;
}

static int own_child(const struct share_call *c, const struct share_node *dir, const char *name)
{
    OWN_FD fd = openat(dir->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : share_own(dir->fd, fd, &c->head);
}

static int made(struct share_call *c, const struct share_node *dir, const char *name)
{
    int rc = own_child(c, dir, name);
    return rc < 0 ? rc : reply_child(c, dir, name);
}

/* Devices would be the host's: only what an overlay calls a whiteout, which is none. */
static bool may_make(const struct fuse_mknod_in *in)
{
    mode_t type = in->mode & S_IFMT;
    return type == S_IFREG || type == S_IFIFO || type == S_IFSOCK || (type == S_IFCHR && in->rdev == 0);
}

int share_mknod(struct share_call *c)
{
    const struct fuse_mknod_in *in = (const struct fuse_mknod_in *)c->arg;
    const struct share_node *dir;
    const char *name;
    int rc = place_new(c, sizeof(*in), &dir, &name);
    if (rc < 0)
        return rc;
    if (!may_make(in))
        return -EPERM;
    return mknodat(dir->fd, name, in->mode, 0) < 0 ? -errno : made(c, dir, name);
}

int share_mkdir(struct share_call *c)
{
    const struct fuse_mkdir_in *in = (const struct fuse_mkdir_in *)c->arg;
    const struct share_node *dir;
    const char *name;
    int rc = place_new(c, sizeof(*in), &dir, &name);
    if (rc < 0)
        return rc;
    return mkdirat(dir->fd, name, in->mode & 07777) < 0 ? -errno : made(c, dir, name);
}

int share_symlink(struct share_call *c)
{
    const struct share_node *dir;
    const char *name;
    int rc = place_new(c, 0, &dir, &name);
    if (rc < 0)
        return rc;
    uint32_t skip = (uint32_t)strlen(name) + 1;
    const char *target = (const char *)c->arg + skip;
    if (strnlen(target, c->len - skip) == c->len - skip)
        return -EINVAL;
    return symlinkat(target, dir->fd, name) < 0 ? -errno : made(c, dir, name);
}

int share_link(struct share_call *c)
{
    const struct fuse_link_in *in = (const struct fuse_link_in *)c->arg;
    const struct share_node *dir, *old = share_find(c->share, in->oldnodeid);
    const char *name;
    char from[16];
    int rc = place_new(c, sizeof(*in), &dir, &name);
    if (rc < 0)
        return rc;
    if (!old || old->export != dir->export)
        return old ? -EXDEV : -ESTALE;
    if (linkat(c->share->proc, share_proc_name(old, from), dir->fd, name, AT_SYMLINK_FOLLOW) < 0)
        return -errno;
    return reply_child(c, dir, name);
}

/* ---- removing, moving, reading ---- */

static int remove_name(struct share_call *c, int flags)
{
    const struct share_node *dir;
    const char *name;
    int rc = place(c, c->head.nodeid, 0, &dir, &name);
    if (rc < 0)
        return rc;
    return unlinkat(dir->fd, name, flags) < 0 ? -errno : 0;
}

int share_unlink(struct share_call *c)
{
    return remove_name(c, 0);
}

int share_rmdir(struct share_call *c)
{
    return remove_name(c, AT_REMOVEDIR);
}

static int move(struct share_call *c, uint64_t to, uint32_t skip, uint32_t flags)
{
    const struct share_node *old_dir, *new_dir;
    const char *old, *new;
    int rc = place(c, c->head.nodeid, skip, &old_dir, &old);
    if (rc == 0)
        rc = place(c, to, skip + (uint32_t)strlen(old) + 1, &new_dir, &new);
    if (rc < 0)
        return rc;
    if (old_dir->export != new_dir->export)
        return -EXDEV;
    if (flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE))
        return -EINVAL;
    return syscall(SYS_renameat2, old_dir->fd, old, new_dir->fd, new, flags) < 0 ? -errno : 0;
}

int share_rename(struct share_call *c)
{
    const struct fuse_rename_in *in = (const struct fuse_rename_in *)c->arg;
    return move(c, in->newdir, sizeof(*in), 0);
}

int share_rename2(struct share_call *c)
{
    const struct fuse_rename2_in *in = (const struct fuse_rename2_in *)c->arg;
    return move(c, in->newdir, sizeof(*in), in->flags);
}

int share_readlink(struct share_call *c)
{
    const struct share_node *n = share_find(c->share, c->head.nodeid);
    if (!n)
        return -EINVAL;
    ssize_t len = readlinkat(n->fd, "", (char *)c->answer, PATH_MAX);
    return len < 0 ? -errno : (int)len;
}
