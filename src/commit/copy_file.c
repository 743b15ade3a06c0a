// SPDX-License-Identifier: GPL-2.0-or-later
/* copy_file: see copy_file.h. The copy is ours alone, and never are names in it followed through links. */
#include "commit/copy_file.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/inroot.h"
#include "base/proc.h"
#include "commit/xattrs.h"

#define PIECE (16u << 20)

/* ---- content ---- */

static int copy_range(int from, int to, off_t at, off_t end, struct progress *p)
{
    while (at < end) {
        off_t out = at;
        size_t len = end - at < PIECE ? (size_t)(end - at) : PIECE;
        if (interrupt_pending())
            return -EINTR;
        ssize_t n = copy_file_range(from, &at, to, &out, len, 0);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return 0; /* it became shorter */
        if (n > 0)
            progress_add(p, (uint64_t)n);
    }
    return 0;
}

/* Holes stay holes. */
static int copy_data(int from, int to, off_t size, struct progress *p)
{
    for (off_t at = 0; at < size;) {
        off_t data = lseek(from, at, SEEK_DATA);
        if (data < 0)
            return errno == ENXIO ? 0 : -errno;
        off_t hole = lseek(from, data, SEEK_HOLE);
        if (hole < 0)
            return -errno;
        int rc = copy_range(from, to, data, hole < size ? hole : size, p);
        if (rc < 0)
            return rc;
        at = hole;
    }
    return 0;
}

/* Written out first: only then does a write through a mapping change the file's time. */
static int copy_content(int from, int to, off_t size, struct progress *p)
{
    (void)sync_file_range(from, 0, 0,
                          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    int rc = copy_data(from, to, size, p);
    return rc == 0 && ftruncate(to, size) < 0 ? -errno : rc;
}

/* ---- making ---- */

static int make_regular(int dir, const char *name, const struct upper_entry *u, struct progress *p)
{
    OWN_FD from = openat(u->dir, u->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (from < 0)
        return -errno;
    struct stat st;
    if (fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
        return -ESTALE;
    OWN_FD to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return to < 0 ? -errno : copy_content(from, to, st.st_size, p);
}

static int make_symlink(int dir, const char *name, const struct upper_entry *u)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(u->dir, u->name, text, sizeof(text) - 1);
    if (n < 0)
        return errno == EINVAL ? -ESTALE : -errno;
    text[n] = 0;
    return symlinkat(text, dir, name) < 0 ? -errno : 0;
}

static int make_folder(int dir, const char *name)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
        return 0;
    int rc = copy_file_remove(dir, name);
    return rc == 0 && mkdirat(dir, name, 0700) < 0 ? -errno : rc;
}

static int make(int dir, const char *name, const struct upper_entry *u, struct progress *p)
{
    if (S_ISDIR(u->st.st_mode))
        return make_folder(dir, name);
    int rc = copy_file_remove(dir, name);
    if (rc < 0)
        return rc;
    if (S_ISREG(u->st.st_mode))
        return make_regular(dir, name, u, p);
    if (S_ISLNK(u->st.st_mode))
        return make_symlink(dir, name, u);
    return mknodat(dir, name, (u->st.st_mode & S_IFMT) | 0600, u->st.st_rdev) < 0 ? -errno : 0;
}

/* ---- what it has besides ---- */

static int set_xattr(void *ctx, const char *name, const void *value, size_t len)
{
    return setxattr(ctx, name, value, len, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM ? -errno : 0;
}

static int drop_stale(void *ctx, const char *name, const void *value, size_t len)
{
    (void)value, (void)len;
    return removexattr(ctx, name) < 0 && errno != ENODATA && errno != EPERM && errno != EACCES ? -errno : 0;
}

/* The owner before attributes and mode: a new owner takes capabilities and set-id bits away. */
static int copy_meta(int dir, const char *name, const struct upper_entry *u)
{
    char self[40];
    OWN_FD fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchownat(fd, "", u->st.st_uid, u->st.st_gid, AT_EMPTY_PATH) < 0)
        return -errno;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    int rc = 0;
    if (S_ISDIR(u->st.st_mode)) /* which may have been there */
        rc = xattrs_each(dir, name, drop_stale, self);
    if (rc == 0 && (S_ISREG(u->st.st_mode) || S_ISDIR(u->st.st_mode)))
        rc = xattrs_each(u->dir, u->name, set_xattr, self);
    if (rc < 0)
        return rc;
    return !S_ISLNK(u->st.st_mode) && chmod(self, u->st.st_mode & 07777) < 0 ? -errno : 0;
}

static int set_times(int dir, const char *name, struct timespec atime, struct timespec mtime)
{
    return utimensat(dir, name, (struct timespec[]){atime, mtime}, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* ---- by path ---- */

static int open_parent(int to, const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    *ret_name = slash ? slash + 1 : path;
    OWN_MEM char *dir = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    return dir ? inroot_open_plain(to, dir, O_RDONLY | O_DIRECTORY, 0) : -ENOMEM;
}

int copy_file(int to, const struct upper_entry *u, struct progress *p)
{
    const char *name;
    OWN_FD dir = open_parent(to, u->path, &name);
    if (dir < 0)
        return dir;
    int rc = make(dir, name, u, p);
    if (rc < 0 || (rc = copy_meta(dir, name, u)) < 0)
        return rc;
    return set_times(dir, name, u->st.st_atim, u->st.st_mtim);
}

int copy_file_times(int to, const char *path, struct timespec atime, struct timespec mtime)
{
    const char *name;
    OWN_FD dir = open_parent(to, path, &name);
    return dir < 0 ? dir : set_times(dir, name, atime, mtime);
}

int copy_file_link(int to, const char *first, const char *path)
{
    const char *from_name, *name;
    OWN_FD from = open_parent(to, first, &from_name);
    OWN_FD dir = open_parent(to, path, &name);
    if (from < 0 || dir < 0)
        return from < 0 ? from : dir;
    int rc = copy_file_remove(dir, name);
    return rc == 0 && linkat(from, from_name, dir, name, 0) < 0 ? -errno : rc;
}

int copy_file_remove(int to, const char *path)
{
    const char *name;
    OWN_FD dir = open_parent(to, path, &name);
    if (dir < 0)
        return dir == -ENOENT || dir == -ENOTDIR || dir == -ELOOP ? 0 : dir;
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    OWN_MEM char *folder = path_make("/proc/self/fd/%d/%s", dir, name);
    return folder ? dir_remove(folder, NULL) : -ENOMEM;
}
