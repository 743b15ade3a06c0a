// SPDX-License-Identifier: GPL-2.0-or-later
/* unpack: see unpack.h; where things go: unpack_place.c; what they have besides: unpack_meta.c. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/inroot.h"
#include "base/proc.h"
#include "store/layer_mark.h"
#include "store/sparse.h"
#include "store/unpack_impl.h"
#include "store/utf8.h"

#define BLOCK       4096u
#define ENTRIES_MAX 4000000u
#define FILE_MAX    (8ull << 40)

/* ---- limits ---- */

/* A disk that is full hurts others, so a little is left. */
static int look_at_disk(struct unpacking *u, struct err *e)
{
    struct statvfs fs;
    if (fstatvfs(u->top, &fs) < 0)
        return err_sys(e, "%s", u->c->to);
    u->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize / 100 * 98;
    return 0;
}

static int charge(struct unpacking *u, uint64_t bytes, struct err *e)
{
    u->result->bytes += bytes;
    if (u->result->bytes > u->free_bytes)
        return err_code(e, -ENOSPC, "%llu MiB and more", (unsigned long long)(u->result->bytes >> 20));
    return 0;
}

/* ---- kinds of entries ---- */

static int fill(struct unpacking *u, int fd, struct err *e)
{
    const void *data;
    size_t len;
    uint64_t at, size = (uint64_t)archive_entry_size(tree_entry(u->t));
    int rc;
    while ((rc = tree_data(u->t, &data, &len, &at, e)) > 0) {
        uint64_t written = 0;
        if (at > FILE_MAX || len > FILE_MAX)
            return err_code(e, -EFBIG, "byte %llu", (unsigned long long)at);
        if ((rc = sparse_write(fd, data, len, (off_t)at, &written)) < 0)
            return err_code(e, rc, "write");
        if ((rc = charge(u, written, e)) < 0)
            return rc;
        progress_to(u->p, tree_packed_bytes(u->t));
    }
    if (rc == 0 && (size > FILE_MAX || ftruncate(fd, (off_t)size) < 0))
        return size > FILE_MAX ? err_code(e, -EFBIG, "size") : err_sys(e, "size");
    return rc;
}

static int add_regular(struct unpacking *u, int dir, const char *name, struct err *e)
{
    OWN_FD fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? err_sys(e, "create") : fill(u, fd, e);
}

/* A folder that is there stays; what the layer itself took away before hides the one below. */
static int add_folder(struct unpacking *u, int dir, const char *name, bool gone, struct err *e)
{
    struct stat st;
    if (!gone && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
        return 0;
    int rc = unpack_remove(dir, name);
    if (rc == 0 && mkdirat(dir, name, 0700) < 0)
        rc = -errno;
    OWN_FD fd = rc < 0 ? -1 : openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && gone)
        rc = unpack_opaque(u, fd);
    return rc < 0 ? err_code(e, rc, "create") : 0;
}

/* 1: left out. */
static int add_device(struct unpacking *u, int dir, const char *name, mode_t type, struct err *e)
{
    struct archive_entry *entry = tree_entry(u->t);
    dev_t dev = type == S_IFIFO ? 0
                                : makedev((unsigned)archive_entry_rdevmajor(entry),
                                          (unsigned)archive_entry_rdevminor(entry));
    if (type == S_IFCHR && dev == 0)
        return err_set(e, -EINVAL, "device 0:0, which is none");
    if (mknodat(dir, name, type | 0600, dev) == 0)
        return 0;
    if (errno != EPERM || type == S_IFIFO)
        return err_sys(e, "create");
    u->result->left_out++;
    return 1;
}

static int add_symlink(struct unpacking *u, int dir, const char *name, struct err *e)
{
    const char *text = tree_symlink(u->t);
    if (!text || !*text)
        return err_set(e, -EINVAL, "a link to nowhere");
    return symlinkat(text, dir, name) < 0 ? err_sys(e, "create") : 0;
}

static int add_link(struct unpacking *u, const char *target, int dir, const char *name, struct err *e)
{
    OWN_MEM char *path = NULL;
    char self[40];
    int rc = unpack_clean(target, &path, e);
    if (rc < 0)
        return rc;
    OWN_FD fd = inroot_open_plain(u->top, path, O_PATH | O_NOFOLLOW, 0);
    if (fd == -ENOENT && u->c->nr_lower)
        return unpack_borrow(u, path, dir, name, e);
    if (fd < 0)
        return err_set(e, -EINVAL, "a hard link to %.200s: %s", path, strerror(-fd));
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, self, dir, name, AT_SYMLINK_FOLLOW) < 0 ? err_sys(e, "link to %.200s", path) : 0;
}

/* What is not a folder takes the place of what is there. 1: nothing was made. */
static int add_other(struct unpacking *u, int dir, const char *name, struct err *e)
{
    mode_t type = archive_entry_filetype(tree_entry(u->t));
    int rc = unpack_remove(dir, name);
    if (rc < 0)
        return err_code(e, rc, "replace");
    switch (type) {
    case AE_IFREG:
        return add_regular(u, dir, name, e);
    case AE_IFLNK:
        return add_symlink(u, dir, name, e);
    case AE_IFCHR:
    case AE_IFBLK:
    case AE_IFIFO:
        return add_device(u, dir, name, type, e);
    default:
        return err_set(e, -EINVAL, "neither file, folder, link, pipe nor device");
    }
}

