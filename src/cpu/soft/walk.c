// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk: from a linear to a guest-physical address through the guest's page tables.
 *
 * Source: Intel SDM vol. 3A, 4.3 (32-bit paging), 4.4 (PAE), 4.5 (4-level), 4.6 (access rights), 4.7 (error
 * code), 4.8 (accessed and dirty). Modelled: all page sizes, reserved bits, NX, SMEP, WP, PSE-36; PDPTEs are
 * read at each walk as AMD's CPUs do. Left out: LA57, PCID, SMAP, protection keys: CPUID does not show them.
 * Threads: other CPUs and devices may change tables at any time: accessed and dirty bits are set by compare
 * and exchange, and a walk starts again if an entry changed under it.
 */
#include "cpu/soft/arch.h"
#include "cpu/soft/copy.h"

#define PHYS_MASK ((1ull << CPUID_PHYS_BITS) - 1)
#define ADDR_MASK (PHYS_MASK & ~0xfffull)

enum found { FOUND, FAULT, CHANGED };

struct step {
    void *host; /* of the entry; NULL: not in RAM */
    uint64_t value;
};

struct path {
    struct step step[5]; /* by level, 1 is the page table */
    unsigned leaf;       /* level of the entry that maps the page */
    unsigned shift;      /* log2 of its size */
    uint64_t rights;     /* PTE_W, PTE_U of all levels, PTE_NX of any */
    unsigned levels;
};

static struct step load(const struct soft *s, uint64_t gpa, unsigned size)
{
    void *host = soft_ram(s, gpa, size);
    if (!host) /* nobody answers: all ones, so reserved bits are set */
        return (struct step){NULL, size == 8 ? UINT64_MAX : UINT32_MAX};
    return (struct step){host, size == 8 ? __atomic_load_n((uint64_t *)host, __ATOMIC_ACQUIRE)
                                         : __atomic_load_n((uint32_t *)host, __ATOMIC_ACQUIRE)};
}

/* Bits that must be zero in an entry of this level. */
static uint64_t reserved(const struct vcpu *v, unsigned levels, unsigned level, bool leaf)
{
    if (levels == 2) /* PSE-36: bits 13..20 hold bits 32..39 of the address */
        return leaf && level == 2 ? 1ull << 21 : 0;
    uint64_t bits = ~PHYS_MASK & ((1ull << 52) - 1);
    if (levels == 3) {
        bits |= ((1ull << 63) - 1) & ~((1ull << 52) - 1);
        if (level == 3)
            return bits | PTE_NX | 0x1e6;
    }
    if (!(v->efer & EFER_NXE))
        bits |= PTE_NX;
    if (level == 4)
        bits |= PTE_PS;
    if (leaf && level > 1)
        bits |= ((1ull << (12 + 9 * (level - 1))) - 1) & ~0x1fffull;
    return bits;
}

/* Follow the tables; FAULT leaves PF_P and PF_RSVD in *ret_error. */
static enum found follow(const struct vcpu *v, uint64_t va, struct path *p, uint32_t *ret_error)
{
    unsigned levels = v->efer & EFER_LMA ? 4 : v->cr4 & CR4_PAE ? 3 : 2;
    unsigned bits = levels == 2 ? 10 : 9, size = levels == 2 ? 4 : 8;
    uint64_t table = levels == 3 ? v->cr3 & 0xffffffe0 : v->cr3 & ADDR_MASK;
    if (levels == 2)
        table &= 0xfffff000;
    p->levels = levels;
    p->rights = PTE_W | PTE_U;
    for (unsigned level = levels;; level--) {
        p->shift = 12 + bits * (level - 1);
        uint64_t index = va >> p->shift & ((1u << bits) - 1);
        if (levels == 3 && level == 3)
            index &= 3;
        p->step[level] = load(v->soft, table + index * size, size);
        uint64_t e = p->step[level].value;
        *ret_error = 0;
        if (!(e & PTE_P))
            return FAULT;
        bool pdpte = levels == 3 && level == 3;
        bool large = level > 1 && (e & PTE_PS) && level < 4 && !pdpte && (levels != 2 || v->cr4 & CR4_PSE);
        bool leaf = level == 1 || large;
        *ret_error = PF_P | PF_RSVD;
        if (e & reserved(v, levels, level, leaf))
            return FAULT;
        if (!pdpte)
            p->rights = (p->rights & (e | PTE_NX)) | (e & PTE_NX);
        if (leaf) {
            p->leaf = level;
            *ret_error = PF_P;
            return FOUND;
        }
        table = levels == 2 ? e & 0xfffff000 : e & ADDR_MASK;
    }
}

