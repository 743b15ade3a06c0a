// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ext4_read: the reading half of ext4; see ext4.h.
 *
 * The file system may have been made to harm: folders that contain themselves, names with slashes, sizes
 * of terabytes. The host sees new regular files and folders only, below the path it asked for.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/ext4_impl.h"

#define DEPTH_MAX 24
#define BYTES_MAX (4ull << 30)

static errcode_t find(struct ext4 *f, const char *path, ext2_ino_t *ret, struct ext2_inode *ret_inode)
{
    errcode_t rc = ext2fs_namei_follow(f->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, path, ret);
    return rc ? rc : ext2fs_read_inode(f->fs, *ret, ret_inode);
}

int ext4_errno(errcode_t code)
{
    if (code == EXT2_ET_FILE_NOT_FOUND || code == EXT2_ET_SYMLINK_LOOP)
        return -ENOENT;
    return code > 0 && code < 4096 ? -(int)code : -EINVAL;
}

ssize_t ext4_peek(struct ext4 *f, const char *path, void *data, size_t len)
{
    ext2_ino_t ino;
    struct ext2_inode i;
    ext2_file_t file;
    unsigned got = 0;
    errcode_t rc = find(f, path, &ino, &i);
    if (rc)
        return ext4_errno(rc);
    if (!LINUX_S_ISREG(i.i_mode))
        return -EINVAL;
    if ((rc = ext2fs_file_open(f->fs, ino, 0, &file)))
        return ext4_errno(rc);
    rc = ext2fs_file_read(file, data, (unsigned)len, &got);
    ext2fs_file_close(file);
    return rc ? ext4_errno(rc) : (ssize_t)got;
}

/* ---- folders ---- */

struct each {
    ext4_entry_fn *each;
    void *ctx;
    int rc;
};

static bool name_is_sane(const char *name, size_t len)
{
    return len > 0 && strlen(name) == len && !strchr(name, '/');
}

static int entry(struct ext2_dir_entry *d, int offset, int blocksize, char *buf, void *priv)
{
    (void)offset, (void)blocksize, (void)buf;
    struct each *x = priv;
    char name[EXT2_NAME_LEN + 1];
    size_t len = (size_t)ext2fs_dirent_name_len(d);
    memcpy(name, d->name, len);
    name[len] = 0;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    x->rc = name_is_sane(name, len) ? x->each(x->ctx, name, d->inode) : -EINVAL;
    return x->rc ? DIRENT_ABORT : 0;
}

int ext4_entries(struct ext4 *f, ext2_ino_t dir, ext4_entry_fn *fn, void *ctx)
{
    struct each x = {.each = fn, .ctx = ctx};
    errcode_t rc = ext2fs_dir_iterate(f->fs, dir, 0, NULL, entry, &x);
    return rc ? ext4_errno(rc) : x.rc;
}

struct names {
    int (*each)(void *ctx, const char *name);
    void *ctx;
};

static int only_name(void *ctx, const char *name, ext2_ino_t ino)
{
    (void)ino;
    struct names *n = ctx;
    return n->each(n->ctx, name);
}

int ext4_each(struct ext4 *f, const char *path, int (*each)(void *ctx, const char *name), void *ctx,
              struct err *e)
{
    ext2_ino_t ino;
    struct ext2_inode i;
    errcode_t code = find(f, path, &ino, &i);
    if (code)
        return ext4_err(e, code, "%s: %s", f->path, path);
    int rc = ext4_entries(f, ino, only_name, &(struct names){each, ctx});
    return rc < 0 ? err_code(e, rc, "%s: %s", f->path, path) : 0;
}

/* ---- copying out ---- */

struct copy {
    struct ext4 *f;
    int dir; /* the host's folder that is filled */
    unsigned depth;
    uint64_t *left; /* bytes that may still come */
};

static int copy_data(struct copy *c, ext2_file_t file, int fd)
{
    for (;;) {
        char data[65536];
        unsigned got = 0;
        errcode_t code = ext2fs_file_read(file, data, sizeof(data), &got);
        if (code)
            return ext4_errno(code);
        if (got == 0)
            return 0;
        if (got > *c->left)
            return -EINVAL;
        *c->left -= got;
        int rc = file_write_all(fd, data, got);
        if (rc < 0)
            return rc;
    }
}

static int copy_file(struct copy *c, const char *name, ext2_ino_t ino)
{
    ext2_file_t file;
    OWN_FD fd = openat(c->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    errcode_t code = ext2fs_file_open(c->f->fs, ino, 0, &file);
    if (code)
        return ext4_errno(code);
    int rc = copy_data(c, file, fd);
    ext2fs_file_close(file);
    return rc;
}

static int copy_entry(void *ctx, const char *name, ext2_ino_t ino)
{
    struct copy *c = ctx;
    struct ext2_inode i;
    errcode_t code = ext2fs_read_inode(c->f->fs, ino, &i);
    if (code)
        return ext4_errno(code);
    if (LINUX_S_ISREG(i.i_mode))
        return copy_file(c, name, ino);
    if (!LINUX_S_ISDIR(i.i_mode))
        return 0;
    if (c->depth == 0)
        return -ELOOP;
    if (mkdirat(c->dir, name, 0755) < 0)
        return -errno;
    OWN_FD sub = openat(c->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (sub < 0)
        return -errno;
    return ext4_entries(c->f, ino, copy_entry, &(struct copy){c->f, sub, c->depth - 1, c->left});
}

int ext4_copy_out(struct ext4 *f, const char *path, const char *to, struct err *e)
{
    ext2_ino_t ino;
    struct ext2_inode i;
    uint64_t left = BYTES_MAX;
    errcode_t code = find(f, path, &ino, &i);
    if (code)
        return ext4_err(e, code, "%s: %s", f->path, path);
    int rc = copy_entry(&(struct copy){f, AT_FDCWD, DEPTH_MAX, &left}, to, ino);
    return rc < 0 ? err_code(e, rc, "%s: copy %s", f->path, path) : 0;
}