/* ---- entries ---- */

/* 1: it was a mark, and is done with. */
static int mark(struct unpacking *u, int dir, const char *name, const char *path, struct err *e)
{
    const char *gone;
    int rc = 0;
    switch (layer_mark(name, &gone)) {
    case MARK_NONE:
        return 0;
    case MARK_INVALID:
        return err_set(e, -EINVAL, "takes away what has no name");
    case MARK_GONE:
        rc = u->c->layer ? unpack_whiteout(u, dir, gone) : 0;
        break;
    case MARK_OPAQUE:
        rc = u->c->layer ? unpack_opaque(u, dir) : 0;
        u->result->opaque |= name == path;
        break;
    case MARK_OTHER:
        break;
    }
    return rc < 0 ? err_code(e, rc, "mark") : 1;
}

static int add(struct unpacking *u, const char *path, struct err *e)
{
    const char *name, *link = tree_link(u->t);
    int dir, rc = unpack_parent(u, path, &name, &dir, e);
    if (rc < 0 || (rc = mark(u, dir, name, path, e)) != 0)
        return rc;
    bool gone = unpack_unmark(u, dir, name);
    if (link && (rc = unpack_remove(dir, name)) < 0)
        return err_code(e, rc, "replace");
    if (link)
        return add_link(u, link, dir, name, e);
    if (archive_entry_filetype(tree_entry(u->t)) == AE_IFDIR)
        rc = add_folder(u, dir, name, gone, e);
    else
        rc = add_other(u, dir, name, e);
    return rc == 0 ? unpack_meta(u, dir, name, path, e) : rc;
}

static int add_entry(struct unpacking *u, struct err *e)
{
    OWN_MEM char *path = NULL;
    int rc = charge(u, BLOCK, e);
    if (rc < 0 || (rc = unpack_clean(tree_path(u->t), &path, e)) < 0)
        return rc;
    if (++u->nr_entries > ENTRIES_MAX)
        return err_set(e, -EINVAL, "more than %u entries", ENTRIES_MAX);
    if (!*path && archive_entry_filetype(tree_entry(u->t)) == AE_IFDIR)
        return unpack_meta(u, u->top, ".", "", e);
    if (!*path)
        return err_set(e, -EINVAL, "an entry without a name");
    rc = add(u, path, e);
    return rc < 0 ? err_wrap(e, "%.200s", path) : 0;
}

/* ---- folders, at the end ---- */

/* The deepest first, and of one that came twice the last first. */
static int by_depth(const void *a, const void *b)
{
    const struct folder_meta *x = a, *y = b;
    int order = strcmp(y->path, x->path);
    return order ? order : x->order < y->order ? 1 : -1;
}

static int finish_folder(struct unpacking *u, const struct folder_meta *m)
{
    OWN_FD fd = inroot_open_plain(u->top, m->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (fd < 0)
        return fd == -ENOTDIR || fd == -ENOENT || fd == -ELOOP ? 0 : fd; /* something took its place */
    if (fchmod(fd, m->mode) < 0)
        return -errno;
    (void)futimens(fd, (struct timespec[]){m->mtime, m->mtime});
    return 0;
}

static int finish_folders(struct unpacking *u, struct err *e)
{
    const char *before = NULL;
    if (u->nr_folders)
        qsort(u->folders, u->nr_folders, sizeof(*u->folders), by_depth);
    for (unsigned i = 0; i < u->nr_folders; i++) {
        const struct folder_meta *m = &u->folders[i];
        int rc = before && strcmp(before, m->path) == 0 ? 0 : finish_folder(u, m);
        if (rc < 0)
            return err_code(e, rc, "%.200s", m->path);
        before = m->path;
    }
    return 0;
}

/* ---- all of it ---- */

void unpack_end(struct unpacking *u)
{
    unpack_forget_parent(u);
    for (unsigned i = 0; i < u->nr_folders; i++)
        free(u->folders[i].path);
    free(u->folders);
    own_fd(&u->top);
}

int unpack_begin(struct unpacking *u, struct err *e)
{
    u->root = geteuid() == 0;
    u->trusted = unpack_marks_trusted(u->c->to);
    u->top = open(u->c->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return u->top < 0 ? err_sys(e, "%s", u->c->to) : look_at_disk(u, e);
}

static int unpack_all(struct unpacking *u, struct err *e)
{
    int rc = unpack_begin(u, e);
    while (rc >= 0 && (rc = tree_next(u->t, e)) > 0)
        rc = add_entry(u, e);
    return rc < 0 ? rc : finish_folders(u, e);
}

int unpack_tree(struct tree *t, const struct unpack *c, struct progress *p, struct unpacked *ret,
                struct err *e)
{
    OWN_UTF8 names = utf8_begin();
    struct unpacked result = {0};
    struct unpacking u = {.c = c, .t = t, .p = p, .result = &result, .top = -1, .parent_fd = -1};
    mode_t mask = umask(0);
    int rc = unpack_all(&u, e);
    umask(mask);
    unpack_end(&u);
    if (rc == 0 && ret)
        *ret = result;
    return rc;
}
