// SPDX-License-Identifier: GPL-2.0-or-later
/* upper: see upper.h. */
#include "commit/upper.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/proc.h"

#define DEPTH_MAX 400 /* one descriptor each */

struct walk {
    upper_fn *each;
    void *ctx;
    unsigned depth;
    bool moving;
};

/* What is to be done about a name that was just read. */
static int gone(const struct walk *w, const char *path, struct err *e)
{
    bool vanished = errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ESTALE;
    return w->moving && vanished ? 0 : err_sys(e, "/%.200s", path);
}

static const char *const marks[] = {"trusted.overlay.", "user.overlay.", "user.fuseoverlayfs."};

bool upper_is_mark(const char *attribute)
{
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (strncmp(attribute, marks[i], strlen(marks[i])) == 0)
            return true;
    return false;
}

/* ---- marks ---- */

static bool has(const char *self, const char *mark, bool yes)
{
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        char name[64], value[4] = "";
        snprintf(name, sizeof(name), "%s%s", marks[i], mark);
        ssize_t n = getxattr(self, name, value, sizeof(value));
        if (yes ? n == 1 && value[0] == 'y' : n >= 0 || errno == ERANGE)
            return true;
    }
    return false;
}

/* What is renamed or changed in its mode alone may be kept by reference, if the kernel is built to do so. */
static int check_whole(const char *self, const char *path, struct err *e)
{
    if (!has(self, "redirect", false) && !has(self, "metacopy", false))
        return 0;
    return err_set(e, -EOPNOTSUPP, "/%.200s: overlayfs keeps a part of it elsewhere (redirect_dir, metacopy)",
                   path);
}

/* 1: it vanished. */
static int read_marks(const struct walk *w, struct upper_entry *u, struct err *e)
{
    char self[40];
    if (S_ISCHR(u->st.st_mode))
        u->gone = u->st.st_rdev == 0;
    if (!S_ISDIR(u->st.st_mode) && !S_ISREG(u->st.st_mode))
        return 0;
    OWN_FD fd = openat(u->dir, u->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        int rc = gone(w, u->path, e);
        return rc < 0 ? rc : 1;
    }
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    if (S_ISDIR(u->st.st_mode))
        u->opaque = has(self, "opaque", true);
    else
        u->gone = u->st.st_size == 0 && has(self, "whiteout", false);
    return u->gone ? 0 : check_whole(self, u->path, e);
}

/* ---- folders ---- */

static int no_dots(const struct dirent *d)
{
    return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk_folder(struct walk *w, int dir, const char *path, struct err *e);

static int descend(struct walk *w, const struct upper_entry *u, struct err *e)
{
    if (w->depth == DEPTH_MAX)
        return err_set(e, -ELOOP, "/%.200s: folders are nested more than %d deep", u->path, DEPTH_MAX);
    OWN_FD fd = openat(u->dir, u->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return gone(w, u->path, e);
    w->depth++;
    int rc = walk_folder(w, fd, u->path, e);
    w->depth--;
    return rc;
}

static int visit(struct walk *w, int dir, const char *above, const char *name, struct err *e)
{
    OWN_MEM char *path = path_make("%s%s%s", above, *above ? "/" : "", name);
    struct upper_entry u = {.dir = dir, .name = name, .path = path};
    if (!path)
        return err_code(e, -ENOMEM, "%s", name);
    if (interrupt_pending())
        return err_set(e, -EINTR, "interrupted");
    if (fstatat(dir, name, &u.st, AT_SYMLINK_NOFOLLOW) < 0)
        return gone(w, path, e);
    int rc = read_marks(w, &u, e);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = w->each(w->ctx, &u, e);
    return rc == 0 && S_ISDIR(u.st.st_mode) ? descend(w, &u, e) : rc;
}

static int walk_folder(struct walk *w, int dir, const char *path, struct err *e)
{
    struct dirent **names;
    int n = scandirat(dir, ".", &names, no_dots, by_bytes), rc = 0;
    if (n < 0)
        return err_sys(e, "/%.200s", path);
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = visit(w, dir, path, names[i]->d_name, e);
        free(names[i]);
    }
    free(names);
    return rc;
}

int upper_walk(int top, bool moving, upper_fn *each, void *ctx, struct err *e)
{
    struct walk w = {.each = each, .ctx = ctx, .moving = moving};
    return walk_folder(&w, top, "", e);
}
