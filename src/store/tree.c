// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree: see tree.h.
 *
 * Read twice: first to know how much it is, since a file system has a size before it has files.
 */
#include "store/tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/proc.h"

#define BLOCK     4096u
#define MIB       (1ull << 20)
#define SLACK     (192 * MIB) /* journal, tables, and room to work in before the disk grows */
#define BYTES_MAX (8ull << 40)

struct tree {
    const char *path;
    struct archive *a;
    struct archive_entry_linkresolver *links; /* of a folder: which files are the same */
    struct archive_entry *entry;              /* the one read last */
    bool folder;
    char *strip; /* a folder's entries start with its own path */
};

static void tree_close(struct tree *t)
{
    if (!t)
        return;
    if (t->links)
        archive_entry_linkresolver_free(t->links);
    if (t->entry)
        archive_entry_free(t->entry);
    if (t->a)
        archive_read_free(t->a);
    free(t);
}
OWN_TYPE(tree, tree_close)

static int tree_err(const struct tree *t, struct err *e)
{
    int code = archive_errno(t->a);
    const char *text = archive_error_string(t->a);
    if (code > 0 && code < 4096 && code != EINVAL && code != EILSEQ) /* these two are the library's own */
        return err_set(e, -code, "%s: %s", t->path, text ? text : strerror(code));
    return err_set(e, -EINVAL, "%s: damaged or truncated (%s)", t->path, text ? text : "unknown reason");
}

static int open_folder(struct tree *t)
{
    t->a = archive_read_disk_new();
    t->links = archive_entry_linkresolver_new();
    if (!t->a || !t->links)
        return ARCHIVE_FATAL;
    archive_entry_linkresolver_set_strategy(t->links, ARCHIVE_FORMAT_TAR_GNUTAR);
    archive_read_disk_set_symlink_physical(t->a);
    archive_read_disk_set_behavior(t->a, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS | ARCHIVE_READDISK_NO_ACL |
                                             ARCHIVE_READDISK_NO_FFLAGS);
    return archive_read_disk_open(t->a, t->path);
}

static int open_archive(struct tree *t)
{
    t->a = archive_read_new();
    if (!t->a)
        return ARCHIVE_FATAL;
    archive_read_support_filter_all(t->a);
    archive_read_support_format_tar(t->a);
    return archive_read_open_filename(t->a, t->path, 1u << 17);
}

static int tree_open(const char *path, struct tree **ret, struct err *e)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return err_sys(e, "%s", path);
    OWN(tree) t = calloc(1, sizeof(*t));
    if (!t)
        return err_code(e, -ENOMEM, "%s", path);
    t->path = path;
    t->folder = S_ISDIR(st.st_mode);
    t->entry = archive_entry_new();
    if (!t->entry || (t->folder ? open_folder(t) : open_archive(t)) != ARCHIVE_OK)
        return t->a ? tree_err(t, e) : err_code(e, -ENOMEM, "%s", path);
    *ret = take(t);
    return 0;
}

/* The path inside the tree; NULL: it has none that can be told. */
static const char *inner_path(const struct tree *t, const char *path)
{
    size_t n = strlen(t->path);
    if (!t->folder || !path || strncmp(path, t->path, n) != 0)
        return path;
    return path + n;
}

static const char *entry_path(const struct tree *t)
{
    const char *path = archive_entry_pathname(t->entry);
    return inner_path(t, path ? path : archive_entry_pathname_utf8(t->entry));
}

/* 1: t->entry is the next one; 0: that was all. */
static int tree_next(struct tree *t, struct err *e)
{
    if (interrupt_pending())
        return err_set(e, -EINTR, "%s: interrupted", t->path);
    archive_entry_clear(t->entry);
    int rc = archive_read_next_header2(t->a, t->entry);
    if (rc == ARCHIVE_EOF)
        return 0;
    if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
        return tree_err(t, e);
    if (t->folder) {
        archive_read_disk_descend(t->a);
        struct archive_entry *spare = NULL;
        archive_entry_linkify(t->links, &t->entry, &spare);
    }
    if (!entry_path(t))
        return err_set(e, -EINVAL, "%s: an entry has no readable name", t->path);
    return 1;
}

/* ---- how much it is ---- */

struct measure {
    uint64_t bytes, entries;
    bool has_programs; /* something in /bin, /sbin, /usr/bin, or an /init */
};

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

static int measure(const char *path, struct progress *p, struct measure *m, struct err *e)
{
    OWN(tree) t = NULL;
    int rc = tree_open(path, &t, e);
    if (rc < 0)
        return rc;
    progress_start(p, "reading", file_bytes(path), PROGRESS_BYTES);
    while ((rc = tree_next(t, e)) > 0) {
        uint64_t size = archive_entry_hardlink(t->entry) ? 0 : (uint64_t)archive_entry_size(t->entry);
        if (size > BYTES_MAX || (m->bytes += (size + BLOCK - 1) / BLOCK * BLOCK) > BYTES_MAX)
            return err_set(e, -EFBIG, "%s: its content is larger than 8 TiB", path);
        m->entries++;
        m->has_programs = m->has_programs || is_program(entry_path(t));
        progress_to(p, t->folder ? 0 : (uint64_t)archive_filter_bytes(t->a, -1));
    }
    if (rc == 0 && m->entries == 0)
        return err_set(e, -EINVAL, "%s: empty", path);
    if (rc == 0 && !m->has_programs)
        return err_set(e, -EINVAL, "%s: not a root file system: no programs in /bin, /sbin or /usr/bin",
                       path);
    return rc;
}

