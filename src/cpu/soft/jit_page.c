// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_page: pages that hold code and are written.
 *
 * A page with translations is closed: its writes come to C one by one (smc.c). Who writes into code, or more
 * than a few times beside it, opens the page instead: all its blocks go to sleep and the mark is taken away,
 * so that writes are as fast as any. The first look for code in an open page closes it again.
 *
 * A sleeping block that is looked for wakes up if the bytes it depends on have the sum that they had, so what
 * was not changed, or was written once more as it was, costs no translation. (A guest that makes two codes of
 * one sum gets what it asks for: the other code, which is its own too.)
 *
 * Code that writes into its own page does not open it: the rest of the running block may be what is written.
 * Threads: jit's lock is held but where said.
 */
#include "cpu/soft/copy.h"
#include "cpu/soft/jit.h"

#define OPEN_AFTER                                                                                           \
    8 /* writes beside code; the stepper asks a second time for one that the translator sent it */
#define VERSIONS 4 /* of sleeping code at one place that are kept */

/* ---- sums ---- */

static uint64_t add(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
    return sum ^ sum >> 29;
}

static uint64_t add_bytes(uint64_t sum, const uint8_t *at, uint64_t n)
{
    for (; n >= 8; n -= 8, at += 8)
        sum = add(sum, *(const loose64 *)(const void *)at);
    for (; n > 0; n--, at++)
        sum = add(sum, *at);
    return sum;
}

uint64_t page_sum(const struct jit *j, const struct block *b, const uint8_t *bytes)
{
    const uint8_t *page = soft_ram(j->soft, b->gpa & ~0xfffull, RAM_PAGE);
    uint64_t sum = add_bytes(b->bytes, bytes, b->hole_bytes ? b->hole : b->bytes);
    if (b->hole_bytes)
        sum = add_bytes(sum, bytes + b->hole + b->hole_bytes, (uint64_t)(b->bytes - b->hole - b->hole_bytes));
    for (uint64_t m = b->ahead; m; m &= m - 1)
        sum = add_bytes(sum, page + 64 * (unsigned)__builtin_ctzll(m), 64);
    return sum | 1;
}

/* ---- waking up ---- */

static bool same_place(const struct block *b, uint64_t gpa, uint32_t mode)
{
    return b->gpa == gpa && b->mode == mode;
}

/* The one with the right bytes; what is too old is forgotten. */
static uint32_t find_sleeper(struct jit *j, uint64_t gpa, uint32_t mode)
{
    uint32_t *at = cache_bucket(j, gpa, mode);
    for (unsigned seen = 0; *at;) {
        uint32_t n = *at;
        struct block *b = &j->blocks[n];
        if (!same_place(b, gpa, mode)) {
            at = &b->hash_next;
            continue;
        }
        if (b->asleep && page_sum(j, b, soft_ram(j->soft, gpa, b->bytes)) == b->sum)
            return n;
        if (++seen < VERSIONS) {
            at = &b->hash_next;
            continue;
        }
        *at = b->hash_next;
    }
    return 0;
}

static bool any(const struct jit *j, uint64_t gpa, uint32_t mode)
{
    uint32_t n = *cache_bucket(j, gpa, mode);
    while (n && !same_place(&j->blocks[n], gpa, mode))
        n = j->blocks[n].hash_next;
    return n;
}

uint32_t page_wake(struct jit *j, struct vcpu *v, uint64_t gpa, uint32_t mode)
{
    if (!any(j, gpa, mode))
        return 0;
    cache_watch_page(j, v, gpa & ~0xfffull);
    uint32_t n = find_sleeper(j, gpa, mode);
    if (!n)
        n = shape_renew(j, gpa, mode);
    if (n)
        cache_wake(j, n);
    else
        cache_set_lines(j, cache_page(j, gpa));
    return n;
}

/* ---- open and closed ---- */

static void open_page(struct jit *j, struct code_page *p, uint64_t page)
{
    for (uint32_t n = p->first; n; n = j->blocks[n].page_next)
        cache_sleep(j, &j->blocks[n]);
    p->first = 0;
    p->written = true;
    p->sum = 0;
    __atomic_store_n(&p->lines, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&p->writes, 0, __ATOMIC_RELAXED);
    smc_unmark(j->soft, page);
}

/* By the TLB, for a walk may fault. */
static bool runs_in(const struct vcpu *v, uint64_t page)
{
    const struct tlb_entry *e = &v->fetch[v->mode & MODE_USER ? BANK_USER : BANK_KERNEL][TLB_INDEX(v->rip)];
    return v->rip - e->tag >= RAM_PAGE || e->host == (uint64_t)(uintptr_t)soft_ram(v->soft, page, RAM_PAGE);
}

enum spot { BESIDE, HOLE, CODE };

static enum spot spot_of(const struct jit *j, const struct code_page *p, uint64_t gpa)
{
    enum spot spot = BESIDE;
    for (uint32_t n = p->first; n && spot != CODE; n = j->blocks[n].page_next) {
        const struct block *b = &j->blocks[n];
        if (gpa - b->gpa < b->bytes)
            spot = in_hole(b, gpa, 1) ? HOLE : CODE;
    }
    return spot;
}

/* A write beside code, not the first? */
static bool often(struct code_page *p)
{
    return __atomic_add_fetch(&p->writes, 1, __ATOMIC_RELAXED) >= OPEN_AFTER;
}

bool jit_open_page(struct vcpu *v, uint64_t gpa)
{
    struct jit *j = v->soft->jit;
    uint64_t page = gpa & ~0xfffull;
    if (!j || v->soft->debug & (CPU_DEBUG_NO_OPEN | CPU_DEBUG_NO_TLB) || runs_in(v, page))
        return false;
    struct code_page *p = cache_page(j, page);
    bool near = __atomic_load_n(&p->lines, __ATOMIC_SEQ_CST) & code_lines(gpa, 1);
    if (!near && !often(p))
        return false;
    jit_lock(j);
    enum spot spot = near ? spot_of(j, p, gpa) : BESIDE;
    bool open = spot == CODE || (spot == BESIDE && (!near || often(p)));
    if (spot == CODE)
        loose_note(j, gpa);
    if (open) {
        open_page(j, p, page);
        cpu_count(&v->stats.invalidations);
    }
    jit_unlock(j);
    return open;
}
