// SPDX-License-Identifier: GPL-2.0-or-later
/* logfile: see logfile.h. */
#include "host/logfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"

struct logfile {
    int fd;
    char *path, *older;
    uint64_t bytes, cap; /* of PATH; of one file */
    struct log_limit limit;
};

static int open_file(struct logfile *l, int flags)
{
    int fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
    struct stat st;
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    if (l->fd >= 0)
        close(l->fd);
    l->fd = fd;
    l->bytes = (uint64_t)st.st_size;
    return 0;
}

int logfile_open(const char *path, uint64_t cap_bytes, struct logfile **ret, struct err *e)
{
    OWN(logfile) l = calloc(1, sizeof(*l));
    if (!l)
        return err_code(e, -ENOMEM, "%s", path);
    l->fd = -1;
    l->cap = cap_bytes / 2;
    l->path = strdup(path);
    l->older = path_make("%s.1", path);
    if (!l->path || !l->older)
        return err_code(e, -ENOMEM, "%s", path);
    int rc = open_file(l, 0);
    if (rc == -EINVAL)
        return err_set(e, rc, "%s: not a file", path);
    if (rc < 0)
        return err_code(e, rc, "open %s", path);
    *ret = take(l);
    return 0;
}

void logfile_close(struct logfile *l)
{
    if (!l)
        return;
    if (l->fd >= 0)
        close(l->fd);
    free(l->path);
    free(l->older);
    free(l);
}

/* If it cannot be put aside it starts anew all the same: the cap holds. */
static void rotate(struct logfile *l)
{
    int rc = rename(l->path, l->older) < 0 ? -errno : open_file(l, O_TRUNC);
    if (rc == 0)
        return;
    log_guest(&l->limit, "%s: %s", l->path, strerror(-rc));
    if (ftruncate(l->fd, 0) == 0)
        l->bytes = 0;
}

void logfile_write(struct logfile *l, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len) {
        if (l->bytes >= l->cap)
            rotate(l);
        size_t some = l->bytes < l->cap && l->cap - l->bytes < len ? l->cap - l->bytes : len;
        int rc = file_write_all(l->fd, at, some);
        if (rc < 0) {
            log_guest(&l->limit, "%s: %s", l->path, strerror(-rc));
            return;
        }
        l->bytes += some;
        at += some;
        len -= some;
    }
}
