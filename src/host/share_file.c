// SPDX-License-Identifier: GPL-2.0-or-later
/* share_file: open files. Contents go between the file and the guest's memory, never through ours. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "host/iov.h"
#include "host/share_impl.h"

/* Of what the guest's program asked for, that which is for us to do. */
#define FLAGS (O_ACCMODE | O_APPEND | O_DSYNC | O_SYNC)

static int reply_open(struct share_call *c, int fd, const struct share_node *n, void *answer)
{
    struct fuse_open_out *out = answer;
    int h = share_handle_new(c->share, fd, false, n);
    if (h < 0)
        return h;
    *out = (struct fuse_open_out){.fh = (uint64_t)h};
    return sizeof(*out);
}

static int open_node(struct share_call *c, const struct share_node *n, uint32_t flags)
{
    if (n->type != S_IFREG)
        return -EACCES;
    if (n->read_only && (flags & O_ACCMODE) != O_RDONLY)
        return -EROFS;
    return share_reopen(c->share, n, (int)flags & FLAGS);
}

int share_open(struct share_call *c)
{
    const struct fuse_open_in *in = (const struct fuse_open_in *)c->arg;
    const struct share_node *n = share_find(c->share, c->head.nodeid);
    if (!n)
        return -ESTALE;
    int fd = open_node(c, n, in->flags);
    return fd < 0 ? fd : reply_open(c, fd, n, c->answer);
}

/* A handful of names, so that counting them costs little. */
static bool has_room(const struct share_node *dir)
{
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    unsigned nr = 0;
    while (d && nr <= SHARE_FILES && readdir(d))
        nr++;
    if (d)
        closedir(d);
    else
        own_fd(&fd);
    return d && nr <= SHARE_FILES;
}

/* A new file is the caller's. One that the host made in the meantime is opened like any that was there. */
static int make(struct share_call *c, const struct share_node *dir, const char *name)
{
    const struct fuse_create_in *in = (const struct fuse_create_in *)c->arg;
    OWN_FD fd = openat(dir->fd, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, in->mode & 07777);
    if (fd < 0)
        return errno == EEXIST && !(in->flags & O_EXCL) ? 0 : -errno;
    int rc = share_own(dir->fd, fd, &c->head);
    if (rc == 0 && (in->mode & (S_ISUID | S_ISGID)))
        rc = fchmod(fd, in->mode & 07777) < 0 ? -errno : 0;
    return rc;
}

int share_create(struct share_call *c)
{
    const struct fuse_create_in *in = (const struct fuse_create_in *)c->arg;
    const struct share_node *dir = share_find(c->share, c->head.nodeid);
    const char *name = share_name(c->arg + sizeof(*in), c->len - (uint32_t)sizeof(*in));
    struct fuse_entry_out *entry = (struct fuse_entry_out *)c->answer;
    struct share_node *n;
    if (!dir || dir->read_only)
        return dir || c->head.nodeid == FUSE_ROOT_ID ? -EROFS : -ESTALE;
    int rc = !name ? -EINVAL : dir->small && !has_room(dir) ? -ENOSPC : make(c, dir, name);
    if (rc == 0)
        rc = share_child(c->share, dir, name, &n);
    if (rc < 0)
        return rc;
    int fd = open_node(c, n, in->flags);
    rc = fd < 0 ? fd : share_fill_entry(c->share, n, entry);
    if (rc < 0) {
        if (fd < 0)
            share_forget(c->share, n->id, 1);
        own_fd(&fd);
        return rc;
    }
    int open = reply_open(c, fd, n, entry + 1);
    if (open < 0)
        share_forget(c->share, n->id, 1);
    return open < 0 ? open : rc + open;
}

int share_release(struct share_call *c)
{
    const struct fuse_release_in *in = (const struct fuse_release_in *)c->arg;
    struct share_handle *h = share_handle(c->share, in->fh, c->head.opcode == FUSE_RELEASEDIR);
    if (!h)
        return -EBADF;
    share_handle_free(h);
    return 0;
}

