// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_place: a guest's address becomes a host operand.
 *
 *     lea  a, [base + disp]         or any other address; flags are dead here, or in the slot
 *     rorx t, a, 7
 *     and  t, 7fe0h                 TLB slot * 32
 *     sub  a, gs:[t + tag]
 *     cmp  a, 4096 - size           miss and page crossing in one compare
 *     ja   miss
 *     mov  t, gs:[t + delta]        and the operand is [base + t + disp], ...
 *     add  a, gs:[t + host]         ... or, if that has no room for another register, [a]
 *
 * For a group the size is that of all its accesses, and t is kept. After a miss that could be mended the
 * check is done again, with r9 to r11 as they were.
 */
#include "cpu/soft/jit_block.h"

#define TLB_HOST  8u
#define TLB_DELTA 16u

#define BIT(reg) ((reg) >= R9 && (reg) <= R11 ? 1u << (reg) : 0u)

uint32_t scratch_bits(const struct where *w)
{
    return BIT(w->base) | BIT(w->index);
}

/* a := effective address without segment; the address's scratch registers hold the guest's. */
static void lea_where(struct translation *t, const struct where *w, unsigned a, int32_t extra)
{
    struct out *o = &t->o;
    if (w->moffs) {
        put8(o, 0x49);
        put8(o, 0xb8 | (a & 7));
        put64(o, w->addr32 ? (uint32_t)w->disp : (uint64_t)w->disp);
        return;
    }
    if (w->addr32)
        put8(o, 0x67);
    op64(o, OP_LEA, a, w->base, w->index, w->scale, (int32_t)w->disp + extra);
}

/* a := linear address + extra. Flags are lost if there is a segment. */
static void linear(struct translation *t, const struct where *w, unsigned a, int32_t extra)
{
    struct out *o = &t->o;
    if (w->page) {
        gs64(o, OP_LOAD, a, VCPU_OFF(page_va));
        lea(o, a, a, (int32_t)w->disp + extra);
    } else {
        lea_where(t, w, a, extra);
    }
    if (w->seg)
        gs64(o, OP_ADD, a, VCPU_OFF(seg_base) + 8u * w->seg);
}

/* The register that has the linear address: the base by itself, a moment before a has it, or a. */
static unsigned source(const struct where *w, unsigned a, int32_t extra)
{
    bool base = w->base != NO_REG && w->index == NO_REG && !w->seg && !w->addr32 && !(w->disp + extra);
    return base ? w->base : a;
}

/* a := linear address - tag, x := slot * 32; away if they do not match. from has the address too. */
static void check(struct translation *t, const struct guest_insn *g, const uint8_t *retry, unsigned a,
                  unsigned x, unsigned from, struct site s)
{
    struct out *o = &t->o;
    struct jit *j = t->j;
    uint32_t tlb = s.write ? t->tlb_write : t->tlb_read;
    if (j->bmi2) {
        rorx32(o, x, from, 12 - 5);
    } else {
        move32(o, x, from);
        shift32(o, false, x, 12 - 5);
    }
    and32(o, x, (TLB_SIZE - 1) << 5);
    gs64_at(o, OP_SUB, a, x, tlb);
    cmp64(o, a, RAM_PAGE - s.bytes);
    uint8_t *miss = jump_if(o, CC_A);
    s.retry = code_at(t, retry);
    s.off = g->off;
    s.addr = (uint8_t)a;
    j->sites[j->nr_sites] = s;
    slow_path(t, miss, SITE(LEAVE_MISS, j->nr_sites++, t->in_slot), x)->add_tag = tlb;
}

/* ---- single accesses ---- */

static struct place at_host(unsigned a)
{
    return (struct place){.base = (uint8_t)a, .index = NO_REG};
}

static struct place alone(struct translation *t, const struct guest_insn *g, const struct where *w,
                          unsigned bytes, bool write, uint32_t busy, uint32_t keep)
{
    const struct site s = {.bytes = (uint16_t)bytes, .write = write};
    uint32_t tlb = write ? t->tlb_write : t->tlb_read, address = scratch_bits(w);
    bool plain =
        w->index == NO_REG && w->base != NO_REG && !w->seg && !w->addr32 && SCRATCH_REGS & ~(busy | address);
    unsigned x, a;
    flags_away(t, g->live_in, keep);
    if (plain) {
        x = scratch_take(t, busy | address);
        a = scratch_take(t, keep | address | 1u << x);
    } else {
        a = scratch_take(t, busy);
        x = scratch_take(t, keep | 1u << a);
    }
    scratch_prepare(t, address);
    const uint8_t *retry = t->o.at;
    scratch_guest(t, address);
    linear(t, w, a, 0);
    scratch_lose(t, 1u << a | 1u << x);
    check(t, g, retry, a, x, source(w, a, 0), s);
    if (!plain) {
        gs64_at(&t->o, OP_ADD, a, x, tlb + TLB_HOST);
        return at_host(a);
    }
    gs64_at(&t->o, OP_LOAD, x, x, tlb + TLB_DELTA);
    return (struct place){.base = w->base, .index = (uint8_t)x, .disp = (int32_t)w->disp};
}

