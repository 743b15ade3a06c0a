// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree: see tree.h.
 *
 * A layer goes through two archives of the library: the first only uncompresses, the second reads the tar
 * from what we summed up on the way.
 */
#include "store/tree.h"

#include <archive.h>
#include <string.h>
#include <sys/stat.h>

#include "base/proc.h"

#define CHUNK      (128u << 10)
#define RATIO_MAX  4096u          /* gzip cannot do 1100 */
#define RATIO_FREE (256ull << 20) /* so much may come out of nothing */

struct tree {
    char *path;
    const char *what; /* in errors */
    struct archive *a;
    struct archive *packed;                   /* of a layer: what uncompresses it */
    struct archive_entry_linkresolver *links; /* of a folder: which files are the same */
    struct archive_entry *entry;              /* the one read last */
    struct hash *hash;
    uint64_t unpacked_bytes;
    char *chunk;
    bool folder;
};

void tree_close(struct tree *t)
{
    if (!t)
        return;
    if (t->links)
        archive_entry_linkresolver_free(t->links);
    if (t->entry)
        archive_entry_free(t->entry);
    if (t->a)
        archive_read_free(t->a);
    if (t->packed)
        archive_read_free(t->packed);
    hash_free(t->hash);
    free(t->chunk);
    free(t->path);
    free(t);
}

static int tree_err(const struct tree *t, struct archive *a, struct err *e)
{
    int code = archive_errno(a);
    const char *text = archive_error_string(a);
    if (code > 0 && code < 4096 && code != EINVAL && code != EILSEQ) /* these two are the library's own */
        return err_set(e, -code, "%s: %s", t->what, text ? text : strerror(code));
    return err_set(e, -EINVAL, "%s: damaged or truncated (%s)", t->what, text ? text : "unknown reason");
}

/* ---- folders and archives ---- */

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
    return archive_read_open_filename(t->a, t->path, CHUNK);
}

static int open_files(struct tree *t, struct err *e)
{
    struct stat st;
    if (stat(t->path, &st) < 0)
        return err_sys(e, "%s", t->what);
    t->folder = S_ISDIR(st.st_mode);
    if ((t->folder ? open_folder(t) : open_archive(t)) != ARCHIVE_OK)
        return t->a ? tree_err(t, t->a, e) : err_code(e, -ENOMEM, "%s", t->what);
    return 0;
}

/* ---- layers ---- */

static bool is_bomb(const struct tree *t)
{
    uint64_t packed = (uint64_t)archive_filter_bytes(t->packed, -1);
    return t->unpacked_bytes > RATIO_FREE && t->unpacked_bytes / RATIO_MAX > packed;
}

/* The next uncompressed bytes of a layer; 0: no more; -1: told in a's error. */
static la_ssize_t read_layer(struct archive *a, void *ctx, const void **ret)
{
    struct tree *t = ctx;
    la_ssize_t n = archive_read_data(t->packed, t->chunk, CHUNK);
    if (n < 0) {
        const char *why = archive_error_string(t->packed);
        archive_set_error(a, archive_errno(t->packed), "%s", why ? why : "unknown reason");
        return -1;
    }
    t->unpacked_bytes += (uint64_t)n;
    if (is_bomb(t)) {
        archive_set_error(a, EINVAL, "its content is more than %u times as large", RATIO_MAX);
        return -1;
    }
    hash_add(t->hash, t->chunk, (size_t)n);
    *ret = t->chunk;
    return n;
}

static int open_packed(struct tree *t)
{
    struct archive_entry *all;
    archive_read_support_filter_gzip(t->packed);
    archive_read_support_filter_zstd(t->packed);
    archive_read_support_format_raw(t->packed);
    int rc = archive_read_open_filename(t->packed, t->path, CHUNK);
    return rc == ARCHIVE_OK ? archive_read_next_header(t->packed, &all) : rc;
}

static int open_layer(struct tree *t, struct err *e)
{
    if (!(t->a = archive_read_new()) || !(t->packed = archive_read_new()) || !(t->hash = hash_new()) ||
        !(t->chunk = malloc(CHUNK)))
        return err_code(e, -ENOMEM, "%s", t->what);
    if (open_packed(t) != ARCHIVE_OK)
        return tree_err(t, t->packed, e);
    archive_read_support_format_tar(t->a);
    return archive_read_open(t->a, t, NULL, read_layer, NULL) == ARCHIVE_OK ? 0 : tree_err(t, t->a, e);
}

