// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_jcache: from a virtual address to translated code: for indirect jumps, returns and jumps between pages.
 *
 * Direct mapped, a bank for kernel and one for user code, so that a jump never finds code of the other
 * privilege; all else that a translation depends on empties the cache when it changes. Bitmaps of what is in
 * use make clearing cheap, which each switch of address spaces and each INVLPG asks for; what the kernel maps
 * as global stays over the former. Threads: the CPU's own.
 */
#include "cpu/soft/copy.h"
#include "cpu/soft/jit.h"

/* No address of this slot is equal to that of the neighbour. */
static void empty(struct vcpu *v, unsigned bank, unsigned slot)
{
    v->jcache[bank][slot] = (struct jcache_entry){.va = slot ^ 1};
}

static void clear_bank(struct vcpu *v, unsigned bank)
{
    struct jcache_used *u = &v->jcache_used[bank];
    if (!u->halves)
        return;
    for (unsigned w = 0; w < JCACHE_WORDS / 64; w++)
        for (; u->words[w]; u->words[w] &= u->words[w] - 1) {
            unsigned i = w * 64 + (unsigned)__builtin_ctzll(u->words[w]);
            for (uint64_t m = u->slots[i]; m; m &= m - 1)
                empty(v, bank, i * 64 + (unsigned)__builtin_ctzll(m));
            u->slots[i] = 0;
        }
    zero_bytes(u->pages, sizeof(u->pages));
    u->gibs = 0;
    u->halves = 0;
    u->local = false;
}

/* All zeros are an entry of address 0, which slot 0 alone would take for its own. */
static void init(struct vcpu *v, unsigned bank)
{
    if (!v->jcache[bank][0].va)
        empty(v, bank, 0);
}

void jit_jcache_clear(struct vcpu *v)
{
    for (unsigned bank = 0; bank < BANK_COUNT; bank++) {
        clear_bank(v, bank);
        init(v, bank);
    }
}

void jit_jcache_clear_local(struct vcpu *v)
{
    for (unsigned bank = 0; bank < BANK_COUNT; bank++)
        if (v->jcache_used[bank].local)
            clear_bank(v, bank);
}

static bool is_set(const uint64_t *map, unsigned bit)
{
    return map[bit / 64] >> bit % 64 & 1;
}

static void set(uint64_t *map, unsigned bit)
{
    map[bit / 64] |= 1ull << bit % 64;
}

static unsigned page_bit(uint64_t va)
{
    return (va >> 12) % JCACHE_PAGES;
}

static uint8_t half_bit(uint64_t va)
{
    return va >> 63 ? 2 : 1;
}

/* All entries of which some byte of the first instruction has the same bits from `shift` upwards. */
static void clear_range(struct vcpu *v, unsigned bank, uint64_t va, unsigned shift)
{
    const struct jcache_used *u = &v->jcache_used[bank];
    for (unsigned w = 0; w < JCACHE_WORDS / 64; w++)
        for (uint64_t words = u->words[w]; words; words &= words - 1) {
            unsigned i = w * 64 + (unsigned)__builtin_ctzll(words);
            for (uint64_t m = u->slots[i]; m; m &= m - 1) {
                unsigned slot = i * 64 + (unsigned)__builtin_ctzll(m);
                uint64_t at = v->jcache[bank][slot].va;
                if (at >> shift == va >> shift || (at + 14) >> shift == va >> shift)
                    empty(v, bank, slot);
            }
        }
}

void jit_jcache_clear_page(struct vcpu *v, uint64_t va)
{
    for (unsigned bank = 0; bank < BANK_COUNT; bank++) {
        const struct jcache_used *u = &v->jcache_used[bank];
        if (!(u->halves & half_bit(va)))
            continue;
        if (u->gibs >> (va >> 30 & 63) & 1)
            clear_range(v, bank, va, 30);
        else if (is_set(u->pages, page_bit(va)))
            clear_range(v, bank, va, 12);
    }
}

/* An entry depends on this address' page. */
static void note_page(struct vcpu *v, unsigned bank, uint64_t va)
{
    const struct tlb_used *fetch = &v->tlb_used[bank][ACCESS_FETCH];
    struct jcache_used *u = &v->jcache_used[bank];
    set(u->pages, page_bit(va));
    bool known = v->fetch[bank][TLB_INDEX(va)].tag == (va & ~0xfffull); /* not under CPU_DEBUG_NO_TLB */
    if (!known || is_set(fetch->large, TLB_INDEX(va)))
        u->gibs |= 1ull << (va >> 30 & 63);
    if (!known || !is_set(fetch->global, TLB_INDEX(va)))
        u->local = true;
    u->halves |= half_bit(va);
}

void jcache_add(struct vcpu *v, uint64_t va, uint64_t last, const void *code)
{
    unsigned bank = v->mode & MODE_USER ? BANK_USER : BANK_KERNEL, slot = jcache_slot(va);
    v->jcache[bank][slot] = (struct jcache_entry){va, (uint64_t)(uintptr_t)code};
    set(v->jcache_used[bank].slots, slot);
    set(v->jcache_used[bank].words, slot / 64);
    note_page(v, bank, va);
    if ((va ^ last) & ~0xfffull)
        note_page(v, bank, last);
}

void jcache_drop(struct vcpu *v, uint64_t va)
{
    empty(v, v->mode & MODE_USER ? BANK_USER : BANK_KERNEL, jcache_slot(va));
}