/* ---- groups ---- */

static void open_group(struct translation *t, const struct guest_insn *g, unsigned number,
                       const struct where *w, uint32_t busy, uint32_t keep)
{
    struct group *k = &t->groups[number];
    const struct site s = {
        .bytes = (uint16_t)(k->max - k->min),
        .write = k->write,
        .group = true,
        .first_at = (uint16_t)(k->first_off - k->min),
        .first_bytes = (uint8_t)k->first_bytes,
        .first_write = k->first_write,
    };
    BUG_ON(k->first != t->now);
    uint32_t address = scratch_bits(w);
    flags_away(t, g->live_in, keep);
    unsigned x = scratch_take(t, SCRATCH_REGS & ~(busy | address) ? busy | address : keep);
    bool roomy = SCRATCH_REGS & ~(keep | address | 1u << x);
    unsigned a = scratch_take(t, keep | 1u << x | (roomy ? address : 0));
    scratch_prepare(t, address);
    const uint8_t *retry = t->o.at;
    scratch_guest(t, address);
    linear(t, w, a, k->min - k->first_off);
    scratch_lose(t, 1u << a | 1u << x);
    check(t, g, retry, a, x, source(w, a, k->min - k->first_off), s);
    place_delta(t, k, w, x);
    scratch_has_delta(t, number, x);
    k->open = true;
}

/* The delta's register joins the operand, which has room for it if there is no index. */
static struct place with_delta(struct translation *t, unsigned number, const struct where *w, uint32_t busy,
                               uint32_t keep)
{
    uint32_t address = scratch_bits(w);
    struct out *o = &t->o;
    if (w->index == NO_REG) {
        if (w->base == NO_REG) {
            unsigned x = scratch_delta(t, number, busy);
            return (struct place){.base = (uint8_t)x, .index = NO_REG, .disp = (int32_t)w->disp};
        }
        scratch_guest(t, address);
        if (SCRATCH_REGS & ~(busy | address)) {
            unsigned x = scratch_delta(t, number, busy | address);
            return (struct place){.base = w->base, .index = (uint8_t)x, .disp = (int32_t)w->disp};
        }
        unsigned x = scratch_delta(t, number, keep | address);
        op64(o, OP_LEA, w->base, w->base, x, 0, (int32_t)w->disp);
        scratch_lose(t, address);
        return at_host(w->base);
    }
    scratch_guest(t, address);
    unsigned a = scratch_take(t, busy);
    lea_where(t, w, a, 0);
    if (SCRATCH_REGS & ~(busy | 1u << a)) {
        unsigned x = scratch_delta(t, number, busy | 1u << a);
        return (struct place){.base = (uint8_t)a, .index = (uint8_t)x};
    }
    unsigned x = scratch_delta(t, number, keep | 1u << a);
    op64(o, OP_LEA, a, a, x, 0, 0);
    return at_host(a);
}

bool check_is_made(const struct translation *t, const struct guest_insn *g, unsigned slot)
{
    return g->groups[slot] != NO_GROUP && t->groups[g->groups[slot]].open;
}

void place_ahead(struct translation *t, const struct group *k, const struct where *w, unsigned a, unsigned x)
{
    const struct site s = {
        .bytes = (uint16_t)(k->max - k->min),
        .write = k->write,
        .group = true,
        .ahead = true,
        .moving = k->stride != 0,
    };
    scratch_prepare(t, scratch_bits(w));
    const uint8_t *retry = t->o.at;
    scratch_guest(t, scratch_bits(w));
    linear(t, w, a, 0);
    check(t, &t->insns[0], retry, a, x, a, s);
}

void place_delta(struct translation *t, const struct group *k, const struct where *w, unsigned x)
{
    gs64_at(&t->o, OP_LOAD, x, x, (k->write ? t->tlb_write : t->tlb_read) + TLB_DELTA);
    if (w->page)
        gs64(&t->o, OP_ADD, x, VCPU_OFF(page_va));
    if (w->seg)
        gs64(&t->o, OP_ADD, x, VCPU_OFF(seg_base) + 8u * w->seg);
}

struct place place_of(struct translation *t, const struct guest_insn *g, unsigned slot, const struct where *w,
                      unsigned bytes, bool write, uint32_t keep)
{
    uint32_t busy = g->uses | keep;
    int number = g->groups[slot];
    if (t->pinned)
        return loop_place(t, (unsigned)number, w, busy);
    if (number == NO_GROUP)
        return alone(t, g, w, bytes, write, busy, keep);
    if (!t->groups[number].open)
        open_group(t, g, (unsigned)number, w, busy, keep);
    return with_delta(t, (unsigned)number, w, busy, keep);
}

uint32_t place_regs(const struct place *p)
{
    return BIT(p->base) | BIT(p->index);
}
