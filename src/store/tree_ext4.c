// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree_ext4: see tree_ext4.h.
 *
 * Read twice: first to know how much it is, since a file system has a size before it has files, and what the
 * layers take away, since that goes before anything that they add.
 */
#include "store/tree_ext4.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/layer_mark.h"
#include "store/sparse.h"
#include "store/utf8.h"

#define BLOCK     4096u
#define MIB       (1ull << 20)
#define SLACK     (192 * MIB) /* journal, tables, and room to work in before the disk grows */
#define BYTES_MAX (8ull << 40)
#define GONE_MAX  1000000u

struct gone { /* what a layer takes away of those below it */
    unsigned source;
    bool only_content;
    char *path;
};

struct measure {
    uint64_t bytes, entries;
    bool has_programs; /* something in /bin, /sbin, /usr/bin, or an /init */
    struct gone *gone; /* in order of sources */
    unsigned nr_gone, room;
};

static void measure_fini(struct measure *m)
{
    for (unsigned i = 0; i < m->nr_gone; i++)
        free(m->gone[i].path);
    free(m->gone);
}

/* ---- how much it is ---- */

static bool is_program(const char *path)
{
    static const char *const signs[] = {"bin/", "sbin/", "usr/bin/", "usr/sbin/", "init", "bin", "sbin"};
    while (*path == '/' || (path[0] == '.' && path[1] == '/'))
        path++;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (signs[i][strlen(signs[i]) - 1] == '/' ? strncmp(path, signs[i], strlen(signs[i])) == 0
                                                  : strcmp(path, signs[i]) == 0)
            return true;
    return false;
}

static uint64_t file_bytes(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int note_gone(struct measure *m, unsigned source, bool only_content, char *path)
{
    OWN_MEM char *own = path;
    if (!own || m->nr_gone == GONE_MAX)
        return own ? -E2BIG : -ENOMEM;
    if (m->nr_gone == m->room) {
        unsigned room = m->room ? 2 * m->room : 64;
        struct gone *more = realloc(m->gone, room * sizeof(*more));
        if (!more)
            return -ENOMEM;
        m->gone = more;
        m->room = room;
    }
    m->gone[m->nr_gone++] = (struct gone){source, only_content, take(own)};
    return 0;
}

/* 1: the entry is a mark, and noted; 0: it is a file or folder. */
static int note_mark(struct measure *m, unsigned source, const char *path, struct err *e)
{
    const char *name = last_part(path), *gone = NULL;
    int dir = (int)(name - path), rc = 0;
    switch (layer_mark(name, &gone)) {
    case MARK_NONE:
        return 0;
    case MARK_GONE:
        rc = note_gone(m, source, false, path_make("%.*s%s", dir, path, gone));
        break;
    case MARK_OPAQUE:
        rc = note_gone(m, source, true, path_make("%.*s", dir, path));
        break;
    case MARK_OTHER:
        break;
    case MARK_INVALID:
        return err_set(e, -EINVAL, "%s: takes away what has no name", path);
    }
    return rc < 0 ? err_code(e, rc, "%s", path) : 1;
}

static int measure_entry(struct measure *m, struct tree *t, struct err *e)
{
    uint64_t size = tree_link(t) ? 0 : (uint64_t)archive_entry_size(tree_entry(t));
    if (size > BYTES_MAX || (m->bytes += (size + BLOCK - 1) / BLOCK * BLOCK) > BYTES_MAX)
        return err_set(e, -EFBIG, "%s: its content is larger than 8 TiB", tree_path(t));
    m->entries++;
    m->has_programs = m->has_programs || is_program(tree_path(t));
    return 0;
}

static int measure_source(struct measure *m, const struct tree_ext4 *c, unsigned i, struct progress *p,
                          struct err *e)
{
    const struct tree_source *s = &c->sources[i];
    OWN(tree) t = NULL;
    int rc = tree_open(s, &t, e);
    if (rc < 0)
        return rc;
    progress_start(p, "reading", file_bytes(s->path), PROGRESS_BYTES);
    while ((rc = tree_next(t, e)) > 0) {
        int mark = s->layer ? note_mark(m, i, tree_path(t), e) : 0;
        if (mark < 0 || (mark == 0 && (rc = measure_entry(m, t, e)) < 0))
            return mark < 0 ? mark : rc;
        progress_to(p, tree_packed_bytes(t));
    }
    return rc;
}

static int measure(struct measure *m, const struct tree_ext4 *c, struct progress *p, struct err *e)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < c->nr_sources; i++)
        rc = measure_source(m, c, i, p, e);
    if (rc == 0 && m->entries == 0)
        return err_set(e, -EINVAL, "%s: empty", c->name);
    if (rc == 0 && !m->has_programs)
        return err_set(e, -EINVAL, "%s: not a root file system: no programs in /bin, /sbin or /usr/bin",
                       c->name);
    return rc;
}

/* ---- into the file system ---- */

