// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ext4_unpack: a whole file system as files of the host: owners, modes, times, links, attributes, devices.
 *
 * Every name is made below a folder that was opened before it, without following links, so that nothing in a
 * hostile file system leads out. Left out: sockets, and what an ordinary user cannot make (owners, devices).
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "store/ext4_impl.h"

#define DEPTH_MAX 128
#define PIECE     (256u << 10)

struct linked { /* a file with more names: where its first one is */
    ext2_ino_t ino;
    char *path;
};

struct unpack {
    struct ext4 *f;
    int top;
    bool root; /* may give files away and make devices */
    char *piece;
    struct linked *linked;
    size_t nr_linked;
};

struct place { /* one folder that is being filled */
    struct unpack *u;
    int dir;
    const char *path; /* below the top */
    unsigned depth;
};

/* ---- content ---- */

static bool is_zero(const char *p, size_t len)
{
    return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

static int fill(struct unpack *u, ext2_file_t file, int fd)
{
    uint64_t at = 0;
    for (;;) {
        unsigned got = 0;
        errcode_t code = ext2fs_file_read(file, u->piece, PIECE, &got);
        if (code)
            return ext4_errno(code);
        if (got == 0)
            return ftruncate(fd, (off_t)at) < 0 ? -errno : 0;
        if (!is_zero(u->piece, got) && pwrite(fd, u->piece, got, (off_t)at) != (ssize_t)got)
            return errno ? -errno : -EIO;
        at += got;
    }
}

static int regular(struct place *p, const char *name, ext2_ino_t ino)
{
    ext2_file_t file;
    OWN_FD fd = openat(p->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    errcode_t code = ext2fs_file_open(p->u->f->fs, ino, 0, &file);
    if (code)
        return ext4_errno(code);
    int rc = fill(p->u, file, fd);
    ext2fs_file_close(file);
    return rc;
}

/* Short ones stand in the inode itself. */
static int symbolic(struct place *p, const char *name, ext2_ino_t ino, const struct ext2_inode *i)
{
    char text[4096] = "";
    unsigned got = 0;
    if (i->i_size >= sizeof(text))
        return -EINVAL;
    if (ext2fs_is_fast_symlink((struct ext2_inode *)(uintptr_t)i)) {
        got = i->i_size < sizeof(i->i_block) ? i->i_size : (unsigned)sizeof(i->i_block);
        memcpy(text, i->i_block, got);
    } else {
        ext2_file_t file;
        errcode_t code = ext2fs_file_open(p->u->f->fs, ino, 0, &file);
        if (code)
            return ext4_errno(code);
        code = ext2fs_file_read(file, text, i->i_size, &got);
        ext2fs_file_close(file);
        if (code)
            return ext4_errno(code);
    }
    text[got] = 0;
    return symlinkat(text, p->dir, name) < 0 ? -errno : 0;
}

static int special(struct place *p, const char *name, const struct ext2_inode *i)
{
    bool fifo = LINUX_S_ISFIFO(i->i_mode), device = LINUX_S_ISCHR(i->i_mode) || LINUX_S_ISBLK(i->i_mode);
    if (!fifo && !device && !LINUX_S_ISSOCK(i->i_mode))
        return -EINVAL;
    if (LINUX_S_ISSOCK(i->i_mode) || (!fifo && !p->u->root))
        return 1;
    dev_t dev = i->i_block[0] ? makedev(i->i_block[0] >> 8 & 0xff, i->i_block[0] & 0xff)
                              : makedev(i->i_block[1] >> 8 & 0xfff,
                                        (i->i_block[1] & 0xff) | (i->i_block[1] >> 12 & 0xfff00));
    return mknodat(p->dir, name, i->i_mode & (S_IFMT | 0600), fifo ? 0 : dev) < 0 ? -errno : 0;
}

/* ---- attributes ---- */

struct attributes {
    char path[64];
};

/* What this host does not keep is left out: POSIX ACLs on a tmpfs, labels without SELinux. */
static int attribute(char *name, char *value, size_t len, void *ctx)
{
    const struct attributes *a = ctx;
    (void)setxattr(a->path, name, value, len, 0);
    return 0;
}

static void attributes(struct place *p, const char *name, ext2_ino_t ino)
{
    struct ext2_xattr_handle *h = NULL;
    struct attributes a;
    OWN_FD fd = openat(p->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    snprintf(a.path, sizeof(a.path), "/proc/self/fd/%d", fd);
    size_t nr = 0;
    if (fd < 0 || ext2fs_xattrs_open(p->u->f->fs, ino, &h))
        return;
    if (ext2fs_xattrs_read(h) == 0 && ext2fs_xattrs_count(h, &nr) == 0 && nr)
        ext2fs_xattrs_iterate(h, attribute, &a);
    ext2fs_xattrs_close(&h);
}

/* The owner before the mode: a new owner takes set-id bits away. */
static int finish(struct place *p, const char *name, ext2_ino_t ino, const struct ext2_inode *i)
{
    bool link = LINUX_S_ISLNK(i->i_mode);
    if (p->u->root && fchownat(p->dir, name, inode_uid(*i), inode_gid(*i), AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (!link)
        attributes(p, name, ino);
    mode_t mode = i->i_mode & 07777;
    if (!p->u->root) /* who is no root needs the owner's bits to remove it again */
        mode |= LINUX_S_ISDIR(i->i_mode) ? 0700 : 0600;
    if (!link && fchmodat(p->dir, name, mode, 0) < 0)
        return -errno;
    const struct timespec times[2] = {{.tv_sec = (int32_t)i->i_mtime}, {.tv_sec = (int32_t)i->i_mtime}};
    (void)utimensat(p->dir, name, times, AT_SYMLINK_NOFOLLOW);
    return 0;
}

/* ---- the tree ---- */

static const char *first_name(const struct unpack *u, ext2_ino_t ino)
{
    for (size_t i = 0; i < u->nr_linked; i++)
        if (u->linked[i].ino == ino)
            return u->linked[i].path;
    return NULL;
}

static int remember(struct unpack *u, ext2_ino_t ino, const char *path)
{
    struct linked *more = realloc(u->linked, (u->nr_linked + 1) * sizeof(*more));
    if (!more)
        return -ENOMEM;
    u->linked = more;
    more[u->nr_linked] = (struct linked){ino, strdup(path)};
    return more[u->nr_linked++].path ? 0 : -ENOMEM;
}

static int entries(struct place *p, ext2_ino_t dir);

static int folder(struct place *p, const char *name, const char *path, ext2_ino_t ino)
{
    if (p->depth == 0)
        return -ELOOP;
    if (mkdirat(p->dir, name, 0700) < 0)
        return -errno;
    OWN_FD sub = openat(p->dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return sub < 0 ? -errno : entries(&(struct place){p->u, sub, path, p->depth - 1}, ino);
}

static int node(struct place *p, const char *name, ext2_ino_t ino)
{
    struct ext2_inode i;
    errcode_t code = ext2fs_read_inode(p->u->f->fs, ino, &i);
    OWN_MEM char *path = path_make("%s%s%s", p->path, *p->path ? "/" : "", name);
    if (code || !path)
        return code ? ext4_errno(code) : -ENOMEM;
    bool dir = LINUX_S_ISDIR(i.i_mode);
    const char *first = dir || i.i_links_count < 2 ? NULL : first_name(p->u, ino);
    if (first)
        return linkat(p->u->top, first, p->dir, name, 0) < 0 ? -errno : 0;
    int rc = dir                       ? folder(p, name, path, ino)
             : LINUX_S_ISREG(i.i_mode) ? regular(p, name, ino)
             : LINUX_S_ISLNK(i.i_mode) ? symbolic(p, name, ino, &i)
                                       : special(p, name, &i);
    if (rc == 0 && !dir && i.i_links_count > 1)
        rc = remember(p->u, ino, path);
    return rc ? (rc > 0 ? 0 : rc) : finish(p, name, ino, &i);
}

static int entry(void *ctx, const char *name, ext2_ino_t ino)
{
    struct place *p = ctx;
    bool checkers_own = *p->path == 0 && strcmp(name, "lost+found") == 0;
    return checkers_own ? 0 : node(p, name, ino);
}

static int entries(struct place *p, ext2_ino_t dir)
{
    return ext4_entries(p->u->f, dir, entry, p);
}

static void unpack_fini(struct unpack *u)
{
    for (size_t i = 0; i < u->nr_linked; i++)
        free(u->linked[i].path);
    free(u->linked);
    free(u->piece);
}

int ext4_unpack(struct ext4 *f, const char *to, struct err *e)
{
    __attribute__((cleanup(unpack_fini))) struct unpack u = {
        .f = f, .root = geteuid() == 0, .piece = malloc(PIECE)};
    OWN_FD top = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0 || !u.piece)
        return err_sys(e, "%s", to);
    u.top = top;
    mode_t mask = umask(0);
    errno = 0;
    int rc = entries(&(struct place){&u, top, "", DEPTH_MAX}, EXT2_ROOT_INO);
    umask(mask);
    return rc < 0 ? err_code(e, rc, "%s: unpack", f->path) : 0;
}
