// SPDX-License-Identifier: GPL-2.0-or-later
/* share_attr: the attributes of nodes. Source: as share.c. */
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "host/share_impl.h"

#define VALID_S 1 /* for so long the guest need not ask again: what the host changes is seen by then */

/* Inodes of all exports and of mounts below them are one file system's to the guest. */
static uint64_t inode_number(const struct share_node *n)
{
    return n->ino ^ (uint64_t)n->export << 56 ^ (uint64_t)(n->dev * 0x9e3779b1u & 0xffff) << 40;
}

static void root_attr(struct fuse_attr *ret)
{
    *ret = (struct fuse_attr){.ino = FUSE_ROOT_ID, .mode = S_IFDIR | 0555, .nlink = 2, .blksize = 4096};
}

int share_fill_attr(const struct share_node *n, struct fuse_attr *ret)
{
    struct stat st;
    if (!n) {
        root_attr(ret);
        return 0;
    }
    if (fstat(n->fd, &st) < 0)
        return -errno;
    *ret = (struct fuse_attr){
        .ino = inode_number(n),
        .size = (uint64_t)st.st_size,
        .blocks = (uint64_t)st.st_blocks,
        .atime = (uint64_t)st.st_atim.tv_sec,
        .mtime = (uint64_t)st.st_mtim.tv_sec,
        .ctime = (uint64_t)st.st_ctim.tv_sec,
        .atimensec = (uint32_t)st.st_atim.tv_nsec,
        .mtimensec = (uint32_t)st.st_mtim.tv_nsec,
        .ctimensec = (uint32_t)st.st_ctim.tv_nsec,
        .mode = st.st_mode,
        .nlink = (uint32_t)st.st_nlink,
        .uid = st.st_uid,
        .gid = st.st_gid,
        .rdev = (minor(st.st_rdev) & 0xff) | major(st.st_rdev) << 8 | (minor(st.st_rdev) & ~0xffu) << 12,
        .blksize = (uint32_t)st.st_blksize,
    };
    return 0;
}

int share_fill_entry(struct share *s, struct share_node *n, struct fuse_entry_out *ret)
{
    *ret = (struct fuse_entry_out){
        .nodeid = n->id, .generation = 1, .entry_valid = VALID_S, .attr_valid = VALID_S};
    int rc = share_fill_attr(n, &ret->attr);
    if (rc < 0)
        share_forget(s, n->id, 1);
    return rc < 0 ? rc : (int)sizeof(*ret);
}

int share_getattr(struct share_call *c)
{
    struct fuse_attr_out *out = (struct fuse_attr_out *)c->answer;
    const struct share_node *n = share_find(c->share, c->head.nodeid);
    if (!n && c->head.nodeid != FUSE_ROOT_ID)
        return -ESTALE;
    *out = (struct fuse_attr_out){.attr_valid = VALID_S};
    int rc = share_fill_attr(n, &out->attr);
    return rc < 0 ? rc : (int)sizeof(*out);
}

/* ---- changes ---- */

/* What a write by another than its owner takes from a program. We are root, whose writes take nothing. */
void share_drop_suid(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    mode_t gone = (st.st_mode & S_ISUID) | (st.st_mode & S_IXGRP ? st.st_mode & S_ISGID : 0);
    if (gone)
        (void)!fchmod(fd, st.st_mode & 07777 & ~gone);
}

static int set_size(struct share *s, const struct share_node *n, const struct fuse_setattr_in *in)
{
    if (n->small && in->size > SHARE_FILE_BYTES)
        return -EFBIG;
    const struct share_handle *h = in->valid & FATTR_FH ? share_handle(s, in->fh, false) : NULL;
    OWN_FD own = h ? -1 : share_reopen(s, n, O_WRONLY);
    if (!h && own < 0)
        return own;
    int fd = h ? h->fd : own, rc = ftruncate(fd, (off_t)in->size) < 0 ? -errno : 0;
    if (rc == 0 && (in->valid & FATTR_KILL_SUIDGID))
        share_drop_suid(fd);
    return rc;
}

static struct timespec when(uint32_t valid, uint32_t given, uint32_t now, uint64_t s, uint32_t ns)
{
    if (valid & now)
        return (struct timespec){.tv_nsec = UTIME_NOW};
    if (valid & given)
        return (struct timespec){.tv_sec = (time_t)s, .tv_nsec = ns < 1000000000u ? (long)ns : 0};
    return (struct timespec){.tv_nsec = UTIME_OMIT};
}

static int set_times(struct share *s, const struct share_node *n, const struct fuse_setattr_in *in)
{
    const struct timespec t[2] = {when(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
                                  when(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec)};
    char name[16];
    return utimensat(s->proc, share_proc_name(n, name), t, 0) < 0 ? -errno : 0;
}

static int set_owner(const struct share_node *n, const struct fuse_setattr_in *in)
{
    uid_t uid = in->valid & FATTR_UID ? in->uid : (uid_t)-1;
    gid_t gid = in->valid & FATTR_GID ? in->gid : (gid_t)-1;
    return fchownat(n->fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int set_mode(struct share *s, const struct share_node *n, uint32_t mode)
{
    char name[16];
    if (n->type == S_IFLNK)
        return -EOPNOTSUPP;
    return fchmodat(s->proc, share_proc_name(n, name), mode & 07777, 0) < 0 ? -errno : 0;
}

/* The owner first: the kernel takes the set-user-ID bit away with it, and the guest says what is to stay. */
static int change(struct share *s, const struct share_node *n, const struct fuse_setattr_in *in)
{
    int rc = in->valid & (FATTR_UID | FATTR_GID) ? set_owner(n, in) : 0;
    if (rc == 0 && (in->valid & FATTR_MODE))
        rc = set_mode(s, n, in->mode);
    if (rc == 0 && (in->valid & FATTR_SIZE))
        rc = set_size(s, n, in);
    if (rc == 0 && (in->valid & (FATTR_ATIME | FATTR_MTIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW)))
        rc = set_times(s, n, in);
    return rc;
}

int share_setattr(struct share_call *c)
{
    const struct share_node *n = share_find(c->share, c->head.nodeid);
    if (!n || n->read_only)
        return n || c->head.nodeid == FUSE_ROOT_ID ? -EROFS : -ESTALE;
    int rc = change(c->share, n, (const struct fuse_setattr_in *)c->arg);
    return rc < 0 ? rc : share_getattr(c);
}

int share_statfs(struct share_call *c)
{
    struct fuse_statfs_out *out = (struct fuse_statfs_out *)c->answer;
    const struct share_node *n = share_find(c->share, c->head.nodeid);
    struct statvfs f = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};
    if (n && fstatvfs(n->fd, &f) < 0)
        return -errno;
    *out = (struct fuse_statfs_out){.st = {.blocks = f.f_blocks,
                                           .bfree = f.f_bfree,
                                           .bavail = f.f_bavail,
                                           .files = f.f_files,
                                           .ffree = f.f_ffree,
                                           .bsize = (uint32_t)f.f_bsize,
                                           .namelen = (uint32_t)f.f_namemax,
                                           .frsize = (uint32_t)f.f_frsize}};
    return sizeof(*out);
}
