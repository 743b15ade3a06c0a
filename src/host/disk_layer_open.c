// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk_layer_open: a top layer's two files, made, found or found wanting.
 *
 * The data file is made first, empty and as large as it must be, and the map second, and nothing is
 * written before both are there: so a map without data, or data without a map, means that one was lost.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "host/disk_layer_impl.h"

typedef unsigned long long ull;

static uint64_t round_up(uint64_t bytes, uint64_t to)
{
    return (bytes + to - 1) / to * to;
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static int check_size(const char *what, uint64_t bytes, uint64_t least, struct err *e)
{
    if (bytes % 512)
        return err_set(e, -EINVAL, "a disk of %llu bytes is not a whole number of 512-byte sectors",
                       (ull)bytes);
    if (bytes > DISK_MAP_MAX)
        return err_set(e, -EFBIG, "a disk of %llu bytes is larger than 16 TiB", (ull)bytes);
    if (bytes < least)
        return err_set(e, -EINVAL, "%s: has %llu bytes, more than the disk's %llu", what, (ull)least,
                       (ull)bytes);
    return 0;
}

/* It covers every block whole, so that reads never meet its end. */
static int extend_data(const struct disk_layer_config *c, const struct disk_layer *l, uint64_t bytes,
                       struct err *e)
{
    if (ftruncate(l->fd, (off_t)round_up(bytes, DISK_BLOCK)) < 0)
        return err_sys(e, "make %s larger", c->top);
    return 0;
}

static uint64_t base_bytes(const struct disk_layer *l)
{
    return l->base ? disk_raw_bytes(l->base) : 0;
}

/* ---- a new layer ---- */

static int make(const struct disk_layer_config *c, struct disk_layer *l, const char *map, struct err *e)
{
    if (lseek(l->fd, 0, SEEK_DATA) >= 0)
        return err_set(e, -EIO, "%s: lost: which blocks %s holds is not known", map, c->top);
    uint64_t bytes = c->bytes ? c->bytes : round_up(base_bytes(l), 512);
    if (bytes == 0)
        return err_set(e, -EINVAL, "%s: a new disk needs a size", c->top);
    int rc = check_size(c->base_name, bytes, base_bytes(l), e);
    if (rc == 0)
        rc = extend_data(c, l, bytes, e);
    if (rc == 0)
        rc = disk_map_create(map, bytes, base_bytes(l), e);
    return rc;
}

/* ---- one that was there ---- */

static int check_base(const struct disk_layer_config *c, const struct disk_layer *l, struct err *e)
{
    uint64_t now = base_bytes(l), then = disk_map_base_bytes(l->map);
    if (now == then)
        return 0;
    return err_set(e, -EINVAL, "%s: was made over a base of %llu bytes, but %s has %llu", c->top, (ull)then,
                   c->base_name ? c->base_name : "no base", (ull)now);
}

static int check_data(const struct disk_layer_config *c, const struct disk_layer *l, uint64_t has,
                      struct err *e)
{
    uint64_t want = round_up(disk_map_bytes(l->map), DISK_BLOCK);
    if (has < want)
        return err_set(e, -EIO, "%s: cut short: %llu of %llu bytes", c->top, (ull)has, (ull)want);
    return 0;
}

/* The size asked for against the layer's: it may grow. */
static int fit(const struct disk_layer_config *c, struct disk_layer *l, struct err *e)
{
    uint64_t has = disk_map_bytes(l->map);
    if (c->bytes == 0 || c->bytes == has)
        return 0;
    int rc = check_size(c->top, c->bytes, has, e);
    if (rc == 0 && c->read_only)
        return err_set(e, -EROFS, "%s: cannot grow, it is opened read-only", c->top);
    if (rc == 0)
        rc = extend_data(c, l, c->bytes, e);
    if (rc == 0)
        rc = disk_map_grow(l->map, c->bytes, e);
    return rc;
}

static int find(const struct disk_layer_config *c, struct disk_layer *l, const char *map, uint64_t data_bytes,
                struct err *e)
{
    int rc = disk_map_open(map, c->read_only, &l->map, e);
    if (rc == 0)
        rc = check_base(c, l, e);
    if (rc == 0)
        rc = check_data(c, l, data_bytes, e);
    if (rc == 0)
        rc = fit(c, l, e);
    if (rc < 0)
        return rc;
    if (disk_map_torn(l->map))
        log_warn("%s: %u pages were being written when the host stopped; those of the flush before are used",
                 map, disk_map_torn(l->map));
    return 0;
}

/* ---- both ---- */

/* The lock comes first: what else is looked at may be in the middle of a change by another guest. */
static int open_data(const struct disk_layer_config *c, struct disk_layer *l, const char *map,
                     uint64_t *ret_bytes, struct err *e)
{
    if (is_there(map) && !is_there(c->top))
        return err_set(e, -EIO, "%s: lost: only its map %s is there", c->top, map);
    return disk_file_open(c->top, c->read_only ? O_RDONLY : O_RDWR | O_CREAT, !c->read_only, &l->fd,
                          ret_bytes, e);
}

static int open_files(const struct disk_layer_config *c, struct disk_layer *l, const char *map, struct err *e)
{
    uint64_t bytes = 0;
    int rc = open_data(c, l, map, &bytes, e);
    if (rc < 0)
        return rc;
    if (is_there(map) || c->read_only)
        return find(c, l, map, bytes, e);
    rc = make(c, l, map, e);
    return rc < 0 ? rc : disk_map_open(map, false, &l->map, e);
}

static struct disk_layer *layer_alloc(void)
{
    struct disk_layer *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->fd = -1;
    pthread_mutex_init(&l->busy_lock, NULL);
    pthread_cond_init(&l->busy_less, NULL);
    pthread_mutex_init(&l->flush_lock, NULL);
    return l;
}

int disk_layer_open(const struct disk_layer_config *c, struct disk_raw *base, struct disk_back *ret,
                    struct err *e)
{
    OWN(disk_layer) l = layer_alloc();
    OWN_MEM char *map = path_make("%s.map", c->top);
    if (!l || !map)
        return err_code(e, -ENOMEM, "%s", c->top);
    l->base = base;
    bool new = !is_there(c->top);
    int rc = open_files(c, l, map, e);
    if (rc == 0) {
        *ret = (struct disk_back){&disk_layer_ops, l, disk_map_bytes(l->map), c->read_only};
        l = NULL; /* *ret owns it */
        return 0;
    }
    if (new && l->fd >= 0 && !is_there(map))
        unlink(c->top);
    l->base = NULL; /* stays the caller's */
    return rc;
}