static void describe(struct tree *t, struct ext4_node *n)
{
    struct archive_entry *entry = tree_entry(t);
    *n = (struct ext4_node){
        .path = tree_path(t),
        .mode = archive_entry_mode(entry),
        .mtime = archive_entry_mtime(entry),
        .major = (uint32_t)archive_entry_rdevmajor(entry),
        .minor = (uint32_t)archive_entry_rdevminor(entry),
        .link = tree_symlink(t),
    };
    tree_owner(t, &n->uid, &n->gid);
}

struct attribute {
    struct ext4 *f;
    struct err *e;
};

static int set_xattr(void *ctx, const char *name, const void *value, size_t len)
{
    const struct attribute *a = ctx;
    return ext4_set_xattr(a->f, name, value, len, a->e);
}

/* What is zero is a hole. */
static int copy_piece(struct ext4 *f, uint64_t offset, const char *data, size_t len, struct err *e)
{
    size_t from = 0;
    for (size_t to; (to = sparse_run(data, len, &from)) > from; from = to) {
        int rc = ext4_write(f, offset + from, data + from, to - from, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int copy_content(struct tree *t, struct ext4 *f, struct progress *p, struct err *e)
{
    const void *data;
    size_t len;
    uint64_t offset;
    int rc;
    while ((rc = tree_data(t, &data, &len, &offset, e)) > 0) {
        if ((rc = copy_piece(f, offset, data, len, e)) < 0)
            return rc;
        progress_add(p, len);
    }
    return rc < 0 ? rc : ext4_set_size(f, (uint64_t)archive_entry_size(tree_entry(t)), e);
}

static int copy_entry(struct tree *t, struct ext4 *f, struct progress *p, struct err *e)
{
    const char *link = tree_link(t);
    if (link)
        return ext4_link(f, tree_path(t), link, e);
    struct ext4_node n;
    describe(t, &n);
    if (S_ISLNK(n.mode) && (!n.link || !*n.link))
        return err_set(e, -EINVAL, "%s: a link to nowhere", n.path);
    int rc = ext4_add(f, &n, e);
    if (rc < 0 || (rc = tree_xattrs(t, set_xattr, &(struct attribute){f, e})) < 0 || !S_ISREG(n.mode))
        return rc;
    return copy_content(t, f, p, e);
}

static bool is_mark(const struct tree *t)
{
    const char *gone;
    return layer_mark(last_part(tree_path(t)), &gone) != MARK_NONE;
}

static int copy_source(const struct tree_source *s, struct ext4 *f, struct progress *p, struct err *e)
{
    OWN(tree) t = NULL;
    int rc = tree_open(s, &t, e);
    while (rc >= 0 && (rc = tree_next(t, e)) > 0) {
        if (!s->layer || !is_mark(t))
            rc = copy_entry(t, f, p, e);
        progress_add(p, BLOCK);
    }
    return rc < 0 ? err_wrap(e, "%s", s->what ? s->what : s->path) : 0;
}

static int take_away(const struct measure *m, unsigned source, struct ext4 *f, struct err *e)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < m->nr_gone; i++)
        if (m->gone[i].source == source)
            rc = ext4_remove(f, m->gone[i].path, m->gone[i].only_content, e);
    return rc;
}

static int copy_all(const struct tree_ext4 *c, const struct measure *m, struct ext4 *f, struct progress *p,
                    struct err *e)
{
    int rc = 0;
    for (unsigned i = 0; rc == 0 && i < c->nr_sources; i++) {
        if (c->sources[i].layer)
            ext4_be_exact(f);
        rc = take_away(m, i, f, e);
        if (rc == 0)
            rc = copy_source(&c->sources[i], f, p, e);
    }
    return rc;
}

static uint64_t needed(const struct measure *m)
{
    return m->bytes + m->bytes / 8 + m->entries * 1024 + SLACK;
}

static int fill(const struct tree_ext4 *c, struct measure *m, struct progress *p, uint64_t *ret_bytes,
                struct err *e)
{
    int rc = measure(m, c, p, e);
    if (rc < 0)
        return rc;
    uint64_t need = needed(m), size = c->bytes ? c->bytes : need > c->least_bytes ? need : c->least_bytes;
    if (size < need - SLACK + 32 * MIB)
        return err_set(e, -ENOSPC, "%s: its content needs a disk of %llu MiB", c->name,
                       (unsigned long long)((need + MIB - 1) / MIB));
    size = (size + MIB - 1) / MIB * MIB;
    uint64_t usual = size / 16384, inodes = m->entries + m->entries / 2 + 1024;
    OWN(ext4) f = NULL;
    rc = ext4_create(c->file, size, inodes > usual ? inodes : usual, &f, e);
    if (rc < 0)
        return rc;
    progress_start(p, "file system", m->bytes + m->entries * BLOCK, PROGRESS_BYTES);
    if ((rc = copy_all(c, m, f, p, e)) < 0 || (rc = ext4_finish(&f, e)) < 0)
        return rc;
    *ret_bytes = size;
    return 0;
}

int tree_to_ext4(const struct tree_ext4 *c, struct progress *p, uint64_t *ret_bytes, struct err *e)
{
    OWN_UTF8 names = utf8_begin();
    struct measure m = {0};
    int rc = fill(c, &m, p, ret_bytes, e);
    measure_fini(&m);
    progress_done(p);
    return rc;
}
