// SPDX-License-Identifier: GPL-2.0-or-later
/* disk_map_file: the map's file; its layout is in disk_map.h. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/file.h"
#include "host/disk_map_impl.h"
#include "host/iov.h"

#define FILL_BYTES  (64ull << 20) /* maps up to this size have their space set aside */
#define MAP_VERSION 1

struct map_header {
    char magic[8];
    uint32_t version, block_bytes;
    uint64_t bytes, base_bytes;
    uint32_t crc; /* of what stands before it */
    uint8_t unused[MAP_PAGE - 36];
} __attribute__((packed));
_Static_assert(sizeof(struct map_header) == MAP_PAGE, "the header is a page");
static const char magic[8] = "hospmap";

static uint32_t checksum(const void *data, size_t len)
{
    return (uint32_t)crc32(0, data, (uInt)len);
}

static uint32_t slot_crc(const struct map_slot *s)
{
    return checksum(&s->index, sizeof(*s) - sizeof(s->crc));
}

static uint64_t slot_offset(uint64_t index, unsigned slot)
{
    return MAP_PAGE * (1 + 2 * index + slot);
}

static uint64_t file_bytes(uint64_t nr_pages)
{
    return slot_offset(nr_pages, 0);
}

void disk_map_seal(const struct map_page *p, uint64_t index, uint64_t generation, struct map_slot *ret)
{
    ret->index = (uint32_t)index;
    ret->generation = generation;
    memcpy(ret->bits, p->bits, sizeof(ret->bits));
    ret->crc = slot_crc(ret);
}

static int put(int fd, const void *page, uint64_t offset)
{
    struct iovec iov = {(void *)page, MAP_PAGE};
    return iov_pwrite(fd, (struct iov_part){&iov, 1, 0, MAP_PAGE}, offset);
}

static int get(int fd, void *page, uint64_t offset)
{
    struct iovec iov = {page, MAP_PAGE};
    return iov_pread(fd, (struct iov_part){&iov, 1, 0, MAP_PAGE}, offset);
}

int disk_map_put_page(int fd, uint64_t index, unsigned slot, const struct map_slot *s)
{
    return put(fd, s, slot_offset(index, slot));
}

/* ---- writing all of it ---- */

static void fill_header(const struct disk_map *m, struct map_header *h)
{
    memset(h, 0, sizeof(*h));
    memcpy(h->magic, magic, sizeof(magic));
    h->version = MAP_VERSION;
    h->block_bytes = DISK_BLOCK;
    h->bytes = m->bytes;
    h->base_bytes = m->base_bytes;
    h->crc = checksum(h, offsetof(struct map_header, crc));
}

/* Space that is there already cannot be missing at a flush later. */
static int set_aside(int fd, uint64_t bytes)
{
    if (bytes <= FILL_BYTES && fallocate(fd, 0, 0, (off_t)bytes) < 0 && errno != EOPNOTSUPP)
        return -errno;
    return ftruncate(fd, (off_t)bytes) < 0 ? -errno : 0;
}

static int write_pages(const struct disk_map *m, int fd)
{
    struct map_header h;
    fill_header(m, &h);
    int rc = put(fd, &h, 0);
    for (uint64_t i = 0; i < m->nr_pages && rc == 0; i++) {
        struct map_slot s;
        disk_map_seal(&m->pages[i], i, 1, &s);
        rc = disk_map_put_page(fd, i, 0, &s);
    }
    return rc;
}

/* The folder that path lies in, so that the rename lasts too. */
static int sync_folder(const char *path, struct err *e)
{
    OWN_MEM char *dir = strdup(path);
    if (!dir)
        return err_code(e, -ENOMEM, "%s", path);
    char *slash = strrchr(dir, '/');
    if (!slash)
        return dir_sync(".", e);
    slash[slash == dir] = '\0';
    return dir_sync(dir, e);
}

static int write_new(const struct disk_map *m, const char *tmp, int *ret_fd, struct err *e)
{
    OWN_FD fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "make %s", tmp);
    int rc = set_aside(fd, file_bytes(m->nr_pages));
    if (rc == 0)
        rc = write_pages(m, fd);
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    if (rc == 0 && rename(tmp, m->path) < 0)
        rc = -errno;
    if (rc < 0) {
        unlink(tmp);
        return err_code(e, rc, "write %s", m->path);
    }
    *ret_fd = take_fd(&fd);
    return 0;
}

/* All pages into a new file that takes the old one's place. */
static int replace_file(struct disk_map *m, struct err *e)
{
    OWN_MEM char *tmp = path_make("%s.new", m->path);
    if (!tmp)
        return err_code(e, -ENOMEM, "%s", m->path);
    int fd = -1;
    int rc = write_new(m, tmp, &fd, e);
    if (rc < 0)
        return rc;
    if (m->fd >= 0)
        close(m->fd);
    m->fd = fd;
    for (uint64_t i = 0; i < m->nr_pages; i++) {
        m->pages[i].generation = 1;
        m->pages[i].slot = 0;
        m->pages[i].dirty = false;
    }
    return sync_folder(m->path, e);
}

