// SPDX-License-Identifier: GPL-2.0-or-later
/* blob: see blob.h. A blob is made under another name in the same folder, and renamed when it is on the disk.
 */
#include "store/blob.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/paths.h"
#include "base/proc.h"

#define CHUNK       (1u << 20)
#define HOLLOW_FREE (256 << 20)
#define HOLLOW_MAX  4096

char *blob_dir(void)
{
    OWN_MEM char *data = paths_data();
    return data ? path_make("%s/blobs/sha256", data) : NULL;
}

char *blob_path(const struct digest *d)
{
    OWN_MEM char *dir = blob_dir();
    return dir ? path_make("%s/%s", dir, d->hex) : NULL;
}

/* ---- a new one ---- */

struct draft_blob {
    char *path;
    int fd;
};

static void discard(struct draft_blob *d)
{
    if (d->path)
        unlink(d->path);
    free(d->path);
    own_fd(&d->fd);
}
#define OWN_DRAFT __attribute__((cleanup(discard))) struct draft_blob

static int begin(struct draft_blob *d, struct err *e)
{
    OWN_MEM char *dir = blob_dir();
    d->path = dir ? path_make("%s/.tmp-XXXXXX", dir) : NULL;
    if (!d->path)
        return err_code(e, -ENOMEM, "blob");
    int rc = dir_make_private(dir, e);
    if (rc < 0)
        return rc;
    d->fd = mkostemp(d->path, O_CLOEXEC);
    return d->fd < 0 ? err_sys(e, "create %s", d->path) : 0;
}

static int publish(struct draft_blob *d, const struct digest *name, struct err *e)
{
    OWN_MEM char *dir = blob_dir(), *final = blob_path(name);
    if (!dir || !final)
        return err_code(e, -ENOMEM, "blob");
    if (fchmod(d->fd, 0644) < 0 || fsync(d->fd) < 0 || rename(d->path, final) < 0)
        return err_sys(e, "write %s", final);
    free(take(d->path));
    return dir_sync(dir, e);
}

/* ---- checking ---- */

/* Sum up all of a file; to: the descriptor that gets a copy, or -1. */
static int sum_up(int from, int to, const char *what, struct progress *p, struct blob *ret, struct err *e)
{
    OWN(hash) h = hash_new();
    OWN_MEM char *piece = malloc(CHUNK);
    if (!h || !piece)
        return err_code(e, -ENOMEM, "%s", what);
    ret->bytes = 0;
    for (ssize_t n; (n = pread(from, piece, CHUNK, (off_t)ret->bytes)) != 0;) {
        int rc = n < 0 ? -errno : to < 0 ? 0 : file_write_all(to, piece, (size_t)n);
        if (rc < 0)
            return err_code(e, rc, "%s", what);
        if (interrupt_pending())
            return err_set(e, -EINTR, "%s: interrupted", what);
        hash_add(h, piece, (size_t)n);
        ret->bytes += (uint64_t)n;
        progress_add(p, (uint64_t)n);
    }
    hash_end(h, &ret->digest);
    return 0;
}

/* Out of an archive a file of a few bytes can come with terabytes of holes. */
static bool is_hollow(int fd)
{
    struct stat st;
    return fstat(fd, &st) < 0 || (st.st_size > HOLLOW_FREE && st.st_size / HOLLOW_MAX > st.st_blocks * 512);
}

int blob_sum(int fd, const char *what, struct blob *ret, struct err *e)
{
    if (is_hollow(fd))
        return err_set(e, -EINVAL, "%s: a file of almost nothing but holes", what);
    return sum_up(fd, -1, what, NULL, ret, e);
}

static int check_bytes(uint64_t found, const struct blob *b, const char *what, struct err *e)
{
    if (found == b->bytes)
        return 0;
    return err_set(e, -EINVAL, "%s: %llu bytes instead of %llu", what, (unsigned long long)found,
                   (unsigned long long)b->bytes);
}

static int check(const struct blob *found, const struct blob *b, const char *what, struct err *e)
{
    if (digest_same(&found->digest, &b->digest))
        return 0;
    return err_set(e, -EINVAL, "%s: its content has the digest sha256:%.16s... instead of sha256:%.16s...",
                   what, found->digest.hex, b->digest.hex);
}

/* ---- taking ---- */

static int copy(int fd, const struct blob *b, const char *what, struct progress *p, struct err *e)
{
    OWN_DRAFT d = {.fd = -1};
    struct blob found;
    int rc = begin(&d, e);
    if (rc < 0 || (rc = sum_up(fd, d.fd, what, p, &found, e)) < 0 || (rc = check(&found, b, what, e)) < 0)
        return rc;
    return publish(&d, &b->digest, e);
}

/* One more name for the file itself. -EXDEV and such: it cannot have one there. */
static int adopt(int fd, const struct blob *b, const char *what, struct progress *p, struct err *e)
{
    OWN_DRAFT d = {.fd = -1};
    struct blob found;
    char self[40];
    int rc = sum_up(fd, -1, what, p, &found, e);
    if (rc < 0 || (rc = check(&found, b, what, e)) < 0 || (rc = begin(&d, e)) < 0)
        return rc;
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    if (unlink(d.path) < 0 || linkat(AT_FDCWD, self, AT_FDCWD, d.path, AT_SYMLINK_FOLLOW) < 0)
        return err_sys(e, "%s", what);
    own_fd(&d.fd);
    d.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return publish(&d, &b->digest, e);
}

int blob_take(int fd, bool ours, const struct blob *b, const char *what, struct progress *p, struct err *e)
{
    OWN_MEM char *path = blob_path(&b->digest);
    struct stat st;
    if (!path || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return path ? err_set(e, -EINVAL, "%s: not a file", what) : err_code(e, -ENOMEM, "%s", what);
    int rc = check_bytes((uint64_t)st.st_size, b, what, e);
    if (rc < 0 || access(path, F_OK) == 0)
        return rc; /* what is there has been checked */
    return ours ? adopt(fd, b, what, p, e) : copy(fd, b, what, p, e);
}

int blob_store(const void *data, size_t len, struct digest *ret, struct err *e)
{
    OWN_DRAFT d = {.fd = -1};
    struct digest digest;
    OWN_MEM char *path = digest_of(data, len, &digest) == 0 ? blob_path(&digest) : NULL;
    if (!path)
        return err_code(e, -ENOMEM, "blob");
    if (access(path, F_OK) < 0) {
        int rc = begin(&d, e);
        if (rc == 0 && (rc = file_write_all(d.fd, data, len)) < 0)
            rc = err_code(e, rc, "write %s", path);
        if (rc < 0 || (rc = publish(&d, &digest, e)) < 0)
            return rc;
    }
    *ret = digest;
    return 0;
}

int blob_load(const struct digest *d, size_t max, char **ret, size_t *ret_len, struct err *e)
{
    OWN_MEM char *path = blob_path(d), *text = NULL;
    struct digest found;
    size_t len;
    int rc = path ? file_read(path, max, &text, &len, e) : err_code(e, -ENOMEM, "blob");
    if (rc < 0)
        return rc;
    if (digest_of(text, len, &found) < 0 || !digest_same(&found, d))
        return err_set(e, -EINVAL, "%s: damaged", path);
    *ret = take(text);
    *ret_len = len;
    return 0;
}
