// SPDX-License-Identifier: GPL-2.0-or-later
/* layer_write: see layer_write.h. */
#include "commit/layer_write.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "base/proc.h"
#include "commit/inodes.h"
#include "commit/pack.h"
#include "commit/tar.h"
#include "commit/upper.h"
#include "commit/xattrs.h"

#define CHUNK (256u << 10)

struct writing {
    struct tar *tar;
    struct pack *pack;
    struct inodes *links; /* files of several names, by the first */
    struct progress *p;
    char *chunk;
    uint64_t entries;
};

static int add(struct writing *w, const struct tar_entry *t, struct err *e)
{
    int rc = tar_add(w->tar, t);
    w->entries++;
    return rc < 0 ? err_code(e, rc, "/%.200s", t->path) : 0;
}

/* ---- marks ---- */

static int add_gone(struct writing *w, const struct upper_entry *u, struct err *e)
{
    OWN_MEM char *path = path_make("%.*s.wh.%s", (int)(strlen(u->path) - strlen(u->name)), u->path, u->name);
    return path ? add(w, &(struct tar_entry){.type = TAR_FILE, .path = path}, e)
                : err_code(e, -ENOMEM, "layer");
}

static int add_opaque(struct writing *w, const struct upper_entry *u, struct err *e)
{
    OWN_MEM char *path = path_make("%s/.wh..wh..opq", u->path);
    return path ? add(w, &(struct tar_entry){.type = TAR_FILE, .path = path}, e)
                : err_code(e, -ENOMEM, "layer");
}

/* ---- what there is ---- */

static int add_xattr(void *ctx, const char *name, const void *value, size_t len)
{
    struct writing *w = ctx;
    bool means =
        (strncmp(name, "user.", 5) == 0 && !upper_is_mark(name)) || !strcmp(name, "security.capability");
    return means ? tar_xattr(w->tar, name, value, len) : 0;
}

static enum tar_type type_of(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR:
        return TAR_FOLDER;
    case S_IFLNK:
        return TAR_SYMLINK;
    case S_IFCHR:
        return TAR_CHAR;
    case S_IFBLK:
        return TAR_BLOCK;
    case S_IFIFO:
        return TAR_PIPE;
    default:
        return TAR_FILE;
    }
}

static struct tar_entry describe(const struct upper_entry *u)
{
    const struct stat *st = &u->st;
    bool device = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
    return (struct tar_entry){.type = type_of(st->st_mode),
                              .path = u->path,
                              .mode = st->st_mode & 07777,
                              .uid = st->st_uid,
                              .gid = st->st_gid,
                              .mtime = st->st_mtim,
                              .major = device ? major(st->st_rdev) : 0,
                              .minor = device ? minor(st->st_rdev) : 0};
}

static int read_xattrs(struct writing *w, const struct upper_entry *u, struct err *e)
{
    int rc = xattrs_each(u->dir, u->name, add_xattr, w);
    return rc < 0 ? err_code(e, rc, "/%.200s", u->path) : 0;
}

static int add_content(struct writing *w, int fd, const struct upper_entry *u, struct err *e)
{
    for (off_t left = u->st.st_size; left > 0;) {
        ssize_t n = read(fd, w->chunk, left < CHUNK ? (size_t)left : CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? err_sys(e, "/%.200s", u->path)
                         : err_set(e, -EIO, "/%.200s: it became shorter", u->path);
        int rc = tar_data(w->tar, w->chunk, (size_t)n);
        if (rc < 0)
            return err_code(e, rc, "/%.200s", u->path);
        if (interrupt_pending())
            return err_set(e, -EINTR, "interrupted");
        progress_add(w->p, (uint64_t)n);
        left -= n;
    }
    return 0;
}

static int add_regular(struct writing *w, const struct upper_entry *u, struct err *e)
{
    struct tar_entry t = describe(u);
    OWN_FD fd = openat(u->dir, u->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "/%.200s", u->path);
    t.size = (uint64_t)u->st.st_size;
    int rc = read_xattrs(w, u, e);
    return rc < 0 || (rc = add(w, &t, e)) < 0 ? rc : add_content(w, fd, u, e);
}

static int add_symlink(struct writing *w, const struct upper_entry *u, struct err *e)
{
    struct tar_entry t = describe(u);
    char text[PATH_MAX];
    ssize_t n = readlinkat(u->dir, u->name, text, sizeof(text) - 1);
    if (n < 0)
        return err_sys(e, "/%.200s", u->path);
    text[n] = 0;
    t.link = text;
    return add(w, &t, e);
}

static int add_folder(struct writing *w, const struct upper_entry *u, struct err *e)
{
    const struct tar_entry t = describe(u);
    int rc = read_xattrs(w, u, e);
    return rc < 0 || (rc = add(w, &t, e)) < 0 || !u->opaque ? rc : add_opaque(w, u, e);
}

/* 1: it is one more name of a file that is in the layer already. */
static int add_link(struct writing *w, const struct upper_entry *u, struct err *e)
{
    struct tar_entry t = describe(u);
    if (S_ISDIR(u->st.st_mode) || u->st.st_nlink < 2)
        return 0;
    int rc = inodes_first(w->links, &u->st, u->path, &t.link);
    if (rc < 0)
        return err_code(e, rc, "layer");
    t.type = TAR_LINK;
    return !t.link ? 0 : (rc = add(w, &t, e)) < 0 ? rc : 1;
}

static int put(void *ctx, const struct upper_entry *u, struct err *e)
{
    struct writing *w = ctx;
    if (u->gone)
        return add_gone(w, u, e);
    if (S_ISSOCK(u->st.st_mode))
        return 0;
    if (S_ISDIR(u->st.st_mode))
        return add_folder(w, u, e);
    int rc = add_link(w, u, e);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (S_ISREG(u->st.st_mode))
        return add_regular(w, u, e);
    if (S_ISLNK(u->st.st_mode))
        return add_symlink(w, u, e);
    const struct tar_entry t = describe(u);
    return add(w, &t, e);
}

/* ---- all of it ---- */

static int pack_more(void *ctx, const void *data, size_t len)
{
    return pack_write(ctx, data, len);
}

static void writing_fini(struct writing *w)
{
    tar_free(w->tar);
    inodes_free(w->links);
    pack_free(w->pack);
    free(w->chunk);
}

static int finish(struct writing *w, struct layer_written *ret)
{
    struct layer_written done = {.entries = w->entries};
    int rc = tar_end(w->tar);
    if (rc == 0)
        rc = pack_end(w->pack, &done.diff_id, &done.blob);
    if (rc == 0)
        *ret = done;
    return rc;
}

int layer_write(int top, int file, struct progress *p, struct layer_written *ret, struct err *e)
{
    __attribute__((cleanup(writing_fini))) struct writing w = {.p = p};
    int rc = pack_new(file, &w.pack, e);
    if (rc < 0)
        return rc;
    if (!(w.tar = tar_new(pack_more, w.pack)) || !(w.links = inodes_new()) || !(w.chunk = malloc(CHUNK)))
        return err_code(e, -ENOMEM, "layer");
    if ((rc = upper_walk(top, false, put, &w, e)) < 0)
        return rc;
    rc = finish(&w, ret);
    return rc < 0 ? err_code(e, rc, "layer") : 0;
}
