// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk_layer: requests on a top layer over its base.
 *
 * A block that is not in the data file yet is written there as a whole before the map says so: what the
 * data file holds elsewhere may be stale and is never read. So a write that fails half-way (no space left)
 * leaves the old content, and a flush makes the data last before the map that tells of it.
 * Threads: who changes the map has its range of blocks alone (struct busy); readers look at the map and
 * need no lock, since a base never changes and a block is marked after its bytes are there.
 */
#include "host/disk_layer_impl.h"

#include <string.h>

/* ---- one writer a block ---- */

struct busy {
    uint64_t first, last; /* blocks */
    struct busy *next;
};

static bool taken(const struct disk_layer *l, const struct busy *b)
{
    for (const struct busy *o = l->busy; o; o = o->next)
        if (o->first <= b->last && b->first <= o->last)
            return true;
    return false;
}

static void busy_enter(struct disk_layer *l, struct busy *b)
{
    pthread_mutex_lock(&l->busy_lock);
    while (taken(l, b))
        pthread_cond_wait(&l->busy_less, &l->busy_lock);
    b->next = l->busy;
    l->busy = b;
    pthread_mutex_unlock(&l->busy_lock);
}

static void busy_leave(struct disk_layer *l, struct busy *b)
{
    pthread_mutex_lock(&l->busy_lock);
    struct busy **p = &l->busy;
    while (*p != b)
        p = &(*p)->next;
    *p = b->next;
    pthread_cond_broadcast(&l->busy_less);
    pthread_mutex_unlock(&l->busy_lock);
}

/* ---- read: a transfer for every run of blocks in one state ---- */

static int read_base(struct disk_layer *l, struct iov_part to, uint64_t offset)
{
    if (l->base)
        return disk_raw_read(l->base, to, offset);
    iov_zero(to);
    return 0;
}

static int read_run(struct disk_layer *l, enum block_state state, struct iov_part to, uint64_t offset)
{
    switch (state) {
    case BLOCK_BASE:
        return read_base(l, to, offset);
    case BLOCK_HERE:
        return iov_pread(l->fd, to, offset);
    case BLOCK_ZERO:
        break;
    }
    iov_zero(to);
    return 0;
}

static int layer_read(void *obj, struct iov_part to, uint64_t offset)
{
    struct disk_layer *l = obj;
    while (to.bytes) {
        uint64_t block = offset / DISK_BLOCK, last = (offset + to.bytes - 1) / DISK_BLOCK, run;
        enum block_state state = disk_map_run(l->map, block, last - block + 1, &run);
        struct iov_part part = to;
        uint64_t end = (block + run) * DISK_BLOCK;
        if (end - offset < part.bytes)
            part.bytes = end - offset;
        int rc = read_run(l, state, part, offset);
        if (rc < 0)
            return rc;
        offset += part.bytes;
        to.skip += part.bytes;
        to.bytes -= part.bytes;
    }
    return 0;
}

/* ---- write ---- */

/* Bytes [from, to) of a block that is about to come here, as they are now. */
static int copy_up(struct disk_layer *l, uint64_t block, enum block_state state, unsigned from, unsigned to)
{
    uint8_t bytes[DISK_BLOCK];
    struct iovec iov = {bytes, to - from};
    struct iov_part part = {&iov, 1, 0, to - from};
    uint64_t offset = block * DISK_BLOCK + from;
    int rc = read_run(l, state, part, offset);
    return rc < 0 ? rc : iov_pwrite(l->fd, part, offset);
}

/* The parts of first and last block that the write leaves alone. */
static int complete_edges(struct disk_layer *l, const struct busy *b, uint64_t offset, uint64_t end)
{
    unsigned head = offset % DISK_BLOCK, tail = end % DISK_BLOCK;
    uint64_t run;
    enum block_state first = disk_map_run(l->map, b->first, 1, &run);
    enum block_state last = disk_map_run(l->map, b->last, 1, &run);
    int rc = 0;
    if (head && first != BLOCK_HERE)
        rc = copy_up(l, b->first, first, 0, head);
    if (rc == 0 && tail && last != BLOCK_HERE)
        rc = copy_up(l, b->last, last, tail, DISK_BLOCK);
    return rc;
}

