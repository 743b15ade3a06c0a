// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_jcache: where indirect jumps, returns and jumps between pages look their targets up. Direct mapped, one
 * half for kernel and one for user mode, so that a user's jump never finds code translated for the kernel.
 *
 * An entry's va is the negated address: added to an address it gives 0 without a compare. Lists of what was
 * put in make clearing proportional to use; what the kernel maps as global survives a switch of address
 * spaces. All but the privilege that a translation depends on: a change of that empties the cache.
 * Threads: the CPU's own.
 */
#include "cpu/soft/jit.h"

#define HALF (1u << (JCACHE_BITS - 1))

static unsigned half_of(uint32_t mode)
{
    return mode & MODE_USER ? 1 : 0;
}

/* Page and offset are added up: most targets are multiples of 16. The same as in jump_cached of jit_flow.c.
 */
static uint64_t slot_of(uint64_t va)
{
    return (va + (va >> 12)) & (HALF - 1);
}

static struct jcache_entry *entry(struct vcpu *v, unsigned half, uint64_t slot)
{
    return &v->jcache[half * HALF + slot];
}

uint64_t jcache_find(const struct vcpu *v, uint64_t va)
{
    const struct jcache_entry *e = &v->jcache[half_of(v->mode) * HALF + slot_of(va)];
    return e->va + va ? 0 : e->code;
}

static void drop(struct vcpu *v, unsigned half, unsigned slot)
{
    *entry(v, half, slot) = (struct jcache_entry){.va = -(uint64_t)(slot ^ 1)};
}

void jcache_insert(struct vcpu *v, uint64_t va, uint64_t code)
{
    unsigned half = half_of(v->mode), slot = (unsigned)slot_of(va), fetch = TLB_INDEX(va);
    bool global = v->tlb_used[half][ACCESS_FETCH].global[fetch / 64] >> fetch % 64 & 1;
    uint8_t bit = (uint8_t)(1u << (half * 2 + global));
    *entry(v, half, slot) = (struct jcache_entry){.va = -va, .code = code};
    struct jcache_used *u = &v->jcache_used[half][global];
    if (v->jcache_listed[slot] & bit)
        return;
    v->jcache_listed[slot] |= bit;
    u->slot[u->nr++] = (uint16_t)slot;
}

static void clear_list(struct vcpu *v, unsigned half, unsigned global)
{
    struct jcache_used *u = &v->jcache_used[half][global];
    for (unsigned i = 0; i < u->nr; i++) {
        drop(v, half, u->slot[i]);
        v->jcache_listed[u->slot[i]] &= (uint8_t)~(1u << (half * 2 + global));
    }
    u->nr = 0;
}

/* All zero is empty but for slot 0, where it would be address 0. */
static void init(struct vcpu *v)
{
    drop(v, 0, 0);
    drop(v, 1, 0);
    v->jcache_ready = true;
}

void jit_jcache_clear(struct vcpu *v, bool global_too)
{
    if (!v->jcache_ready)
        init(v);
    for (unsigned half = 0; half < 2; half++)
        for (unsigned global = 0; global <= global_too; global++)
            clear_list(v, half, global);
}

/* Pages may be large: all in the same GiB go. */
void jit_jcache_clear_page(struct vcpu *v, uint64_t va)
{
    for (unsigned half = 0; half < 2; half++)
        for (unsigned global = 0; global < 2; global++) {
            const struct jcache_used *u = &v->jcache_used[half][global];
            for (unsigned i = 0; i < u->nr; i++)
                if (-entry(v, half, u->slot[i])->va >> 30 == va >> 30)
                    drop(v, half, u->slot[i]);
        }
}
