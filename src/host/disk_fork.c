// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk_fork: see disk_fork.h.
 *
 * The map is in memory and comes with the fork. The data are copied while the machine stands still: by the
 * file system itself where it can share blocks (FICLONE: XFS, Btrfs), else what has been written of the
 * sparse file.
 */
#include "host/disk_fork.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "host/disk_impl.h"
#include "host/disk_layer_impl.h"
#include "host/disk_map_impl.h"

static int copy_piece(int from, int to, off_t at, off_t end)
{
    while (at < end) {
        off_t out = at;
        ssize_t n = copy_file_range(from, &at, to, &out, (size_t)(end - at), 0);
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
    }
    return 0;
}

static int copy_data(int from, int to)
{
    struct stat st;
    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    if (fstat(from, &st) < 0 || ftruncate(to, st.st_size) < 0)
        return -errno;
    for (off_t at = 0, end; (at = lseek(from, at, SEEK_DATA)) >= 0; at = end) {
        if ((end = lseek(from, at, SEEK_HOLE)) < 0)
            return -errno;
        int rc = copy_piece(from, to, at, end);
        if (rc < 0)
            return rc;
    }
    return errno == ENXIO ? 0 : -errno;
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
}

int disk_fork_copy(struct disk *d, int *ret_fd, struct err *e)
{
    const struct disk_layer *l = d->back.obj;
    if (d->back.ops != &disk_layer_ops)
        return err_set(e, -EOPNOTSUPP, "disk %s: has no top layer of its own", d->name);
    OWN_MEM char *folder = folder_of(d->name);
    OWN_FD fd = folder ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return err_sys(e, "copy of disk %s", d->name);
    int rc = copy_data(l->fd, fd);
    if (rc < 0)
        return err_code(e, rc, "copy of disk %s", d->name);
    *ret_fd = take_fd(&fd);
    return 0;
}

/* ---- in the child ---- */

static int take_map(struct disk_layer *l, const char *path, struct err *e)
{
    OWN(disk_map) new = NULL;
    int rc = disk_map_create(path, disk_map_bytes(l->map), disk_map_base_bytes(l->map), e);
    if (rc < 0 || (rc = disk_map_open(path, false, &new, e)) < 0)
        return rc;
    for (uint64_t i = 0; i < new->nr_pages; i++) {
        memcpy(new->pages[i].bits, l->map->pages[i].bits, MAP_BITS_BYTES);
        new->pages[i].dirty = true;
    }
    disk_map_close(l->map);
    l->map = take(new);
    return 0;
}

static int take_files(struct disk_layer *l, const char *top, int copy, struct err *e)
{
    OWN_MEM char *map = path_make("%s.map", top);
    OWN_FD fd = -1;
    uint64_t bytes;
    if (!map)
        return err_code(e, -ENOMEM, "%s", top);
    int rc = disk_file_open(top, O_RDWR | O_CREAT | O_EXCL, true, &fd, &bytes, e);
    if (rc < 0)
        return rc;
    if ((rc = copy_data(copy, fd)) < 0)
        return err_code(e, rc, "%s", top);
    if ((rc = take_map(l, map, e)) < 0)
        return rc;
    close(l->fd);
    l->fd = take_fd(&fd);
    atomic_store(&l->wrote, true);
    return 0;
}

int disk_after_fork(struct disk *d, const char *top, int copy, struct err *e)
{
    struct disk_layer *l = d->back.obj;
    char *name = strdup(top);
    if (!name)
        return err_code(e, -ENOMEM, "%s", top);
    free(d->name);
    d->name = name;
    pthread_mutex_init(&l->busy_lock, NULL);
    pthread_cond_init(&l->busy_less, NULL);
    pthread_mutex_init(&l->flush_lock, NULL);
    int rc = take_files(l, top, copy, e);
    if (rc < 0)
        return rc;
    loop_unwatch(d->loop, workers_fd(d->workers));
    if ((rc = workers_after_fork(d->workers, e)) < 0)
        return rc;
    return disk_watch(d, e);
}