static int write_alone(struct disk_layer *l, const struct busy *b, struct iov_part from, uint64_t offset)
{
    int rc = complete_edges(l, b, offset, offset + from.bytes);
    if (rc == 0)
        rc = iov_pwrite(l->fd, from, offset);
    if (rc < 0)
        return rc;
    atomic_store(&l->wrote, true); /* before the map tells of it, see layer_flush */
    disk_map_mark(l->map, b->first, b->last - b->first + 1, BLOCK_HERE);
    return 0;
}

static int layer_write(void *obj, struct iov_part from, uint64_t offset)
{
    struct disk_layer *l = obj;
    if (from.bytes == 0)
        return 0;
    struct busy b = {offset / DISK_BLOCK, (offset + from.bytes - 1) / DISK_BLOCK, NULL};
    busy_enter(l, &b);
    int rc = write_alone(l, &b, from, offset);
    busy_leave(l, &b);
    return rc;
}

/* ---- discard, zeroes ---- */

/* Whole blocks: a note in the map, and their space given back. */
static void zero_blocks(struct disk_layer *l, uint64_t first, uint64_t end, bool unmap)
{
    if (first >= end)
        return;
    struct busy b = {first, end - 1, NULL};
    busy_enter(l, &b);
    disk_map_mark(l->map, first, end - first, BLOCK_ZERO);
    if (unmap)
        disk_file_punch(l->fd, first * DISK_BLOCK, (end - first) * DISK_BLOCK);
    busy_leave(l, &b);
}

static int layer_discard(void *obj, uint64_t offset, uint64_t bytes)
{
    zero_blocks(obj, (offset + DISK_BLOCK - 1) / DISK_BLOCK, (offset + bytes) / DISK_BLOCK, true);
    return 0; /* parts of blocks keep their bytes: it is advice */
}

static int write_zeros(struct disk_layer *l, uint64_t offset, uint64_t bytes)
{
    static const uint8_t zeros[DISK_BLOCK];
    struct iovec iov = {(void *)zeros, bytes};
    return layer_write(l, (struct iov_part){&iov, 1, 0, bytes}, offset);
}

static int layer_zeroes(void *obj, uint64_t offset, uint64_t bytes, bool unmap)
{
    struct disk_layer *l = obj;
    uint64_t end = offset + bytes;
    uint64_t first = (offset + DISK_BLOCK - 1) / DISK_BLOCK, last = end / DISK_BLOCK;
    if (first > last) /* within one block */
        return write_zeros(l, offset, bytes);
    int rc = write_zeros(l, offset, first * DISK_BLOCK - offset);
    if (rc == 0)
        rc = write_zeros(l, last * DISK_BLOCK, end - last * DISK_BLOCK);
    if (rc == 0)
        zero_blocks(l, first, last, unmap);
    return rc;
}

/* ---- flush ---- */

/*
 * The map is frozen first: whatever it says is HERE by then was written before, so the sync of the data
 * covers it. After a failed sync the kernel forgets what it could not write and the next one would
 * succeed: so it fails from then on, and the map on disk stays as it was.
 */
static int flush_alone(struct disk_layer *l)
{
    if (l->lost)
        return l->lost;
    int rc = disk_map_freeze(l->map);
    if (rc < 0)
        return rc;
    if (atomic_exchange(&l->wrote, false) && fdatasync(l->fd) < 0) {
        l->lost = -errno;
        disk_map_thaw(l->map);
        return l->lost;
    }
    return disk_map_write(l->map);
}

static int layer_flush(void *obj)
{
    struct disk_layer *l = obj;
    pthread_mutex_lock(&l->flush_lock);
    int rc = flush_alone(l);
    pthread_mutex_unlock(&l->flush_lock);
    return rc;
}

void disk_layer_free(struct disk_layer *l)
{
    if (!l)
        return;
    disk_raw_close(l->base);
    disk_map_close(l->map);
    if (l->fd >= 0)
        close(l->fd); /* the lock goes with it, last */
    pthread_mutex_destroy(&l->busy_lock);
    pthread_cond_destroy(&l->busy_less);
    pthread_mutex_destroy(&l->flush_lock);
    free(l);
}

static void layer_close(void *obj)
{
    disk_layer_free(obj);
}

const struct disk_back_ops disk_layer_ops = {layer_read,    layer_write,  layer_flush,
                                             layer_discard, layer_zeroes, layer_close};
