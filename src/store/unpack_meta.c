// SPDX-License-Identifier: GPL-2.0-or-later
/* unpack_meta: what files have besides their content: owner, attributes, mode, times; and overlayfs' marks.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/inroot.h"
#include "store/unpack_impl.h"

#define TRUSTED "trusted.overlay."
#define OURS    "user.overlay."

/* ---- overlayfs ---- */

/* What does not exist can be removed only by who may write there. */
bool unpack_marks_trusted(const char *path)
{
    return removexattr(path, TRUSTED "probe") == 0 || errno == ENODATA;
}

/* On overlayfs itself nobody can make its marks. */
static int dotted_mark(struct unpacking *u, int dir, const char *name)
{
    OWN_MEM char *mark = path_make(".wh.%s", name);
    OWN_FD fd = mark ? openat(dir, mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644) : -1;
    u->result->dotted = true;
    return fd < 0 ? -errno : 0;
}

int unpack_whiteout(struct unpacking *u, int dir, const char *name)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        int rc = mknodat(dir, name, S_IFCHR, 0) < 0 ? -errno : 0;
        return rc == -EPERM ? dotted_mark(u, dir, name) : rc;
    }
    if (!S_ISDIR(st.st_mode))
        return 0; /* it hides the one below by itself */
    OWN_FD fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : unpack_opaque(u, fd);
}

int unpack_opaque(struct unpacking *u, int dir)
{
    const char *name = u->trusted ? TRUSTED "opaque" : OURS "opaque";
    if (!u->result->dotted && fsetxattr(dir, name, "y", 1, 0) == 0)
        return 0;
    return u->result->dotted || errno == EPERM || errno == EOPNOTSUPP ? dotted_mark(u, dir, ".wh..opq")
                                                                      : -errno;
}

static bool is_whiteout(int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

bool unpack_unmark(const struct unpacking *u, int dir, const char *name)
{
    OWN_MEM char *mark = u->result->dotted ? path_make(".wh.%s", name) : NULL;
    if (mark && unlinkat(dir, mark, 0) == 0)
        return true;
    return u->c->layer && is_whiteout(dir, name) && unlinkat(dir, name, 0) == 0;
}

/* ---- attributes ---- */

struct target {
    struct unpacking *u;
    char self[40]; /* a name of the file that no link can stand for */
};

/* Without rights no capabilities; and what the file system does not keep is left out. */
static int set_xattr(void *ctx, const char *name, const void *value, size_t len)
{
    const struct target *t = ctx;
    if (setxattr(t->self, name, value, len, 0) == 0 || errno == EOPNOTSUPP || errno == EPERM)
        return 0;
    return -errno;
}

static int note_folder(struct unpacking *u, const char *path, mode_t mode, struct timespec mtime)
{
    if (u->nr_folders == u->room) {
        unsigned room = u->room ? 2 * u->room : 256;
        struct folder_meta *more = realloc(u->folders, room * sizeof(*more));
        if (!more)
            return -ENOMEM;
        u->folders = more;
        u->room = room;
    }
    struct folder_meta *m = &u->folders[u->nr_folders];
    *m = (struct folder_meta){strdup(path), mode, mtime, u->nr_folders};
    u->nr_folders += m->path != NULL;
    return m->path ? 0 : -ENOMEM;
}

/* The owner before attributes and mode: a new owner takes capabilities and set-id bits away. */
static int set_meta(struct unpacking *u, int dir, const char *name, const char *path)
{
    struct archive_entry *entry = tree_entry(u->t);
    mode_t type = archive_entry_filetype(entry), mode = archive_entry_perm(entry);
    const struct timespec mtime = {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
    struct target target = {.u = u};
    uint32_t uid, gid;
    tree_owner(u->t, &uid, &gid);
    OWN_FD fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    snprintf(target.self, sizeof(target.self), "/proc/self/fd/%d", fd);
    if (fd < 0 || (u->root && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0))
        return -errno;
    int rc = 0;
    if (type == AE_IFREG || type == AE_IFDIR)
        rc = tree_xattrs(u->t, set_xattr, &target);
    if (rc < 0)
        return rc;
    if (type == AE_IFDIR)
        return chmod(target.self, mode | 0700) < 0 ? -errno : note_folder(u, path, mode, mtime);
    if (type != AE_IFLNK && chmod(target.self, mode) < 0)
        return -errno;
    (void)utimensat(dir, name, (struct timespec[]){mtime, mtime}, AT_SYMLINK_NOFOLLOW);
    return 0;
}

int unpack_meta(struct unpacking *u, int dir, const char *name, const char *path, struct err *e)
{
    int rc = set_meta(u, dir, name, path);
    return rc < 0 ? err_code(e, rc, "%.200s", path) : 0;
}

/* ---- files of layers below ---- */

static int copy_bytes(int from, int to)
{
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, 1u << 30, 0);
        if (n <= 0)
            return n < 0 ? -errno : 0;
    }
}

static int copy_capability(int from, int to)
{
    char value[64];
    ssize_t n = fgetxattr(from, "security.capability", value, sizeof(value));
    return n > 0 && fsetxattr(to, "security.capability", value, (size_t)n, 0) < 0 && errno != EPERM ? -errno
                                                                                                    : 0;
}

static int copy_file(struct unpacking *u, int from, const struct stat *st, int dir, const char *name)
{
    OWN_FD to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return -errno;
    int rc = copy_bytes(from, to);
    if (rc == 0 && u->root && fchown(to, st->st_uid, st->st_gid) < 0)
        rc = -errno;
    if (rc == 0)
        rc = copy_capability(from, to);
    if (rc == 0 && (fchmod(to, st->st_mode & 07777) < 0 ||
                    futimens(to, (struct timespec[]){st->st_atim, st->st_mtim}) < 0))
        rc = -errno;
    u->result->bytes += (uint64_t)st->st_blocks * 512;
    return rc;
}

static int open_regular(const char *folder, const char *path)
{
    OWN_FD top = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    OWN_FD fd = top < 0 ? -1 : inroot_open_plain(top, path, O_PATH | O_NOFOLLOW, 0);
    return fd < 0 ? -1 : file_reopen_regular(fd);
}

/* Overlayfs would copy it up, too, had the link been made in a container. */
int unpack_borrow(struct unpacking *u, const char *target, int dir, const char *name, struct err *e)
{
    for (unsigned i = 0; i < u->c->nr_lower; i++) {
        struct stat st;
        OWN_FD fd = open_regular(u->c->lower[i], target);
        if (fd < 0 || fstat(fd, &st) < 0)
            continue;
        int rc = copy_file(u, fd, &st, dir, name);
        u->result->borrowed = true;
        return rc < 0 ? err_code(e, rc, "%.200s", target) : 0;
    }
    return err_set(e, -EINVAL, "%.200s: a hard link to it, and no such file", target);
}