int share_fsync(struct share_call *c)
{
    const struct fuse_fsync_in *in = (const struct fuse_fsync_in *)c->arg;
    const struct share_handle *h = share_handle(c->share, in->fh, c->head.opcode == FUSE_FSYNCDIR);
    if (!h)
        return c->head.nodeid == FUSE_ROOT_ID ? 0 : -EBADF;
    int rc = in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(h->fd) : fsync(h->fd);
    return rc < 0 ? -errno : 0;
}

/* ---- contents ---- */

/* The pieces of [skip, skip + len) of an iovec; as many as the guest's chain had at most. */
static int slice(const struct iovec *iov, unsigned nr, size_t skip, size_t len, struct iovec *ret)
{
    int n = 0;
    for (unsigned i = 0; i < nr && len > 0; i++) {
        size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len, there = iov[i].iov_len - from;
        skip -= from;
        if (there == 0)
            continue;
        there = there < len ? there : len;
        ret[n++] = (struct iovec){(char *)iov[i].iov_base + from, there};
        len -= there;
    }
    return n;
}

int share_read(struct share_call *c)
{
    const struct fuse_read_in *in = (const struct fuse_read_in *)c->arg;
    const struct share_handle *h = share_handle(c->share, in->fh, false);
    struct iovec iov[IOV_MAX];
    if (!h || c->req->nr_in > IOV_MAX)
        return -EBADF;
    size_t len = in->size < c->room ? in->size : c->room;
    int nr = slice(c->req->in, c->req->nr_in, sizeof(struct fuse_out_header), len, iov);
    ssize_t n = preadv(h->fd, iov, nr, (off_t)in->offset);
    c->answer = NULL;
    return n < 0 ? -errno : (int)n;
}

int share_write(struct share_call *c)
{
    const struct fuse_write_in *in = (const struct fuse_write_in *)c->arg;
    const struct share_handle *h = share_handle(c->share, in->fh, false);
    const size_t skip = sizeof(struct fuse_in_header) + sizeof(*in);
    struct fuse_write_out *out = (struct fuse_write_out *)c->answer;
    struct iovec iov[IOV_MAX];
    if (!h || h->read_only || c->req->nr_out > IOV_MAX)
        return -EBADF;
    if (in->size > c->req->out_bytes - skip)
        return -EINVAL;
    if (h->small && (in->offset > SHARE_FILE_BYTES || in->size > SHARE_FILE_BYTES - in->offset))
        return -EFBIG;
    if (in->write_flags & FUSE_WRITE_KILL_SUIDGID)
        share_drop_suid(h->fd);
    int nr = slice(c->req->out, c->req->nr_out, skip, in->size, iov);
    ssize_t n = pwritev(h->fd, iov, nr, (off_t)in->offset);
    if (n < 0)
        return -errno;
    *out = (struct fuse_write_out){.size = (uint32_t)n};
    return sizeof(*out);
}

int share_fallocate(struct share_call *c)
{
    const struct fuse_fallocate_in *in = (const struct fuse_fallocate_in *)c->arg;
    const struct share_handle *h = share_handle(c->share, in->fh, false);
    if (!h || h->read_only || h->small)
        return h && h->small ? -EOPNOTSUPP : -EBADF;
    return fallocate(h->fd, (int)in->mode, (off_t)in->offset, (off_t)in->length) < 0 ? -errno : 0;
}

int share_lseek(struct share_call *c)
{
    const struct fuse_lseek_in *in = (const struct fuse_lseek_in *)c->arg;
    const struct share_handle *h = share_handle(c->share, in->fh, false);
    struct fuse_lseek_out *out = (struct fuse_lseek_out *)c->answer;
    if (!h || (in->whence != SEEK_DATA && in->whence != SEEK_HOLE))
        return h ? -EINVAL : -EBADF;
    off_t at = lseek(h->fd, (off_t)in->offset, (int)in->whence);
    if (at < 0)
        return -errno;
    *out = (struct fuse_lseek_out){.offset = (uint64_t)at};
    return sizeof(*out);
}
