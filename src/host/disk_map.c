// SPDX-License-Identifier: GPL-2.0-or-later
/* disk_map: see disk_map.h. The map in memory; disk_map_file.c reads and writes it. */
#include "host/disk_map_impl.h"

#include <string.h>

uint64_t disk_map_pages(uint64_t bytes)
{
    uint64_t blocks = (bytes + DISK_BLOCK - 1) / DISK_BLOCK;
    return (blocks + MAP_BLOCKS - 1) / MAP_BLOCKS;
}

uint64_t disk_map_bytes(const struct disk_map *m)
{
    return m->bytes;
}

uint64_t disk_map_base_bytes(const struct disk_map *m)
{
    return m->base_bytes;
}

unsigned disk_map_torn(const struct disk_map *m)
{
    return m->torn;
}

void disk_map_close(struct disk_map *m)
{
    if (!m)
        return;
    if (m->fd >= 0)
        close(m->fd);
    pthread_mutex_destroy(&m->lock);
    free(m->pages);
    free(m->frozen);
    free(m->path);
    free(m);
}

static enum block_state get(const struct disk_map *m, uint64_t block)
{
    const struct map_page *p = &m->pages[block / MAP_BLOCKS];
    unsigned i = (unsigned)(block % MAP_BLOCKS);
    return (enum block_state)(p->bits[i / 4] >> (i % 4 * 2) & 3);
}

static void put(struct disk_map *m, uint64_t block, enum block_state state)
{
    struct map_page *p = &m->pages[block / MAP_BLOCKS];
    unsigned i = (unsigned)(block % MAP_BLOCKS), shift = i % 4 * 2;
    uint8_t bits = (uint8_t)((p->bits[i / 4] & ~(3u << shift)) | (unsigned)state << shift);
    if (bits == p->bits[i / 4])
        return;
    p->bits[i / 4] = bits;
    p->dirty = true;
}

enum block_state disk_map_run(struct disk_map *m, uint64_t block, uint64_t max, uint64_t *ret_run)
{
    pthread_mutex_lock(&m->lock);
    enum block_state state = get(m, block);
    uint64_t run = 1;
    while (run < max && get(m, block + run) == state)
        run++;
    pthread_mutex_unlock(&m->lock);
    *ret_run = run;
    return state;
}

void disk_map_mark(struct disk_map *m, uint64_t block, uint64_t n, enum block_state state)
{
    pthread_mutex_lock(&m->lock);
    for (uint64_t i = 0; i < n; i++)
        put(m, block + i, state);
    pthread_mutex_unlock(&m->lock);
}

/* ---- a save ---- */

static uint64_t nr_dirty(const struct disk_map *m)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < m->nr_pages; i++)
        n += m->pages[i].dirty;
    return n;
}

int disk_map_freeze(struct disk_map *m)
{
    BUG_ON(m->frozen);
    pthread_mutex_lock(&m->lock);
    uint64_t n = nr_dirty(m);
    m->frozen = n ? malloc(n * sizeof(*m->frozen)) : NULL;
    if (n && !m->frozen) {
        pthread_mutex_unlock(&m->lock);
        return -ENOMEM;
    }
    m->nr_frozen = 0;
    for (uint64_t i = 0; i < m->nr_pages && m->nr_frozen < n; i++) {
        if (!m->pages[i].dirty)
            continue;
        m->pages[i].dirty = false;
        disk_map_seal(&m->pages[i], i, m->pages[i].generation + 1, &m->frozen[m->nr_frozen++]);
    }
    pthread_mutex_unlock(&m->lock);
    return 0;
}

void disk_map_thaw(struct disk_map *m)
{
    pthread_mutex_lock(&m->lock);
    for (uint64_t i = 0; i < m->nr_frozen; i++)
        m->pages[m->frozen[i].index].dirty = true;
    m->nr_frozen = 0;
    free(take(m->frozen));
    pthread_mutex_unlock(&m->lock);
}

/* They last: what was the other slot holds the newest generation now. */
static void saved(struct disk_map *m)
{
    pthread_mutex_lock(&m->lock);
    for (uint64_t i = 0; i < m->nr_frozen; i++) {
        struct map_page *p = &m->pages[m->frozen[i].index];
        p->slot ^= 1;
        p->generation++;
    }
    m->nr_frozen = 0;
    free(take(m->frozen));
    pthread_mutex_unlock(&m->lock);
}

int disk_map_write(struct disk_map *m)
{
    if (m->nr_frozen == 0)
        return 0;
    int rc = 0;
    for (uint64_t i = 0; i < m->nr_frozen && rc == 0; i++) {
        uint32_t index = m->frozen[i].index;
        rc = disk_map_put_page(m->fd, index, m->pages[index].slot ^ 1u, &m->frozen[i]);
    }
    if (rc == 0 && fdatasync(m->fd) < 0)
        rc = -errno;
    if (rc < 0)
        disk_map_thaw(m);
    else
        saved(m);
    return rc;
}
