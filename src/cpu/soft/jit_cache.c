// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_cache: translated blocks by the page of their code, the direct jumps between them, and how they go.
 *
 * A block that goes is taken out of its page, no link leads to it any more, and its entry for indirect jumps
 * is overwritten with a jump to the dispatcher: jump caches may still name it. Other CPUs may be in it and
 * leave it at its end; so its memory is used again only after all were out (jit_flush_all).
 *
 * Patches are stores of at most 8 aligned bytes over one whole instruction or one displacement, so a CPU that
 * fetches meanwhile sees the old or the new one. Threads: any; all but cache_at_code holds jit's lock.
 */
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpu/soft/jit.h"
#include "cpu/soft/jit_emit.h"

void jit_lock(struct jit *j)
{
    uint32_t c = 0;
    if (atomic_compare_exchange_strong(&j->lock, &c, 1))
        return;
    if (c != 2)
        c = atomic_exchange(&j->lock, 2);
    while (c) {
        syscall(SYS_futex, &j->lock, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
        c = atomic_exchange(&j->lock, 2);
    }
}

void jit_unlock(struct jit *j)
{
    if (atomic_exchange(&j->lock, 0) == 2)
        syscall(SYS_futex, &j->lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Zero pages until they are used. */
static void *reserve(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void release(void *p, size_t bytes)
{
    if (p)
        munmap(p, bytes);
}

static uint64_t ram_pages(const struct soft *s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < s->nr_slots; i++)
        n += s->slots[i].bytes / RAM_PAGE;
    return n;
}

static int map_code(struct jit *j, struct err *e)
{
    OWN_FD fd = memfd_create("hospes-jit", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, JIT_CODE_BYTES))
        return err_sys(e, "translated code");
    void *rw = mmap(NULL, JIT_CODE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (rw == MAP_FAILED)
        return err_sys(e, "translated code");
    j->rw = rw;
    void *rx = mmap(NULL, JIT_CODE_BYTES, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    if (rx == MAP_FAILED)
        return err_sys(e, "translated code");
    j->rx = rx;
    return 0;
}

int cache_new(struct jit *j, struct err *e)
{
    int r = map_code(j, e);
    if (r)
        return r;
    j->ram_pages = ram_pages(j->soft);
    j->blocks = reserve(JIT_BLOCKS * sizeof(*j->blocks));
    j->sites = reserve(JIT_SITES * sizeof(*j->sites));
    j->pages = reserve(JIT_PAGES * sizeof(*j->pages));
    j->by_index = reserve(j->ram_pages * sizeof(*j->by_index));
    j->nr_blocks = 1;
    return j->blocks && j->sites && j->pages && j->by_index ? 0 : err_sys(e, "translator");
}

void cache_free(struct jit *j)
{
    release(j->rw, JIT_CODE_BYTES);
    release(j->rx, JIT_CODE_BYTES);
    release(j->blocks, JIT_BLOCKS * sizeof(*j->blocks));
    release(j->sites, JIT_SITES * sizeof(*j->sites));
    release(j->pages, JIT_PAGES * sizeof(*j->pages));
    release(j->by_index, j->ram_pages * sizeof(*j->by_index));
}

bool cache_full_locked(const struct jit *j)
{
    return j->used > JIT_CODE_BYTES - JIT_BLOCK_ROOM || j->nr_blocks == JIT_BLOCKS ||
           j->nr_sites > JIT_SITES - JIT_MAX_INSNS || j->nr_pages == JIT_PAGES;
}

struct jpage *cache_page_locked(struct jit *j, uint64_t gpa, bool make)
{
    const void *host = soft_ram(j->soft, gpa & ~0xfffull, RAM_PAGE);
    if (!host)
        return NULL;
    struct jpage **p = &j->by_index[soft_page_index(j->soft, host)];
    if (!*p && make) {
        *p = &j->pages[j->nr_pages++];
        (*p)->gpa = gpa & ~0xfffull;
    }
    return *p;
}

struct block *cache_find_locked(const struct jpage *p, unsigned off, uint32_t mode)
{
    if (!(p->starts[off / 64] >> off % 64 & 1))
        return NULL;
    struct block *b = p->by_line[off / 64];
    while (b && (b->start != off || b->mode != mode))
        b = b->next;
    return b;
}

struct block *cache_add_locked(struct jit *j, struct jpage *p)
{
    struct block *b = &j->blocks[j->nr_blocks];
    b->page = p;
    b->code = j->used = (j->used + 15) & ~15u;
    __atomic_store_n(&j->nr_blocks, j->nr_blocks + 1, __ATOMIC_RELEASE); /* other side: cache_at_code */
    return b;
}

struct link *cache_link_of(struct jit *j, uint32_t number)
{
    return &j->blocks[number / 2].out[number % 2];
}

static void set_jump(struct jit *j, uint32_t site, uint32_t to)
{
    __atomic_store_n((uint32_t *)(void *)(j->rw + site), to - (site + 4), __ATOMIC_RELEASE);
}

void cache_link_locked(struct jit *j, struct link *l, struct block *to)
{
    l->to = to;
    l->next = to->in;
    to->in = l;
    set_jump(j, l->site, to->body);
}

static void unlink_in(struct jit *j, struct block *b)
{
    for (struct link *l = b->in, *next; l; l = next) {
        next = l->next;
        l->to = NULL;
        set_jump(j, l->site, l->stub);
    }
    b->in = NULL;
}

static void unlink_out(struct block *b)
{
    for (unsigned i = 0; i < b->nr_out; i++) {
        struct link *l = &b->out[i];
        if (!l->to)
            continue;
        struct link **at = &l->to->in;
        while (*at != l)
            at = &(*at)->next;
        *at = l->next;
        l->to = NULL;
    }
}

/* The entry's first instruction is longer than the jump. */
static void close_entry(struct jit *j, struct block *b)
{
    uint64_t *at = (uint64_t *)(void *)(j->rw + b->code), old = *at;
    uint32_t disp = j->exit_dead - (b->code + 5);
    __atomic_store_n(at, (old & ~0xffffffffffull) | (uint64_t)disp << 8 | 0xe9, __ATOMIC_RELEASE);
}

static void bury(struct jit *j, struct block *b)
{
    unlink_in(j, b);
    unlink_out(b);
    close_entry(j, b);
    b->dead = true;
}

static void kill_range(struct jit *j, struct jpage *p, unsigned start, unsigned end)
{
    uint64_t lines = lines_of(start, end);
    p->lines = 0;
    for (unsigned i = 0; i < JPAGE_LINES; i++) {
        p->starts[i] = 0;
        for (struct block **at = &p->by_line[i], *b; (b = *at);) {
            if ((b->start < end && b->end > start) || b->ahead & lines) {
                *at = b->next;
                bury(j, b);
                p->nr_blocks--;
            } else {
                p->lines |= lines_of(b->start, b->end) | b->ahead;
                p->starts[i] |= 1ull << b->start % 64;
                at = &b->next;
            }
        }
    }
}

void jit_invalidate(struct soft *s, struct vcpu *v, uint64_t gpa, unsigned size)
{
    struct jit *j = s->jit;
    unsigned start = gpa & (RAM_PAGE - 1), end = start + size > RAM_PAGE ? RAM_PAGE : start + size;
    if (!j || !size)
        return;
    jit_lock(j);
    struct jpage *p = cache_page_locked(j, gpa, false);
    if (p && p->lines & lines_of(start, end)) {
        kill_range(j, p, start, end);
        if (v)
            v->stats.invalidations++;
    }
    if (p && !p->nr_blocks)
        ram_mark(s->ram, (struct gpa){p->gpa}, false);
    jit_unlock(j);
}

/* No CPU is inside, none enters before epoch is even again. */
static void empty(struct jit *j)
{
    jit_lock(j);
    for (unsigned i = 0; i < j->nr_pages; i++)
        ram_mark(j->soft->ram, (struct gpa){j->pages[i].gpa}, false);
    madvise(j->by_index, j->ram_pages * sizeof(*j->by_index), MADV_DONTNEED);
    madvise(j->blocks, j->nr_blocks * sizeof(*j->blocks), MADV_DONTNEED);
    madvise(j->pages, j->nr_pages * sizeof(*j->pages), MADV_DONTNEED);
    j->nr_blocks = 1;
    j->nr_sites = j->nr_pages = 0;
    j->used = j->start;
    jit_unlock(j);
}

static void wait_outside(struct soft *s)
{
    for (unsigned i = 0; i < s->nr_cpus; i++)
        while (s->cpus[i] && atomic_load(&s->cpus[i]->in_code))
            syscall(SYS_sched_yield);
}

/* The caller is not in_code. */
void jit_flush_all(struct soft *s)
{
    struct jit *j = s->jit;
    uint64_t epoch = atomic_load(&j->epoch);
    if (epoch & 1 || !atomic_compare_exchange_strong(&j->epoch, &epoch, epoch + 1))
        return; /* another CPU does it */
    for (unsigned i = 0; i < s->nr_cpus; i++)
        if (s->cpus[i])
            atomic_fetch_or(&s->cpus[i]->request, REQ_QUIESCE);
    wait_outside(s);
    empty(j);
    atomic_store(&j->epoch, epoch + 2);
}

void jit_quiesce(struct vcpu *v)
{
    atomic_fetch_and(&v->request, ~REQ_QUIESCE);
    while (v->soft->jit && atomic_load(&v->soft->jit->epoch) & 1)
        syscall(SYS_sched_yield);
}

const struct block *cache_at_code(const struct jit *j, uint64_t pc)
{
    uint64_t off = pc - (uint64_t)(uintptr_t)j->rx;
    unsigned low = 1, high = __atomic_load_n(&j->nr_blocks, __ATOMIC_ACQUIRE);
    if (off >= JIT_CODE_BYTES)
        return NULL;
    while (high - low > 1) {
        unsigned mid = (low + high) / 2;
        if (j->blocks[mid].code <= off)
            low = mid;
        else
            high = mid;
    }
    const struct block *b = &j->blocks[low];
    return low < high && off >= b->code && off < b->code_end ? b : NULL;
}
