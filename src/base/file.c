// SPDX-License-Identifier: GPL-2.0-or-later
/* file: see file.h. */
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/buf.h"

char *path_make(const char *fmt, ...)
{
    char *path;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&path, fmt, ap);
    va_end(ap);
    return n < 0 ? NULL : path;
}

/* ---- whole files ---- */

/* For the first read: what the file says it holds and a byte more, to see its end; /proc's files say nothing.
 */
static size_t room_for(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_size > 0 ? (size_t)st.st_size + 1 : 1024;
}

/* Up to max + 1 bytes, so that one too many is seen. */
static int read_up_to(int fd, size_t max, struct buf *b)
{
    size_t room = room_for(fd);
    while (b->len <= max) {
        size_t left = max + 1 - b->len;
        size_t n = left < room ? left : room;
        uint8_t *to = buf_reserve(b, n);
        if (!to)
            return -ENOMEM;
        ssize_t got = read(fd, to, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            return 0;
        buf_commit(b, (size_t)got);
        room = b->cap > b->len ? b->cap - b->len : b->len;
    }
    return -EFBIG;
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
    OWN_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_sys(e, "open %s", path);
    OWN_BUF b = {0};
    int rc = read_up_to(fd, max, &b);
    if (rc == -EFBIG)
        return err_set(e, rc, "%s: larger than %zu bytes", path, max);
    if (rc == 0)
        rc = buf_append(&b, "", 1);
    if (rc < 0)
        return err_code(e, rc, "read %s", path);
    if (ret_len)
        *ret_len = b.len - 1;
    *ret = (char *)take(b.mem); /* nothing was consumed: the bytes start at mem */
    return 0;
}

int file_reopen_regular(int path_fd)
{
    struct stat st;
    char self[40];
    if (fstat(path_fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
    int fd = open(self, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int file_write_all(int fd, const void *data, size_t len)
{
    const char *from = data;
    while (len) {
        ssize_t n = write(fd, from, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        from += n;
        len -= (size_t)n;
    }
    return 0;
}

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return strdup(".");
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

int dir_sync(const char *path, struct err *e)
{
    OWN_FD fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL)) /* EINVAL: a file system without it */
        return err_sys(e, "sync %s", path);
    return 0;
}

static int fill_file(int fd, const void *data, size_t len, mode_t mode)
{
    int rc = file_write_all(fd, data, len);
    if (rc < 0)
        return rc;
    return fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -errno : 0;
}

int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
    OWN_MEM char *tmp = path_make("%s.new-XXXXXX", path);
    OWN_MEM char *parent = parent_of(path);
    if (!tmp || !parent)
        return err_code(e, -ENOMEM, "write %s", path);
    OWN_FD fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "write %s", path);
    int rc = fill_file(fd, data, len, mode);
    if (rc == 0 && rename(tmp, path) < 0)
        rc = -errno;
    if (rc < 0) {
        unlink(tmp);
        return err_code(e, rc, "write %s", path);
    }
    return dir_sync(parent, e);
}

/* ---- folders ---- */

static int make_one(const char *path, mode_t mode, struct err *e)
{
    if (mkdir(path, mode) == 0)
        return 0;
    int code = -errno;
    struct stat st;
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? 0 : err_code(e, -ENOTDIR, "create folder %s", path);
    return err_code(e, code, "create folder %s", path);
}

int dir_make(const char *path, mode_t mode, struct err *e)
{
    if (access(path, F_OK) == 0) /* most are */
        return make_one(path, mode, e);
    OWN_MEM char *upto = strdup(path);
    if (!upto)
        return err_code(e, -ENOMEM, "create folder %s", path);
    for (char *slash = upto; (slash = strchr(slash + 1, '/'));) {
        *slash = 0;
        int rc = make_one(upto, mode, e);
        if (rc < 0)
            return rc;
        *slash = '/';
    }
    return make_one(path, mode, e);
}

int dir_make_private(const char *path, struct err *e)
{
    struct stat st;
    int rc = dir_make(path, 0700, e);
    if (rc < 0)
        return rc;
    if (stat(path, &st) < 0 || ((st.st_mode & 077) && chmod(path, 0700) < 0))
        return err_sys(e, "%s", path);
    return 0;
}

static int remove_at(int dir, const char *name);

static int remove_content(int fd)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    int rc = 0;
    const struct dirent *entry;
    while ((entry = readdir(d))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        int one = remove_at(dirfd(d), entry->d_name);
        if (rc == 0)
            rc = one; /* the first trouble is told, the rest is removed nevertheless */
    }
    closedir(d);
    return rc;
}

static bool is_mount(int dir, const char *name)
{
    struct statx sx;
    return statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &sx) == 0 &&
           (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static int remove_at(int dir, const char *name)
{
    if (is_mount(dir, name))
        return -EBUSY;
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM && errno != EACCES)
        return -errno;
    int code = -errno;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(dir, name, 0700, 0) == 0)
        fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOTDIR ? code : -errno;
    struct stat st;
    if (fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
        (void)!fchmod(fd, 0700); /* our own folder without a w or x: else its content cannot go */
    int rc = remove_content(fd);
    if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT && rc == 0)
        rc = -errno;
    return rc;
}

int dir_clear(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : remove_content(fd);
}

int dir_remove(const char *path, struct err *e)
{
    int rc = remove_at(AT_FDCWD, path);
    return rc < 0 ? err_code(e, rc, "remove %s", path) : 0;
}

/* ---- locks ---- */

int file_lock(const char *path, bool shared, bool wait, int *ret_fd, struct err *e)
{
    OWN_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && shared && (errno == EACCES || errno == EROFS))
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_sys(e, "open %s", path);
    int rc;
    do {
        rc = flock(fd, (shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB));
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return err_sys(e, "lock %s", path);
    *ret_fd = take_fd(&fd);
    return 0;
}