static int map_new(const char *path, uint64_t bytes, uint64_t base_bytes, struct disk_map **ret,
                   struct err *e)
{
    if (bytes > DISK_MAP_MAX)
        return err_set(e, -EFBIG, "%s: a disk of %llu bytes is larger than 16 TiB", path,
                       (unsigned long long)bytes);
    OWN(disk_map) m = calloc(1, sizeof(*m));
    if (!m)
        return err_code(e, -ENOMEM, "%s", path);
    pthread_mutex_init(&m->lock, NULL);
    m->fd = -1;
    m->bytes = bytes;
    m->base_bytes = base_bytes;
    m->nr_pages = disk_map_pages(bytes);
    m->pages = calloc(m->nr_pages ? m->nr_pages : 1, sizeof(*m->pages));
    m->path = strdup(path);
    if (!m->pages || !m->path)
        return err_code(e, -ENOMEM, "%s", path);
    *ret = take(m);
    return 0;
}

int disk_map_create(const char *path, uint64_t bytes, uint64_t base_bytes, struct err *e)
{
    OWN(disk_map) m = NULL;
    int rc = map_new(path, bytes, base_bytes, &m, e);
    return rc < 0 ? rc : replace_file(m, e);
}

int disk_map_grow(struct disk_map *m, uint64_t bytes, struct err *e)
{
    OWN(disk_map) larger = NULL;
    int rc = map_new(m->path, bytes, m->base_bytes, &larger, e);
    if (rc < 0)
        return rc;
    for (uint64_t i = 0; i < m->nr_pages; i++)
        memcpy(larger->pages[i].bits, m->pages[i].bits, sizeof(m->pages[i].bits));
    rc = replace_file(larger, e);
    if (rc < 0)
        return rc;
    struct disk_map old = *m;
    m->fd = larger->fd;
    m->bytes = larger->bytes;
    m->pages = larger->pages;
    m->nr_pages = larger->nr_pages;
    larger->fd = old.fd; /* closed with it */
    larger->pages = old.pages;
    return 0;
}

/* ---- reading it: whatever is in the file ---- */

static int check_header(const struct map_header *h, const char *path, struct err *e)
{
    if (memcmp(h->magic, magic, sizeof(magic)) != 0)
        return err_set(e, -EINVAL, "%s: not a block map", path);
    if (h->crc != checksum(h, offsetof(struct map_header, crc)))
        return err_set(e, -EIO, "%s: its header is damaged", path);
    if (h->version != MAP_VERSION || h->block_bytes != DISK_BLOCK)
        return err_set(e, -EINVAL,
                       "%s: version %u with blocks of %u bytes; this program reads version %u with %u", path,
                       h->version, h->block_bytes, MAP_VERSION, DISK_BLOCK);
    return 0;
}

static bool slot_good(const struct map_slot *s, uint64_t index)
{
    if (s->crc != slot_crc(s) || s->index != index || s->generation == 0)
        return false;
    for (unsigned i = 0; i < sizeof(s->bits); i++)
        if (s->bits[i] & s->bits[i] >> 1 & 0x55)
            return false; /* a fourth state there is not */
    return true;
}

static bool slot_unused(const struct map_slot *s)
{
    static const struct map_slot empty;
    return memcmp(s, &empty, sizeof(empty)) == 0;
}

/* The newer one of two good slots; a bad one that was in use means that its last save was torn. */
static int load_page(struct disk_map *m, uint64_t index, const struct map_slot s[2], struct err *e)
{
    bool good[2] = {slot_good(&s[0], index), slot_good(&s[1], index)};
    if (!good[0] && !good[1])
        return err_set(e, -EIO, "%s: page %llu is damaged: which blocks the disk's file holds is not known",
                       m->path, (unsigned long long)index);
    unsigned best = good[0] && (!good[1] || s[0].generation > s[1].generation) ? 0 : 1;
    if (!good[best ^ 1] && !slot_unused(&s[best ^ 1]))
        m->torn++;
    struct map_page *p = &m->pages[index];
    p->generation = s[best].generation;
    p->slot = (uint8_t)best;
    memcpy(p->bits, s[best].bits, sizeof(p->bits));
    return 0;
}

static int load_pages(struct disk_map *m, struct err *e)
{
    for (uint64_t i = 0; i < m->nr_pages; i++) {
        struct map_slot s[2];
        int rc = get(m->fd, &s[0], slot_offset(i, 0));
        if (rc == 0)
            rc = get(m->fd, &s[1], slot_offset(i, 1));
        if (rc < 0)
            return err_code(e, rc, "read %s", m->path);
        rc = load_page(m, i, s, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int disk_map_open(const char *path, bool read_only, struct disk_map **ret, struct err *e)
{
    OWN_FD fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "open %s", path);
    struct map_header h;
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(h))
        return err_set(e, -EIO, "%s: cut short: not even a header", path);
    int rc = get(fd, &h, 0);
    if (rc < 0)
        return err_code(e, rc, "read %s", path);
    OWN(disk_map) m = NULL;
    rc = check_header(&h, path, e);
    if (rc == 0)
        rc = map_new(path, h.bytes, h.base_bytes, &m, e);
    if (rc < 0)
        return rc;
    m->fd = take_fd(&fd);
    if ((uint64_t)st.st_size != file_bytes(m->nr_pages))
        return err_set(e, -EIO, "%s: %lld bytes instead of %llu", path, (long long)st.st_size,
                       (unsigned long long)file_bytes(m->nr_pages));
    rc = load_pages(m, e);
    if (rc < 0)
        return rc;
    *ret = take(m);
    return 0;
}