int tree_open(const struct tree_source *s, struct tree **ret, struct err *e)
{
    OWN(tree) t = calloc(1, sizeof(*t));
    if (!t || !(t->path = strdup(s->path)) || !(t->entry = archive_entry_new()))
        return err_code(e, -ENOMEM, "%s", s->path);
    t->what = s->what ? s->what : t->path;
    int rc = s->layer ? open_layer(t, e) : open_files(t, e);
    if (rc == 0)
        *ret = take(t);
    return rc;
}

/* A tar ends before its file does. */
int tree_digest(struct tree *t, struct digest *ret, struct err *e)
{
    const void *data;
    la_ssize_t n;
    while ((n = read_layer(t->a, t, &data)) > 0)
        if (interrupt_pending())
            return err_set(e, -EINTR, "%s: interrupted", t->what);
    if (n < 0)
        return tree_err(t, t->a, e);
    hash_end(t->hash, ret);
    return 0;
}

/* ---- entries ---- */

/* The path inside the tree; NULL: it has none that can be told. A folder's entries start with its own path.
 */
static const char *inner_path(const struct tree *t, const char *path)
{
    size_t n = strlen(t->path);
    if (!t->folder || !path || strncmp(path, t->path, n) != 0)
        return path;
    return path + n;
}

int tree_next(struct tree *t, struct err *e)
{
    if (interrupt_pending())
        return err_set(e, -EINTR, "%s: interrupted", t->what);
    archive_entry_clear(t->entry);
    int rc = archive_read_next_header2(t->a, t->entry);
    if (rc == ARCHIVE_EOF)
        return 0;
    if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
        return tree_err(t, t->a, e);
    if (t->folder) {
        archive_read_disk_descend(t->a);
        struct archive_entry *spare = NULL;
        archive_entry_linkify(t->links, &t->entry, &spare);
    }
    if (!tree_path(t))
        return err_set(e, -EINVAL, "%s: an entry has no readable name", t->what);
    return 1;
}

struct archive_entry *tree_entry(struct tree *t)
{
    return t->entry;
}

const char *tree_path(const struct tree *t)
{
    const char *path = archive_entry_pathname(t->entry);
    return inner_path(t, path ? path : archive_entry_pathname_utf8(t->entry));
}

const char *tree_link(const struct tree *t)
{
    const char *link = archive_entry_hardlink(t->entry);
    return inner_path(t, link ? link : archive_entry_hardlink_utf8(t->entry));
}

const char *tree_symlink(const struct tree *t)
{
    const char *link = archive_entry_symlink(t->entry);
    return link ? link : archive_entry_symlink_utf8(t->entry);
}

void tree_owner(const struct tree *t, uint32_t *ret_uid, uint32_t *ret_gid)
{
    uint32_t uid = (uint32_t)archive_entry_uid(t->entry), gid = (uint32_t)archive_entry_gid(t->entry);
    bool ours = t->folder && geteuid() != 0;
    *ret_uid = ours && uid == geteuid() ? 0 : uid;
    *ret_gid = ours && gid == getegid() ? 0 : gid;
}

/* The host's labels mean nothing elsewhere, and overlayfs' own marks would be obeyed. */
static bool means_something(const char *name)
{
    static const char *const marks[] = {"user.overlay.", "user.fuseoverlayfs."};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (strncmp(name, marks[i], strlen(marks[i])) == 0)
            return false;
    return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0;
}

int tree_xattrs(const struct tree *t, int (*each)(void *ctx, const char *name, const void *value, size_t len),
                void *ctx)
{
    const char *name;
    const void *value;
    size_t len;
    archive_entry_xattr_reset(t->entry);
    while (archive_entry_xattr_next(t->entry, &name, &value, &len) == ARCHIVE_OK) {
        int rc = means_something(name) ? each(ctx, name, value, len) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

int tree_data(struct tree *t, const void **ret_data, size_t *ret_len, uint64_t *ret_offset, struct err *e)
{
    la_int64_t offset;
    int rc = archive_read_data_block(t->a, ret_data, ret_len, &offset);
    if (rc == ARCHIVE_EOF)
        return 0;
    if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
        return tree_err(t, t->a, e);
    if (interrupt_pending())
        return err_set(e, -EINTR, "%s: interrupted", t->what);
    *ret_offset = (uint64_t)offset;
    return 1;
}

bool tree_is_folder(const struct tree *t)
{
    return t->folder;
}

uint64_t tree_packed_bytes(const struct tree *t)
{
    struct archive *file = t->packed ? t->packed : t->a;
    return t->folder ? 0 : (uint64_t)archive_filter_bytes(file, -1);
}