static bool allowed(const struct vcpu *v, uint64_t rights, enum access access, bool user)
{
    if (user && !(rights & PTE_U))
        return false;
    if (access == ACCESS_WRITE)
        return (rights & PTE_W) || (!user && !(v->cr0 & CR0_WP));
    if (access == ACCESS_FETCH)
        return !(rights & PTE_NX) && (user || !(rights & PTE_U) || !(v->cr4 & CR4_SMEP));
    return true;
}

static bool set_bits(struct vcpu *v, struct step *s, unsigned size, uint64_t bits)
{
    if (!s->host || (s->value & bits) == bits)
        return true;
    uint64_t want = s->value | bits;
    bool done;
    if (size == 8) {
        done = __atomic_compare_exchange_n((uint64_t *)s->host, &s->value, want, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
    } else {
        uint32_t old = (uint32_t)s->value;
        done = __atomic_compare_exchange_n((uint32_t *)s->host, &old, (uint32_t)want, false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
    }
    if (!done)
        return false;
    s->value = want;
    if (v->soft->marks[soft_page_index(v->soft, s->host)])
        smc_written(v->soft, v, soft_gpa(v->soft, s->host), size);
    return true;
}

static enum found mark_used(struct vcpu *v, struct path *p, enum access access)
{
    unsigned size = p->levels == 2 ? 4 : 8;
    for (unsigned level = p->levels; level >= p->leaf; level--) {
        if (p->levels == 3 && level == 3)
            continue;
        uint64_t bits = PTE_A | (level == p->leaf && access == ACCESS_WRITE ? PTE_D : 0);
        if (!set_bits(v, &p->step[level], size, bits))
            return CHANGED;
    }
    return FOUND;
}

bool mmu_walk(struct vcpu *v, uint64_t va, enum access access, bool user, struct walk *ret,
              uint32_t *ret_error)
{
    if (!(v->cr0 & CR0_PG)) {
        *ret = (struct walk){.gpa = va & 0xffffffff, .writable = true};
        return true;
    }
    if (walk_fast(v, va, access, user, ret))
        return true;
    struct path p;
    uint32_t error;
    do {
        if (follow(v, va, &p, &error) == FAULT || !allowed(v, p.rights, access, user)) {
            if (access == ACCESS_WRITE)
                error |= PF_W;
            if (user)
                error |= PF_U;
            if (access == ACCESS_FETCH && (v->efer & EFER_NXE || v->cr4 & CR4_SMEP))
                error |= PF_I;
            *ret_error = error;
            return false;
        }
    } while (mark_used(v, &p, access) == CHANGED);
    uint64_t leaf = p.step[p.leaf].value;
    uint64_t in_page = (1ull << p.shift) - 1;
    uint64_t base = (p.levels == 2 ? leaf & 0xffffffff : leaf & PHYS_MASK) & ~in_page;
    if (p.levels == 2 && p.leaf == 2)
        base = (leaf & 0xffc00000) | (leaf >> 13 & 0xff) << 32;
    ret->gpa = (base | (va & in_page)) & PHYS_MASK;
    ret->writable = (leaf & PTE_D) && allowed(v, p.rights, ACCESS_WRITE, user);
    ret->global = (leaf & PTE_G) && (v->cr4 & CR4_PGE);
    ret->large = p.leaf > 1;
    return true;
}
