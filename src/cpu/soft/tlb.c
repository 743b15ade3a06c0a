// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tlb: the cache of page walks that translated code looks into: two banks (kernel, user), each with an array
 * for reads, for writes and (C only) for fetches.
 *
 * Bitmaps of the used slots make a flush proportional to what is in use. An entry is made for RAM only; a
 * write entry only for a dirty page without translated code.
 * Threads: the CPU's own.
 */
#include "cpu/soft/copy.h"

_Static_assert(TLB_SIZE / 64 <= 64, "one word says which words of a bitmap are in use");

static struct tlb_entry *array(struct vcpu *v, unsigned bank, enum access access)
{
    switch (access) {
    case ACCESS_READ:
        return v->tlb[bank].read;
    case ACCESS_WRITE:
        return v->tlb[bank].write;
    default:
        return v->fetch[bank];
    }
}

/* No address of this slot lies within the neighbour's page. */
static void drop(struct vcpu *v, unsigned bank, enum access access, unsigned slot)
{
    array(v, bank, access)[slot] = (struct tlb_entry){.tag = (uint64_t)(slot ^ 1) << 12, .host = 0};
    v->tlb_used[bank][access].used[slot / 64] &= ~(1ull << slot % 64);
}

/* No page has this tag. */
static void forget_code_write(struct vcpu *v)
{
    for (unsigned bank = 0; bank < BANK_COUNT; bank++)
        v->code_write[bank].tag = 1ull << 63;
}

void tlb_init(struct vcpu *v)
{
    v->walk_generation = 1;
    forget_code_write(v);
    for (unsigned bank = 0; bank < BANK_COUNT; bank++)
        for (unsigned access = 0; access < ACCESS_COUNT; access++) {
            for (unsigned slot = 0; slot < TLB_SIZE; slot++)
                drop(v, bank, access, slot);
            zero_bytes(&v->tlb_used[bank][access], sizeof(v->tlb_used[bank][access]));
        }
}

static void assign(uint64_t *word, uint64_t bit, bool on)
{
    *word = on ? *word | bit : *word & ~bit;
}

void tlb_insert(struct vcpu *v, unsigned bank, enum access access, uint64_t va, void *host,
                const struct walk *w)
{
    if (v->soft->debug & CPU_DEBUG_NO_TLB)
        return;
    unsigned slot = TLB_INDEX(va);
    struct tlb_used *u = &v->tlb_used[bank][access];
    uint64_t bit = 1ull << slot % 64;
    uint64_t tag = va & ~0xfffull, page = (uint64_t)(uintptr_t)host & ~0xfffull;
    array(v, bank, access)[slot] = (struct tlb_entry){.tag = tag, .host = page, .delta = page - tag};
    u->used[slot / 64] |= bit;
    u->words |= 1ull << slot / 64;
    assign(&u->global[slot / 64], bit, w->global);
    assign(&u->large[slot / 64], bit, w->large);
    if (w->large)
        u->gibs |= 1ull << (va >> 30 & 63);
}

void mmu_flush(struct vcpu *v, bool global_too)
{
    v->walk_generation++;
    for (unsigned bank = 0; bank < BANK_COUNT; bank++)
        for (unsigned access = 0; access < ACCESS_COUNT; access++) {
            struct tlb_used *u = &v->tlb_used[bank][access];
            if (global_too)
                u->gibs = 0;
            for (uint64_t words = u->words; words; words &= words - 1) {
                unsigned i = (unsigned)__builtin_ctzll(words);
                for (uint64_t m = u->used[i] & ~(global_too ? 0 : u->global[i]); m; m &= m - 1)
                    drop(v, bank, access, i * 64 + (unsigned)__builtin_ctzll(m));
                if (!u->used[i])
                    u->words &= ~(1ull << i);
            }
        }
    cpu_count(&v->stats.tlb_flushes);
    forget_code_write(v);
    if (global_too)
        jit_jcache_clear(v);
    else
        jit_jcache_clear_local(v);
}

/* Large pages are cached by their 4 KiB pieces, and INVLPG of any address in one must drop all of them: those
 * in the same GiB go, whatever their size. */
