// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_cache: host code and where it came from.
 *
 * Blocks are found by guest-physical address and mode. A block whose guest bytes were written is dead: its
 * first instruction, a NOP of five bytes, becomes a jump to a way out, so that jump caches and links of other
 * CPUs need not be searched; links that lead to it are taken back. Nothing is freed before the cache is full
 * and emptied as a whole.
 *
 * Emptying: `flushing` is raised and every CPU asked to leave; who wants to enter sets in_code first and then
 * looks at `flushing` and `generation`, the flusher the other way round. A jump cache is cleared by its own
 * CPU when it notices that the generation is another.
 * Threads: any. The lock is a futex of our own, for guest vectors may be in the registers.
 */
#include <linux/futex.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cpu/soft/copy.h"
#include "cpu/soft/jit_asm.h"
#include "cpu/soft/jit_call.h"
#include "cpu/soft/run.h"

/* ---- lock ---- */

void jit_lock(struct jit *j)
{
    uint32_t free = 0;
    if (__atomic_compare_exchange_n(&j->lock, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&j->lock, 2, __ATOMIC_ACQUIRE))
        soft_futex(&j->lock, FUTEX_WAIT_PRIVATE, 2);
}

void jit_unlock(struct jit *j)
{
    if (__atomic_exchange_n(&j->lock, 0, __ATOMIC_RELEASE) == 2)
        soft_futex(&j->lock, FUTEX_WAKE_PRIVATE, 1);
}

/* ---- memory ---- */

