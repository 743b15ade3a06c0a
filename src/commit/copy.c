// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * copy: see copy.h.
 *
 * A file is taken as unchanged if it is the same inode by the same path with the same time of change, unless
 * that time was so near when it was copied that a later write might not show (the kernel's clock for it
 * ticks). Dirty pages are written out before a file is copied, for then the first write through a mapping
 * counts as a change.
 */
#include "commit/copy.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/file.h"
#include "commit/copy_file.h"
#include "commit/inodes.h"
#include "commit/seen.h"
#include "commit/upper.h"

#define TICK_NS 50000000 /* no kernel ticks more seldom than every 10 ms */

struct copy {
    int from, to;
    struct progress *p;
    struct seen *seen;
    struct inodes *links; /* of the pass */
    bool still, blind;    /* blind: writes need not change a file's time */
    unsigned pass;
    unsigned long files;
    struct folder *folders; /* of the last pass */
    size_t nr_folders, room;
};

struct folder {
    char *path;
    struct timespec atime, mtime;
};

/* What keeps its pages in memory alone never learns of writes through mappings. */
static bool is_blind(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) < 0 || fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
}

int copy_new(const char *from, const char *to, struct progress *p, struct copy **ret, struct err *e)
{
    OWN(copy) c = calloc(1, sizeof(*c));
    if (!c)
        return err_code(e, -ENOMEM, "copy");
    c->from = c->to = -1;
    c->p = p;
    if (!(c->seen = seen_new()))
        return err_code(e, -ENOMEM, "copy");
    if ((c->from = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return err_sys(e, "%s", from);
    if (mkdir(to, 0700) < 0 || (c->to = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return err_sys(e, "%s", to);
    c->blind = is_blind(c->from);
    *ret = take(c);
    return 0;
}

void copy_free(struct copy *c)
{
    if (!c)
        return;
    own_fd(&c->from);
    own_fd(&c->to);
    seen_free(c->seen);
    inodes_free(c->links);
    for (size_t i = 0; i < c->nr_folders; i++)
        free(c->folders[i].path);
    free(c->folders);
    free(c);
}

unsigned long copy_files(const struct copy *c)
{
    return c->files;
}

/* ---- one entry ---- */

static struct timespec now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t;
}

/* May a write that comes now leave its time as it is? */
static bool is_fresh(const struct stat *st, struct timespec at)
{
    long long ns =
        (long long)(at.tv_sec - st->st_ctim.tv_sec) * 1000000000 + at.tv_nsec - st->st_ctim.tv_nsec;
    return ns < TICK_NS;
}

static bool is_same(struct copy *c, const struct upper_entry *u)
{
    struct seen_file *s = seen_find(c->seen, u->path);
    bool same = s && s->ino == u->st.st_ino && s->ctime.tv_sec == u->st.st_ctim.tv_sec &&
                s->ctime.tv_nsec == u->st.st_ctim.tv_nsec && s->mode == u->st.st_mode && !s->fresh;
    if (same)
        s->pass = c->pass;
    return same;
}

/* Was the name that came first copied in this pass? Then this one is to be its link. */
static bool is_moved(struct copy *c, const char *first)
{
    const struct seen_file *s = first ? seen_find(c->seen, first) : NULL;
    return s && s->copied == c->pass;
}

/* Folders are entered, so only what they are themselves counts. */
static int copy_one(struct copy *c, const struct upper_entry *u)
{
    const char *first = NULL;
    struct timespec began = now();
    int rc =
        S_ISDIR(u->st.st_mode) || u->st.st_nlink < 2 ? 0 : inodes_first(c->links, &u->st, u->path, &first);
    if (rc < 0 || (!c->blind && is_same(c, u) && !is_moved(c, first)))
        return rc;
    c->files++;
    rc = first ? copy_file_link(c->to, first, u->path) : copy_file(c->to, u, c->p);
    const struct seen_file s = {.ino = u->st.st_ino,
                                .ctime = u->st.st_ctim,
                                .mode = u->st.st_mode,
                                .fresh = is_fresh(&u->st, began),
                                .copied = c->pass,
                                .pass = c->pass};
    return rc < 0 ? rc : seen_put(c->seen, u->path, &s);
}

static int note_folder(struct copy *c, const struct upper_entry *u)
{
    if (c->nr_folders == c->room) {
        size_t room = c->room ? 2 * c->room : 64;
        struct folder *more = realloc(c->folders, room * sizeof(*more));
        if (!more)
            return -ENOMEM;
        c->folders = more;
        c->room = room;
    }
    c->folders[c->nr_folders] = (struct folder){strdup(u->path), u->st.st_atim, u->st.st_mtim};
    return c->folders[c->nr_folders++].path ? 0 : -ENOMEM;
}

static bool went_away(int rc)
{
    return rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP || rc == -EEXIST || rc == -EISDIR || rc == -ESTALE;
}

/* What changes under our eyes comes again in a later pass: nothing is noted of it. */
static int visit(void *ctx, const struct upper_entry *u, struct err *e)
{
    struct copy *c = ctx;
    int rc = copy_one(c, u);
    if (rc == 0 && c->still && S_ISDIR(u->st.st_mode))
        rc = note_folder(c, u);
    if (rc == 0 || (!c->still && went_away(rc)))
        return 0;
    return err_code(e, rc, "/%.200s", u->path);
}

int copy_pass(struct copy *c, bool still, struct err *e)
{
    c->pass++;
    c->still = still;
    c->files = 0;
    inodes_free(take(c->links));
    if (c->blind && !still)
        return 0;
    c->links = inodes_new();
    return c->links ? upper_walk(c->from, !still, visit, c, e) : err_code(e, -ENOMEM, "copy");
}

/* ---- the end ---- */

static int drop(void *ctx, const char *path)
{
    const struct copy *c = ctx;
    return copy_file_remove(c->to, path);
}

/* Times of folders last: what is put into them changes these. */
int copy_finish(struct copy *c, struct err *e)
{
    int rc = seen_sweep(c->seen, c->pass, drop, c);
    for (size_t i = 0; rc == 0 && i < c->nr_folders; i++)
        rc = copy_file_times(c->to, c->folders[i].path, c->folders[i].atime, c->folders[i].mtime);
    return rc < 0 ? err_code(e, rc, "copy") : 0;
}