/* ---- into the file system ---- */

static void describe(const struct tree *t, struct ext4_node *n)
{
    struct archive_entry *entry = t->entry;
    *n = (struct ext4_node){
        .path = entry_path(t),
        .mode = archive_entry_mode(entry),
        .uid = (uint32_t)archive_entry_uid(entry),
        .gid = (uint32_t)archive_entry_gid(entry),
        .mtime = archive_entry_mtime(entry),
        .major = (uint32_t)archive_entry_rdevmajor(entry),
        .minor = (uint32_t)archive_entry_rdevminor(entry),
        .link = archive_entry_symlink(entry),
    };
    if (!n->link)
        n->link = archive_entry_symlink_utf8(entry);
    if (t->folder && geteuid() != 0) {
        n->uid = n->uid == geteuid() ? 0 : n->uid;
        n->gid = n->gid == getegid() ? 0 : n->gid;
    }
}

static int copy_xattrs(const struct tree *t, struct ext4 *f, struct err *e)
{
    const char *name;
    const void *value;
    size_t len;
    archive_entry_xattr_reset(t->entry);
    while (archive_entry_xattr_next(t->entry, &name, &value, &len) == ARCHIVE_OK) {
        if (strncmp(name, "user.", 5) != 0 && strcmp(name, "security.capability") != 0)
            continue; /* the host's labels mean nothing in the guest */
        int rc = ext4_set_xattr(f, name, value, len, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int copy_content(const struct tree *t, struct ext4 *f, struct progress *p, struct err *e)
{
    for (;;) {
        const void *data;
        size_t len;
        la_int64_t offset;
        int rc = archive_read_data_block(t->a, &data, &len, &offset);
        if (rc == ARCHIVE_EOF)
            return ext4_set_size(f, (uint64_t)archive_entry_size(t->entry), e);
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
            return tree_err(t, e);
        if (interrupt_pending())
            return err_set(e, -EINTR, "%s: interrupted", t->path);
        rc = ext4_write(f, (uint64_t)offset, data, len, e);
        if (rc < 0)
            return rc;
        progress_add(p, len);
    }
}

static int copy_entry(const struct tree *t, struct ext4 *f, struct progress *p, struct err *e)
{
    const char *link = archive_entry_hardlink(t->entry);
    if (!link)
        link = archive_entry_hardlink_utf8(t->entry);
    if (link)
        return ext4_link(f, entry_path(t), inner_path(t, link), e);
    struct ext4_node n;
    describe(t, &n);
    if (S_ISLNK(n.mode) && (!n.link || !*n.link))
        return err_set(e, -EINVAL, "%s: %s: a link to nowhere", t->path, n.path);
    int rc = ext4_add(f, &n, e);
    if (rc < 0 || (rc = copy_xattrs(t, f, e)) < 0 || !S_ISREG(n.mode))
        return rc;
    return copy_content(t, f, p, e);
}

static int copy_all(const char *path, struct ext4 *f, struct progress *p, struct err *e)
{
    OWN(tree) t = NULL;
    int rc = tree_open(path, &t, e);
    while (rc >= 0 && (rc = tree_next(t, e)) > 0) {
        rc = copy_entry(t, f, p, e);
        progress_add(p, BLOCK);
    }
    return rc;
}

static uint64_t needed(const struct measure *m)
{
    return m->bytes + m->bytes / 8 + m->entries * 1024 + SLACK;
}

static int fill(const char *path, const char *file, uint64_t bytes, uint64_t least, struct progress *p,
                uint64_t *ret_bytes, struct err *e)
{
    struct measure m = {0};
    int rc = measure(path, p, &m, e);
    if (rc < 0)
        return rc;
    uint64_t need = needed(&m), size = bytes ? bytes : need > least ? need : least;
    if (size < need - SLACK + 32 * MIB)
        return err_set(e, -ENOSPC, "%s: its content needs a disk of %llu MiB", path,
                       (unsigned long long)((need + MIB - 1) / MIB));
    size = (size + MIB - 1) / MIB * MIB;
    uint64_t usual = size / 16384, inodes = m.entries + m.entries / 2 + 1024;
    OWN(ext4) f = NULL;
    rc = ext4_create(file, size, inodes > usual ? inodes : usual, &f, e);
    if (rc < 0)
        return rc;
    progress_start(p, "file system", m.bytes + m.entries * BLOCK, PROGRESS_BYTES);
    if ((rc = copy_all(path, f, p, e)) < 0 || (rc = ext4_finish(&f, e)) < 0)
        return rc;
    *ret_bytes = size;
    return 0;
}

int tree_to_ext4(const char *tree, const char *file, uint64_t bytes, uint64_t least_bytes, struct progress *p,
                 uint64_t *ret_bytes, struct err *e)
{
    /* Names in archives are UTF-8 more often than not, whatever our own locale is. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t old = utf8 ? uselocale(utf8) : (locale_t)0;
    int rc = fill(tree, file, bytes, least_bytes, p, ret_bytes, e);
    progress_done(p);
    if (utf8) {
        uselocale(old);
        freelocale(utf8);
    }
    return rc;
}