/* Zero pages until they are used. */
static void *lazy(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

struct table {
    void **at;
    size_t bytes;
};
#define NR_TABLES 9
static void tables(struct jit *j, struct table ret[NR_TABLES])
{
    ret[0] = (struct table){(void **)&j->blocks, JIT_BLOCKS * sizeof(*j->blocks)};
    ret[1] = (struct table){(void **)&j->sites, JIT_SITES * sizeof(*j->sites)};
    ret[2] = (struct table){(void **)&j->exits, JIT_EXITS * sizeof(*j->exits)};
    ret[3] = (struct table){(void **)&j->marks, JIT_MARKS * sizeof(*j->marks)};
    ret[4] = (struct table){(void **)&j->hash, JIT_HASH * sizeof(*j->hash)};
    ret[5] = (struct table){(void **)&j->pages, j->nr_pages * sizeof(*j->pages)};
    ret[8] = (struct table){(void **)&j->shapes, shapes_bytes()};
    ret[6] = (struct table){(void **)&j->calls, JIT_CALLS * sizeof(*j->calls)};
    ret[7] = (struct table){(void **)&j->forms, INSN_FORMS_BYTES};
}

static void start_over(struct jit *j)
{
    code_start_over(j);
    j->used = j->base;
    j->nr_blocks = j->nr_sites = j->nr_exits = 1; /* 0 is none */
    j->nr_marks = 0;
    j->nr_calls = CALL_GOTO + 1;
}

/* mov gs:[jit_site], reg; jmp gs:[to]. Returns where it is. */
static uint32_t make_stub(struct jit *j, unsigned reg, uint32_t to)
{
    uint32_t at = j->base;
    struct out o = {j->rw + at, j->rw};
    gs32(&o, OP_STORE, reg, VCPU_OFF(jit_site));
    put8(&o, 0x65);
    put8(&o, 0xff);
    put8(&o, 0x24);
    put8(&o, 0x25);
    put32(&o, to);
    j->base += 32;
    return at;
}

static void make_stubs(struct jit *j)
{
    for (unsigned n = 0; n < 3; n++)
        j->miss[n] = make_stub(j, R9 + n, VCPU_OFF(jit_miss));
    j->leave = make_stub(j, R11, VCPU_OFF(jit_leave));
    j->call = make_stub(j, R11, VCPU_OFF(jit_call));
}

int cache_new(struct jit *j, struct err *e)
{
    struct table t[NR_TABLES];
    int r = code_new(j, e);
    if (r)
        return r;
    j->nr_pages = ram_bytes(j->soft->ram) / RAM_PAGE;
    tables(j, t);
    for (unsigned i = 0; i < NR_TABLES; i++)
        if (!(*t[i].at = lazy(t[i].bytes)))
            return err_code(e, -ENOMEM, "code cache");
    j->code_bytes = j->soft->debug & CPU_DEBUG_SMALL_CACHE ? JIT_CODE_SMALL : JIT_CODE_FIRST;
    make_stubs(j);
    start_over(j);
    return 0;
}

void cache_free(struct jit *j)
{
    struct table t[NR_TABLES];
    tables(j, t);
    for (unsigned i = 0; i < NR_TABLES; i++)
        if (*t[i].at)
            munmap(*t[i].at, t[i].bytes);
    code_free(j);
}

bool cache_full(const struct jit *j)
{
    const uint32_t code = BLOCK_INSNS * 500; /* more than any block takes */
    return j->used + code > j->code_bytes || j->nr_blocks + 2 >= JIT_BLOCKS ||
           j->nr_sites + 3 * BLOCK_INSNS >= JIT_SITES || j->nr_exits + 10 >= JIT_EXITS ||
           j->nr_marks + 2 * BLOCK_INSNS >= JIT_MARKS || j->nr_calls + BLOCK_INSNS >= JIT_CALLS;
}

/* ---- blocks ---- */

uint32_t *cache_bucket(const struct jit *j, uint64_t gpa, uint32_t mode)
{
    uint64_t h = (gpa ^ (uint64_t)mode << 20) * 0x9e3779b97f4a7c15ull;
    return &j->hash[h >> 40 & (JIT_HASH - 1)];
}

struct code_page *cache_page(const struct jit *j, uint64_t gpa)
{
    return &j->pages[soft_page_index(j->soft, soft_ram(j->soft, gpa, 1))];
}

uint32_t cache_find(const struct jit *j, uint64_t gpa, uint32_t mode)
{
    for (uint32_t n = *cache_bucket(j, gpa, mode); n; n = j->blocks[n].hash_next)
        if (j->blocks[n].gpa == gpa && j->blocks[n].mode == mode && !j->blocks[n].dead)
            return n;
    return 0;
}

void cache_watch_page(struct jit *j, struct vcpu *v, uint64_t gpa_page)
{
    __atomic_store_n(&cache_page(j, gpa_page)->lines, ~0ull, __ATOMIC_SEQ_CST);
    smc_mark(v, gpa_page);
}

static uint64_t lines_of(const struct block *b)
{
    return code_lines(b->gpa, b->bytes) | b->ahead;
}

void cache_set_lines(struct jit *j, struct code_page *p)
{
    uint64_t sum = 0;
    for (uint32_t n = p->first; n; n = j->blocks[n].page_next)
        sum |= lines_of(&j->blocks[n]);
    p->sum = sum;
    __atomic_store_n(&p->lines, sum, __ATOMIC_SEQ_CST);
}

static void add_to_page(struct jit *j, struct code_page *p, uint32_t block)
{
    struct block *b = &j->blocks[block];
    b->page_next = p->first;
    p->first = block;
    p->sum |= lines_of(b);
    __atomic_store_n(&p->lines, p->sum, __ATOMIC_SEQ_CST);
}

void cache_add(struct jit *j, uint32_t block)
{
    struct block *b = &j->blocks[block];
    struct code_page *p = cache_page(j, b->gpa);
    uint32_t *head = cache_bucket(j, b->gpa, b->mode);
    b->hash_next = *head;
    *head = block;
    add_to_page(j, p, block);
}

uint32_t cache_find_across(const struct jit *j, uint64_t gpa, uint64_t next_gpa, uint32_t mode)
{
    for (uint32_t *at = cache_bucket(j, gpa, mode); *at;) {
        struct block *b = &j->blocks[*at];
        bool here = b->gpa == gpa && b->mode == mode;
        if (here && !b->dead && j->blocks[b->twin].gpa == next_gpa)
            return *at;
        if (here && b->dead) /* for good */
            *at = b->hash_next;
        else
            at = &b->hash_next;
    }
    return 0;
}

void cache_add_twin(struct jit *j, uint32_t block, uint64_t next_gpa, unsigned bytes)
{
    uint32_t twin = j->nr_blocks++;
    j->blocks[twin] = (struct block){
        .gpa = next_gpa, .bytes = (uint16_t)bytes, .twin = block, .entry = j->blocks[block].code_end};
    j->blocks[block].twin = twin;
    add_to_page(j, cache_page(j, next_gpa), twin);
}

static void patch(struct jit *j, uint32_t at, uint32_t target)
{
    code_own(j, at, 4);
    __atomic_store_n((uint32_t *)(void *)(j->rw + at), target - (at + 4), __ATOMIC_RELEASE);
}

static bool is_linked(const struct jit *j, const struct exit *x)
{
    uint32_t rel = __atomic_load_n((const uint32_t *)(const void *)(j->rw + x->patch), __ATOMIC_ACQUIRE);
    return rel != x->stub - (x->patch + 4);
}

/* Two CPUs may have left by the same exit: who comes second finds it linked. */
void cache_link(struct jit *j, uint32_t exit, uint32_t block)
{
    struct exit *x = &j->exits[exit];
    if (j->blocks[x->block].dead || j->blocks[block].dead || is_linked(j, x))
        return;
    x->next = j->blocks[block].incoming;
    j->blocks[block].incoming = exit;
    patch(j, x->patch, j->blocks[block].code);
}

/* The instruction at an aligned offset, of at least five bytes, becomes a jump. */
static void divert(struct jit *j, uint32_t from, uint32_t to)
{
    code_own(j, from, 8);
    uint64_t *at = (uint64_t *)(void *)(j->rw + from), rel = (uint32_t)(to - (from + 5));
    __atomic_store_n(at, (*at & ~0xffffffffffull) | rel << 8 | 0xe9, __ATOMIC_RELEASE);
}

static void put_back(struct jit *j, uint32_t at, uint64_t five_bytes)
{
    code_own(j, at, 8);
    uint64_t *to = (uint64_t *)(void *)(j->rw + at);
    __atomic_store_n(to, (*to & ~0xffffffffffull) | (five_bytes & 0xffffffffff), __ATOMIC_RELEASE);
}

void cache_take_off_page(struct jit *j, uint32_t block)
{
    uint32_t *at = &cache_page(j, j->blocks[block].gpa)->first;
    while (*at != block)
        at = &j->blocks[*at].page_next;
    *at = j->blocks[block].page_next;
}

/* Neither of the two survives the other. */
static void part(struct jit *j, struct block *b)
{
    struct block *twin = &j->blocks[b->twin];
    if (!b->twin || twin->dead)
        return;
    cache_take_off_page(j, b->twin);
    cache_sleep(j, twin);
}

void cache_sleep(struct jit *j, struct block *b)
{
    b->dead = true;
    b->asleep = b->sum != 0;
    part(j, b);
    if (!b->code)
        return;
    for (uint32_t n = b->incoming; n; n = j->exits[n].next)
        patch(j, j->exits[n].patch, j->exits[n].stub);
    b->incoming = 0;
    divert(j, b->entry, b->stale_entry);
    divert(j, b->code, b->stale);
}

void cache_wake(struct jit *j, uint32_t block)
{
    struct block *b = &j->blocks[block];
    b->dead = b->asleep = false;
    put_back(j, b->entry, b->entry_was);
    put_back(j, b->code, ENTRY_NOP);
    add_to_page(j, cache_page(j, b->gpa), block);
}

static bool depends_on(const struct block *b, uint64_t gpa, unsigned size)
{
    bool own = b->gpa < gpa + size && gpa < b->gpa + b->bytes && !in_hole(b, gpa, size);
    return own || b->ahead & code_lines(gpa, size);
}

static bool drop_range(struct jit *j, struct code_page *p, uint64_t gpa, unsigned size)
{
    bool any = false;
    for (uint32_t *at = &p->first; *at;) {
        struct block *b = &j->blocks[*at];
        if (!depends_on(b, gpa, size)) {
            at = &b->page_next;
            continue;
        }
        *at = b->page_next;
        cache_sleep(j, b);
        any = true;
    }
    p->written = p->written || any;
    return any;
}

/* The part of a write that lies in one page. */
static void invalidate(struct jit *j, struct vcpu *v, uint64_t gpa, unsigned size)
{
    if (!soft_ram(j->soft, gpa, 1))
        return;
    struct code_page *p = cache_page(j, gpa);
    if (!(__atomic_load_n(&p->lines, __ATOMIC_SEQ_CST) & code_lines(gpa, size)))
        return;
    jit_lock(j);
    if (drop_range(j, p, gpa, size)) {
        cache_set_lines(j, p);
        if (size == 4 || size == 8)
            loose_note(j, gpa);
        if (!p->lines)
            smc_unmark(j->soft, gpa & ~0xfffull);
        if (v)
            cpu_count(&v->stats.invalidations);
    }
    jit_unlock(j);
}

void jit_invalidate(struct soft *s, struct vcpu *v, uint64_t gpa, unsigned size)
{
    while (size) {
        unsigned room = RAM_PAGE - (unsigned)(gpa & 0xfff), n = size < room ? size : room;
        invalidate(s->jit, v, gpa, n);
        gpa += n;
        size -= n;
    }
}

/* ---- flushing ---- */

static void wait_for_flush(struct jit *j)
{
    while (atomic_load(&j->flushing))
        soft_futex((void *)&j->flushing, FUTEX_WAIT_PRIVATE, 1);
}

bool cache_enter(struct jit *j, struct vcpu *v)
{
    atomic_store(&v->in_code, true);
    if (!atomic_load(&j->flushing) && atomic_load(&j->generation) == v->code_generation)
        return true;
    atomic_store(&v->in_code, false);
    wait_for_flush(j);
    return false;
}

static void empty(struct jit *j)
{
    for (uint32_t n = 1; n < j->nr_blocks; n++) {
        struct code_page *p = cache_page(j, j->blocks[n].gpa);
        if (p->first || p->lines)
            ram_mark(j->soft->ram, (struct gpa){j->blocks[n].gpa & ~0xfffull}, false);
        *p = (struct code_page){0};
    }
    zero_bytes(j->hash, JIT_HASH * sizeof(*j->hash));
    zero_bytes(j->blocks, j->nr_blocks * sizeof(*j->blocks));
    shapes_forget(j);
    start_over(j);
}

void cache_flush(struct jit *j, struct vcpu *v)
{
    struct soft *s = j->soft;
    if (atomic_load(&j->flushing)) { /* another CPU is at it */
        jit_unlock(j);
        wait_for_flush(j);
        jit_lock(j);
        return;
    }
    atomic_store(&j->flushing, 1);
    jit_unlock(j);
    for (unsigned i = 0; i < s->nr_cpus; i++) {
        if (s->cpus[i] == v)
            continue;
        request(s->cpus[i], REQ_QUIESCE);
        while (atomic_load(&s->cpus[i]->in_code))
            soft_yield();
    }
    jit_lock(j);
    empty(j);
    atomic_fetch_add(&j->generation, 1);
    atomic_store(&j->flushing, 0);
    soft_futex((void *)&j->flushing, FUTEX_WAKE_PRIVATE, CPU_MAX);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Of the host code, what can still be entered. */
static uint64_t awake_bytes(const struct jit *j)
{
    uint64_t sum = 0;
    for (uint32_t n = 1; n < j->nr_blocks; n++)
        sum += j->blocks[n].dead ? 0 : j->blocks[n].code_end - j->blocks[n].code;
    return sum;
}

/* A cache that is soon full again is too small for what runs: it grows. A boot, which runs most of its code
 * once, takes no more for that; nor does what is full of code that its guest has written over. */
void cache_make_room(struct jit *j, struct vcpu *v)
{
    uint64_t now = now_ns();
    bool soon = j->emptied_ns && now - j->emptied_ns < JIT_GROW_NS;
    j->emptied_ns = now;
    if (soon && awake_bytes(j) > j->code_bytes / 2 && j->code_bytes >= JIT_CODE_FIRST &&
        j->code_bytes < JIT_CODE_BYTES)
        j->code_bytes = j->code_bytes < JIT_CODE_BYTES / 2 ? j->code_bytes * 2 : JIT_CODE_BYTES;
    else
        cache_flush(j, v);
}

void jit_quiesce(struct vcpu *v)
{
    atomic_fetch_and(&v->request, ~REQ_QUIESCE);
}

/* From any thread, the lock is not needed: a figure may be a block behind. */
void jit_stats(const struct soft *s, struct cpu_cache_stats *ret)
{
    const struct jit *j = s->jit;
    *ret = (struct cpu_cache_stats){0};
    if (!j)
        return;
    ret->used = __atomic_load_n(&j->used, __ATOMIC_RELAXED);
    ret->bytes = __atomic_load_n(&j->code_bytes, __ATOMIC_RELAXED);
    ret->blocks = __atomic_load_n(&j->nr_blocks, __ATOMIC_RELAXED) - 1;
    ret->flushes = atomic_load(&j->generation);
}
