// SPDX-License-Identifier: GPL-2.0-or-later
/* ram: see ram.h. */
#include "board/ram.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE (2ull << 20)

struct ram {
    uint64_t bytes;
    uint8_t *mem; /* both slots, low first */
    struct ram_slot slots[2];
    unsigned nr_slots;
    uint8_t *marks; /* one byte a page; reserved at once, touched where code is */
    ram_watch_fn *watch;
    void *watch_ctx;
};

/* Reserve 2 MiB more than asked and cut both ends, so that the block is aligned for huge pages. */
static uint8_t *map_aligned(uint64_t bytes)
{
    uint8_t *p = mmap(NULL, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    uint64_t skip = -(uintptr_t)p % HUGE_PAGE;
    if (skip)
        munmap(p, skip);
    if (HUGE_PAGE - skip)
        munmap(p + skip + bytes, HUGE_PAGE - skip);
    return p + skip;
}

int ram_new(uint64_t bytes, struct ram **ret, struct err *e)
{
    if (bytes == 0 || bytes % HUGE_PAGE || bytes > 1ull << 44)
        return err_set(e, -EINVAL, "memory of %llu bytes: not a positive multiple of 2 MiB",
                       (unsigned long long)bytes);
    OWN(ram) r = calloc(1, sizeof(*r));
    if (!r)
        return err_code(e, -ENOMEM, "guest memory");
    r->bytes = bytes;
    r->mem = map_aligned(bytes);
    if (!r->mem)
        return err_sys(e, "guest memory of %llu MiB", (unsigned long long)(bytes >> 20));
    madvise(r->mem, bytes, MADV_HUGEPAGE); /* an optimisation; kernels without it do as well */
    madvise(r->mem, bytes, MADV_DONTDUMP);
    r->marks = mmap(NULL, bytes / RAM_PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r->marks == MAP_FAILED) {
        r->marks = NULL;
        return err_sys(e, "marks of guest memory");
    }
    uint64_t low = bytes < RAM_LOW_MAX ? bytes : RAM_LOW_MAX;
    r->slots[r->nr_slots++] = (struct ram_slot){.base = 0, .bytes = low, .host = r->mem};
    if (bytes > low)
        r->slots[r->nr_slots++] =
            (struct ram_slot){.base = RAM_HIGH_GPA, .bytes = bytes - low, .host = r->mem + low};
    *ret = take(r);
    return 0;
}

void ram_free(struct ram *r)
{
    if (!r)
        return;
    if (r->mem)
        munmap(r->mem, r->bytes);
    if (r->marks)
        munmap(r->marks, r->bytes / RAM_PAGE);
    free(r);
}

uint64_t ram_bytes(const struct ram *r)
{
    return r->bytes;
}

const struct ram_slot *ram_slots(const struct ram *r, unsigned *ret_nr)
{
    *ret_nr = r->nr_slots;
    return r->slots;
}

void *ram_at(const struct ram *r, struct gpa a, uint64_t len)
{
    for (unsigned i = 0; i < r->nr_slots; i++) {
        const struct ram_slot *s = &r->slots[i];
        uint64_t off = a.a - s->base;
        if (off < s->bytes && len <= s->bytes - off)
            return s->host + off;
    }
    return NULL;
}

bool ram_read(const struct ram *r, struct gpa a, void *buf, uint64_t len)
{
    const void *from = ram_at(r, a, len);
    if (!from)
        return false;
    memcpy(buf, from, len);
    return true;
}

bool ram_write(struct ram *r, struct gpa a, const void *buf, uint64_t len)
{
    void *to = ram_at(r, a, len);
    if (!to)
        return false;
    memcpy(to, buf, len);
    ram_wrote(r, a, len);
    return true;
}

uint64_t ram_page_index(const struct ram *r, struct gpa a)
{
    const uint8_t *p = ram_at(r, a, 1);
    return p ? (uint64_t)(p - r->mem) / RAM_PAGE : UINT64_MAX;
}

uint8_t *ram_marks(const struct ram *r)
{
    return r->marks;
}

/* The marks are read without a lock: the writer's data is globally visible before its ram_wrote, and the
 * engine sets the mark before it reads the bytes, so one of the two sees the other (both are full barriers).
 */
void ram_wrote(struct ram *r, struct gpa a, uint64_t len)
{
    if (!r->watch || len == 0)
        return;
    uint64_t first = ram_page_index(r, a);
    if (first == UINT64_MAX)
        return;
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t pages = ((a.a & (RAM_PAGE - 1)) + len + RAM_PAGE - 1) / RAM_PAGE;
    for (uint64_t i = 0; i < pages; i++)
        if (__atomic_load_n(&r->marks[first + i], __ATOMIC_RELAXED) & RAM_MARKED)
            r->watch(r->watch_ctx, gpa((a.a & ~(uint64_t)(RAM_PAGE - 1)) + i * RAM_PAGE));
}

void ram_watch(struct ram *r, ram_watch_fn *fn, void *ctx)
{
    r->watch = fn;
    r->watch_ctx = ctx;
}

void ram_mark(struct ram *r, struct gpa page, bool marked)
{
    uint64_t i = ram_page_index(r, page);
    if (i != UINT64_MAX)
        __atomic_store_n(&r->marks[i], marked ? RAM_MARKED : 0, __ATOMIC_SEQ_CST);
}

bool ram_marked(const struct ram *r, struct gpa page)
{
    uint64_t i = ram_page_index(r, page);
    return i != UINT64_MAX && __atomic_load_n(&r->marks[i], __ATOMIC_RELAXED) & RAM_MARKED;
}
