// SPDX-License-Identifier: GPL-2.0-or-later
/* bus: a sorted array of regions, searched by halves. See bus.h for the locking. */
#include "board/bus.h"

#include <string.h>

struct region {
    uint64_t base, bytes;
    const struct bus_ops *ops;
    void *dev;
};

struct bus {
    pthread_mutex_t *lock;
    struct region *regions; /* by base, no overlaps */
    size_t nr, cap;
};

int bus_new(pthread_mutex_t *lock, struct bus **ret, struct err *e)
{
    struct bus *b = calloc(1, sizeof(*b));
    if (!b)
        return err_code(e, -ENOMEM, "bus");
    b->lock = lock;
    *ret = b;
    return 0;
}

void bus_free(struct bus *b)
{
    if (!b)
        return;
    free(b->regions);
    free(b);
}

/* Index of the first region whose end lies above addr. */
static size_t seek(const struct bus *b, uint64_t addr)
{
    size_t lo = 0, hi = b->nr;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (b->regions[mid].base + (b->regions[mid].bytes - 1) < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

int bus_attach(struct bus *b, uint64_t base, uint64_t bytes, const struct bus_ops *ops, void *dev,
               struct err *e)
{
    if (bytes == 0 || base + (bytes - 1) < base)
        return err_set(e, -EINVAL, "bus region at 0x%llx: bad length", (unsigned long long)base);
    size_t at = seek(b, base);
    if (at < b->nr && b->regions[at].base <= base + (bytes - 1))
        return err_set(e, -EEXIST, "bus region at 0x%llx overlaps one at 0x%llx", (unsigned long long)base,
                       (unsigned long long)b->regions[at].base);
    if (b->nr == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 16;
        struct region *regions = realloc(b->regions, cap * sizeof(*regions));
        if (!regions)
            return err_code(e, -ENOMEM, "bus region");
        b->regions = regions;
        b->cap = cap;
    }
    memmove(&b->regions[at + 1], &b->regions[at], (b->nr - at) * sizeof(b->regions[0]));
    b->regions[at] = (struct region){.base = base, .bytes = bytes, .ops = ops, .dev = dev};
    b->nr++;
    return 0;
}

void bus_detach(struct bus *b, uint64_t base)
{
    size_t at = seek(b, base);
    if (at == b->nr || b->regions[at].base != base)
        return;
    b->nr--;
    memmove(&b->regions[at], &b->regions[at + 1], (b->nr - at) * sizeof(b->regions[0]));
}

static const struct region *lookup(const struct bus *b, uint64_t addr, unsigned size)
{
    size_t at = seek(b, addr);
    if (at == b->nr)
        return NULL;
    const struct region *r = &b->regions[at];
    return addr >= r->base && size <= r->bytes - (addr - r->base) ? r : NULL;
}

uint64_t bus_read(struct bus *b, uint64_t addr, unsigned size)
{
    uint64_t val = UINT64_MAX;
    pthread_mutex_lock(b->lock);
    const struct region *r = lookup(b, addr, size);
    if (r && r->ops->read)
        val = r->ops->read(r->dev, addr - r->base, size);
    pthread_mutex_unlock(b->lock);
    return size < 8 ? val & ((1ull << 8 * size) - 1) : val;
}

void bus_write(struct bus *b, uint64_t addr, unsigned size, uint64_t val)
{
    if (size < 8)
        val &= (1ull << 8 * size) - 1;
    pthread_mutex_lock(b->lock);
    const struct region *r = lookup(b, addr, size);
    if (r && r->ops->write)
        r->ops->write(r->dev, addr - r->base, size, val);
    pthread_mutex_unlock(b->lock);
}
