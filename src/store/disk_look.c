// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk_look: partition tables and file systems on a raw disk; see disk.h.
 *
 * Everything read here is hostile: sizes are compared before they are used, products are taken in 64 bits of
 * small factors.
 */
#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "store/disk.h"

#define SECTOR         512u
#define PARTS_MAX      128u
#define MBR_GPT        0xee /* the type of the one entry that protects a GPT */
#define EXT_SUPER      1024u
#define EXT_MAGIC      0xef53
#define EXT_64BIT      0x80u
#define MBR_TABLE      446u
#define BTRFS_MAGIC_AT 0x10040u

struct disk {
    int fd;
    const char *path;
    uint64_t bytes;
};

static uint32_t le32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

static uint64_t le64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

static bool get(const struct disk *d, uint64_t at, void *data, size_t len)
{
    return at <= d->bytes && len <= d->bytes - at && pread(d->fd, data, len, (off_t)at) == (ssize_t)len;
}

/* ---- file systems ---- */

struct signature {
    uint64_t offset;
    const char *bytes;
    size_t len;
    const char *fs;
};

static const struct signature signatures[] = {
    {0, "XFSB", 4, "xfs"},
    {BTRFS_MAGIC_AT, "_BHRfS_M", 8, "btrfs"},
    {0, "hsqs", 4, "squashfs"},
    {1024, "\xe2\xe1\xf5\xe0", 4, "erofs"},
    {1024, "\x10\x20\xf5\xf2", 4, "f2fs"},
};

/* How long the ext2, 3 or 4 at this offset is; 0: none is there. */
static uint64_t ext_bytes(const struct disk *d, uint64_t offset)
{
    uint8_t super[1024];
    if (!get(d, offset + EXT_SUPER, super, sizeof(super)) || super[0x38] != (EXT_MAGIC & 0xff) ||
        super[0x39] != EXT_MAGIC >> 8)
        return 0;
    uint32_t log = le32(super + 0x18); /* s_log_block_size */
    uint64_t blocks = le32(super + 4); /* s_blocks_count_lo */
    if (le32(super + 0x60) & EXT_64BIT)
        blocks |= (uint64_t)le32(super + 0x150) << 32;
    if (log > 6 || blocks == 0 || blocks > UINT64_MAX >> 17)
        return 0;
    return blocks << (10 + log);
}

static const char *fs_at(const struct disk *d, uint64_t offset)
{
    if (ext_bytes(d, offset))
        return "ext4";
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        char found[8];
        const struct signature *s = &signatures[i];
        if (get(d, offset + s->offset, found, s->len) && memcmp(found, s->bytes, s->len) == 0)
            return s->fs;
    }
    return NULL;
}

static int truncated(const struct disk *d, const char *what, uint64_t end, struct err *e)
{
    return err_set(e, -EINVAL, "%s: truncated: %s ends at byte %llu, the disk at %llu", d->path, what,
                   (unsigned long long)end, (unsigned long long)d->bytes);
}

/* ---- partitions ---- */

struct part {
    unsigned number;
    uint64_t start, end; /* bytes */
};

/* What the root may be on: a file system that a root can have is better than none, then more room is better.
 */
static int consider(const struct disk *d, const struct part *p, uint64_t *best, struct disk_layout *ret,
                    struct err *e)
{
    if (p->end > d->bytes)
        return truncated(d, "a partition", p->end, e);
    const char *fs = fs_at(d, p->start);
    uint64_t ext = ext_bytes(d, p->start);
    if (ext > p->end - p->start)
        return truncated(d, "a file system", p->start + ext, e);
    uint64_t rank = (p->end - p->start) / SECTOR + (fs ? 1ull << 60 : 0);
    if (rank <= *best)
        return 0;
    *best = rank;
    ret->root_offset = p->start;
    ret->partition = p->number;
    ret->fs = fs;
    return 0;
}

static int look_mbr(const struct disk *d, const uint8_t *mbr, struct disk_layout *ret, struct err *e)
{
    uint64_t best = 0;
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *entry = mbr + MBR_TABLE + 16 * i;
        struct part p = {.number = i + 1, .start = (uint64_t)le32(entry + 8) * SECTOR};
        p.end = p.start + (uint64_t)le32(entry + 12) * SECTOR;
        if (entry[4] == 0 || p.end == p.start)
            continue;
        int rc = consider(d, &p, &best, ret, e);
        if (rc < 0)
            return rc;
    }
    return best ? 0 : err_set(e, -EINVAL, "%s: a disk without partitions", d->path);
}

static int look_gpt(const struct disk *d, struct disk_layout *ret, struct err *e)
{
    uint8_t head[92], entry[128];
    if (!get(d, SECTOR, head, sizeof(head)) || memcmp(head, "EFI PART", 8) != 0)
        return err_set(e, -EINVAL, "%s: its GUID partition table is damaged", d->path);
    uint64_t table = le64(head + 72), backup = le64(head + 32), best = 0;
    uint32_t count = le32(head + 80), size = le32(head + 84);
    if (table > d->bytes / SECTOR || size < sizeof(entry) || size > 4096 || count > PARTS_MAX)
        return err_set(e, -EINVAL, "%s: its GUID partition table is damaged", d->path);
    if (backup >= d->bytes / SECTOR)
        return truncated(d, "its partition table",
                         backup < UINT64_MAX / SECTOR ? (backup + 1) * SECTOR : UINT64_MAX, e);
    for (uint32_t i = 0; i < count; i++) {
        static const uint8_t unused[16];
        if (!get(d, table * SECTOR + (uint64_t)i * size, entry, sizeof(entry)))
            return err_set(e, -EINVAL, "%s: its GUID partition table is damaged", d->path);
        uint64_t first = le64(entry + 32), last = le64(entry + 40);
        if (memcmp(entry, unused, sizeof(unused)) == 0)
            continue;
        if (first > last || last >= UINT64_MAX / SECTOR)
            return err_set(e, -EINVAL, "%s: its GUID partition table is damaged", d->path);
        int rc = consider(d, &(struct part){i + 1, first * SECTOR, (last + 1) * SECTOR}, &best, ret, e);
        if (rc < 0)
            return rc;
    }
    return best ? 0 : err_set(e, -EINVAL, "%s: a disk without partitions", d->path);
}

static int look(const struct disk *d, struct disk_layout *ret, struct err *e)
{
    uint64_t ext = ext_bytes(d, 0);
    if (ext > d->bytes)
        return truncated(d, "its file system", ext, e);
    ret->fs = fs_at(d, 0);
    if (ret->fs)
        return 0;
    uint8_t mbr[SECTOR];
    if (!get(d, 0, mbr, sizeof(mbr)) || mbr[510] != 0x55 || mbr[511] != 0xaa)
        return err_set(e, -EINVAL,
                       "%s: neither a disk with a known file system or partition table, nor a tar archive",
                       d->path);
    return mbr[MBR_TABLE + 4] == MBR_GPT ? look_gpt(d, ret, e) : look_mbr(d, mbr, ret, e);
}

int disk_look(const char *path, struct disk_layout *ret, struct err *e)
{
    OWN_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "%s", path);
    struct disk d = {.fd = fd, .path = path, .bytes = (uint64_t)st.st_size};
    struct disk_layout found = {.bytes = d.bytes};
    int rc = look(&d, &found, e);
    if (rc == 0)
        *ret = found;
    return rc;
}
