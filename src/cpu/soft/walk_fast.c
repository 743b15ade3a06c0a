// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk_fast: the walk that nearly all are: 4-level, tables in RAM, accessed and dirty bits set already,
 * allowed. Anything else is walk.c's, from the start, which also makes the page fault.
 *
 * The upper three levels are kept by the 2 MiB that they lead to, as processors do; MOV to CR3 and INVLPG
 * forget them (v->walk_generation). Source: Intel SDM vol. 3A, 4.5 (4-level), 4.6 (access rights), 4.10.3
 * (paging-structure caches).
 */
#include "cpu/soft/arch.h"
#include "cpu/soft/copy.h"

#define PHYS_MASK ((1ull << CPUID_PHYS_BITS) - 1)
#define RESERVED  (~PHYS_MASK & ((1ull << 52) - 1))

static inline struct walk_table *kept(struct vcpu *v, uint64_t va)
{
    return &v->walk_tables[va >> 21 & (WALK_TABLES - 1)];
}

/* An entry of a table; 0, which is not present, for one that is not in RAM. */
static inline uint64_t load(const struct soft *s, uint64_t table, uint64_t index)
{
    const uint8_t *host = soft_ram(s, table, RAM_PAGE);
    return host ? __atomic_load_n((const uint64_t *)(const void *)(host + index * 8), __ATOMIC_ACQUIRE) : 0;
}

static inline uint64_t combine(uint64_t rights, uint64_t e)
{
    return (rights & (e | PTE_NX)) | (e & PTE_NX);
}

/* From the entry e that maps a page of 1 << shift bytes. */
static bool found(uint64_t va, uint64_t e, unsigned shift, uint64_t rights, enum access access, bool user,
                  struct vcpu *v, struct walk *ret)
{
    uint64_t in_page = (1ull << shift) - 1, need = PTE_P | PTE_A | (access == ACCESS_WRITE ? PTE_D : 0);
    uint64_t bad = RESERVED | (in_page & ~0x1fffull);
    if ((e & need) != need || e & bad)
        return false;
    rights = combine(rights, e);
    if (user && !(rights & PTE_U))
        return false;
    if (access == ACCESS_WRITE && !(rights & PTE_W))
        return false; /* or CR0.WP is clear: walk.c knows */
    if (access == ACCESS_FETCH && rights & (user ? PTE_NX : PTE_NX | PTE_U))
        return false;
    ret->gpa = (e & PHYS_MASK & ~in_page) | (va & in_page);
    ret->writable = e & PTE_D && rights & PTE_W;
    ret->global = e & PTE_G && v->cr4 & CR4_PGE;
    ret->large = shift > 12;
    return true;
}

bool walk_fast(struct vcpu *v, uint64_t va, enum access access, bool user, struct walk *ret)
{
    const uint64_t need = PTE_P | PTE_A;
    const struct soft *s = v->soft;
    struct walk_table *k = kept(v, va);
    if (!(v->efer & EFER_LMA) || !(v->efer & EFER_NXE) || s->debug & CPU_DEBUG_NO_WALK)
        return false;
    if (k->tag != va >> 21 || k->generation != v->walk_generation) {
        uint64_t rights = PTE_W | PTE_U, e = load(s, v->cr3 & PHYS_MASK & ~0xfffull, va >> 39 & 511);
        if ((e & (need | PTE_PS)) != need || e & RESERVED)
            return false;
        rights = combine(rights, e);
        e = load(s, e & PHYS_MASK & ~0xfffull, va >> 30 & 511);
        if ((e & need) != need || e & RESERVED)
            return false;
        if (e & PTE_PS)
            return found(va, e, 30, rights, access, user, v, ret);
        rights = combine(rights, e);
        e = load(s, e & PHYS_MASK & ~0xfffull, va >> 21 & 511);
        if ((e & need) != need || e & RESERVED)
            return false;
        if (e & PTE_PS)
            return found(va, e, 21, rights, access, user, v, ret);
        *k = (struct walk_table){
            .tag = va >> 21,
            .generation = v->walk_generation,
            .table = e & PHYS_MASK & ~0xfffull,
            .rights = combine(rights, e),
        };
    }
    return found(va, load(s, k->table, va >> 12 & 511), 12, k->rights, access, user, v, ret);
}