void mmu_flush_page(struct vcpu *v, uint64_t va)
{
    v->walk_generation++;
    unsigned here = TLB_INDEX(va);
    for (unsigned bank = 0; bank < BANK_COUNT; bank++)
        for (unsigned access = 0; access < ACCESS_COUNT; access++) {
            const struct tlb_entry *entries = array(v, bank, access);
            const struct tlb_used *u = &v->tlb_used[bank][access];
            if (entries[here].tag == (va & ~0xfffull))
                drop(v, bank, access, here);
            if (!(u->gibs >> (va >> 30 & 63) & 1))
                continue;
            for (unsigned i = 0; i < TLB_SIZE / 64; i++)
                for (uint64_t m = u->used[i] & u->large[i]; m; m &= m - 1) {
                    unsigned slot = i * 64 + (unsigned)__builtin_ctzll(m);
                    if (entries[slot].tag >> 30 == va >> 30)
                        drop(v, bank, access, slot);
                }
        }
    cpu_count(&v->stats.page_flushes);
    forget_code_write(v);
    jit_jcache_clear_page(v, va);
}

void mmu_drop_write(struct vcpu *v, uint64_t gpa_page)
{
    const uint64_t host = (uint64_t)(uintptr_t)soft_ram(v->soft, gpa_page, RAM_PAGE);
    for (unsigned bank = 0; bank < BANK_COUNT; bank++)
        for (unsigned i = 0; i < TLB_SIZE / 64; i++)
            for (uint64_t m = v->tlb_used[bank][ACCESS_WRITE].used[i]; m; m &= m - 1) {
                unsigned slot = i * 64 + (unsigned)__builtin_ctzll(m);
                if (v->tlb[bank].write[slot].host == host)
                    drop(v, bank, ACCESS_WRITE, slot);
            }
}

void tlb_note_opened(struct vcpu *v, unsigned bank, uint64_t va, const void *host)
{
    unsigned n = v->next_opened++ % TLB_OPENED;
    uint64_t old = atomic_load_explicit(&v->opened[n], memory_order_relaxed);
    if (old)
        drop(v, old & 1, ACCESS_WRITE, v->opened_slot[n]);
    v->opened_slot[n] = (uint16_t)TLB_INDEX(va);
    atomic_store(&v->opened[n], ((uint64_t)(uintptr_t)host & ~0xfffull) | bank);
}

bool tlb_has_opened(const struct vcpu *v, uint64_t gpa_page)
{
    const uint64_t host = (uint64_t)(uintptr_t)soft_ram(v->soft, gpa_page, RAM_PAGE);
    for (unsigned n = 0; n < TLB_OPENED; n++)
        if ((atomic_load(&v->opened[n]) & ~0xfffull) == host)
            return true;
    return false;
}

void tlb_drop_opened(struct vcpu *v, uint64_t gpa_page)
{
    const uint64_t host = (uint64_t)(uintptr_t)soft_ram(v->soft, gpa_page, RAM_PAGE);
    for (unsigned n = 0; n < TLB_OPENED; n++) {
        uint64_t o = atomic_load_explicit(&v->opened[n], memory_order_relaxed);
        unsigned bank = o & 1, slot = v->opened_slot[n];
        if ((o & ~0xfffull) != host)
            continue;
        if (v->tlb[bank].write[slot].host == host)
            drop(v, bank, ACCESS_WRITE, slot);
        atomic_store(&v->opened[n], 0);
    }
}

void tlb_drop_marked(struct vcpu *v, void (*fn)(struct vcpu *v, uint64_t gpa_page))
{
    const struct soft *s = v->soft;
    for (unsigned bank = 0; bank < BANK_COUNT; bank++)
        for (unsigned i = 0; i < TLB_SIZE / 64; i++)
            for (uint64_t m = v->tlb_used[bank][ACCESS_WRITE].used[i]; m; m &= m - 1) {
                unsigned slot = i * 64 + (unsigned)__builtin_ctzll(m);
                void *host = (void *)(uintptr_t)v->tlb[bank].write[slot].host;
                if (!host) /* dropped with another of the same page, just now */
                    continue;
                if (!(__atomic_load_n(&s->marks[soft_page_index(s, host)], __ATOMIC_RELAXED) & RAM_MARKED))
                    continue;
                drop(v, bank, ACCESS_WRITE, slot);
                tlb_drop_opened(v, soft_gpa(s, host));
                fn(v, soft_gpa(s, host));
            }
}
