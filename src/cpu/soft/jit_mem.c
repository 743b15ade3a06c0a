// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_mem: a guest's address becomes a host's: address computation, the look into the TLB, the way out if it
 * is not there.
 *
 *     lea  r9, [guest's operand]         where no flags are needed; otherwise the same with
 *     rorx r10d, r9d, 8                  lea, shlx, shrx and jrcxz, which leave flags alone
 *     and  r10d, 0x3ff0
 *     sub  r9, gs:[r10 + tag]
 *     cmp  r9, 4096 - size               miss and page crossing in one compare
 *     ja   cold
 *     add  r9, gs:[r10 + host]
 */
#include "cpu/soft/jit_tr.h"

#define TAG  0u
#define HOST 8u

static unsigned spilled_index(unsigned reg)
{
    return reg >= R9 && reg <= R11;
}

void mem_page_va(struct tr *t, unsigned reg, int32_t off)
{
    e_gs_load(&t->e, reg, VCPU_OFF(page_va));
    if (off)
        e_lea(&t->e, reg, reg, NONE, 0, off);
}

static int64_t from_page(const struct item *it, const ZydisDecodedOperand *op)
{
    return op->mem.disp.value + it->off + it->i.len;
}

bool mem_fits(const struct item *it, const ZydisDecodedOperand *op)
{
    if (op->mem.base == ZYDIS_REGISTER_EIP)
        return false;
    int64_t d = op->mem.base == ZYDIS_REGISTER_RIP ? from_page(it, op) : op->mem.disp.value;
    return d == (int32_t)d;
}

static uint32_t seg_base(const ZydisDecodedOperand *op)
{
    return op->mem.segment == ZYDIS_REGISTER_FS || op->mem.segment == ZYDIS_REGISTER_GS
               ? VCPU_OFF(seg_base) + 8 * operand_seg(op->mem.segment)
               : 0;
}

static unsigned log2_of(unsigned scale)
{
    return scale == 8 ? 3 : scale / 2;
}

/* Base and index as host registers: those that live in memory are fetched into r9 and r10. */
static void fetch_parts(struct tr *t, const ZydisDecodedOperand *op, unsigned *base, unsigned *index)
{
    unsigned bytes, shift;
    *base = operand_gpr(op->mem.base, &bytes, &shift);
    *index = operand_gpr(op->mem.index, &bytes, &shift);
    if (spilled_index(*base)) {
        e_gs_load(&t->e, R9, 8 * *base);
        *base = R9;
    }
    if (spilled_index(*index)) {
        e_gs_load(&t->e, R10, 8 * *index);
        *index = R10;
    }
}

void mem_address(struct tr *t, const struct item *it, const ZydisDecodedOperand *op)
{
    uint32_t seg = seg_base(op);
    unsigned base, index;
    if (op->mem.base == ZYDIS_REGISTER_RIP) {
        mem_page_va(t, R9, (int32_t)from_page(it, op));
        if (seg) {
            e_gs_load(&t->e, R10, seg);
            e_lea(&t->e, R9, R9, R10, 0, 0);
        }
        return;
    }
    int32_t disp = (int32_t)op->mem.disp.value;
    unsigned wide = it->i.addr_bytes == 8;
    fetch_parts(t, op, &base, &index);
    if (seg && wide && index == NONE && base != R9) {
        e_gs_load(&t->e, R9, seg);
        if (base != NONE || disp) {
            if (base == NONE)
                e_lea(&t->e, R9, R9, NONE, 0, disp);
            else
                e_lea(&t->e, R9, R9 == base ? R9 : base, R9, 0, disp);
        }
        return;
    }
    e_mem(&t->e, 0x8d, wide, R9, base, index, log2_of(op->mem.scale), disp);
    if (seg) {
        e_gs_load(&t->e, R10, seg);
        e_lea(&t->e, R9, R9, R10, 0, 0);
    }
}

static uint32_t table(const struct tr *t, bool write)
{
    uint32_t bank = t->mode & MODE_USER ? BANK_USER : BANK_KERNEL;
    return VCPU_OFF(tlb) + bank * (uint32_t)sizeof(struct tlb) +
           (write ? (uint32_t)offsetof(struct tlb, write) : 0);
}

static uint64_t what(const struct item *it, unsigned size, bool write)
{
    return it->off | (write ? 0x1000u : 0) | size << 16;
}

static void check_free(struct tr *t, unsigned size, bool write, uint64_t info)
{
    struct emit *e = &t->e;
    uint32_t tlb = table(t, write);
    e_rorx32(e, R10, R9, 8);
    e_byte(e, 0x41), e_byte(e, 0x81), e_byte(e, 0xe2); /* and r10d, */
    e_u32(e, (TLB_SIZE - 1) << 4);
    e_gs_at(e, 0x2b, R9, R10, tlb + TAG);
    e_byte(e, 0x49), e_byte(e, 0x81), e_byte(e, 0xf9); /* cmp r9, */
    e_u32(e, RAM_PAGE - size);
    struct cold *c = tr_cold(t, COLD_SLOW, e_jump_later(e, 7), info);
    c->reload = t->active && !t->r11_lost;
    e_gs_at(e, 0x03, R9, R10, tlb + HOST);
    c->back = e->p;
}

/* The shifts isolate the index, times two. */
static void check_live(struct tr *t, unsigned size, bool write, uint64_t info)
{
    struct emit *e = &t->e;
    uint32_t tlb = table(t, write);
    e_mov_imm32(e, R11, 64 - 12 - TLB_BITS);
    e_shift(e, SHLX, R10, R9, R11);
    e_mov_imm32(e, R11, 64 - TLB_BITS);
    e_shift(e, SHRX, R10, R10, R11);
    e_lea(e, R10, R10, R10, 0, 0);
    e_gs_times8(e, 0x8b, R11, R10, tlb + TAG);
    e_byte(e, 0x49), e_byte(e, 0xf7), e_byte(e, 0xd3); /* not r11 */
    e_lea(e, R9, R9, R11, 0, 1);
    e_gs_store(e, RCX, VCPU_OFF(scratch) + 8 * S_RCX);
    e_lea(e, RCX, R9, NONE, 0, (int32_t)size - 1);
    e_mov_imm32(e, R11, 12);
    e_shift(e, SHRX, RCX, RCX, R11);
    uint8_t *hit = e_short(e, 0xe3); /* jrcxz */
    struct cold *c = tr_cold(t, COLD_SLOW_LIVE, e_jump_later(e, JMP), info);
    e_here(e, hit);
    e_gs_load(e, RCX, VCPU_OFF(scratch) + 8 * S_RCX);
    e_gs_times8(e, 0x8b, R10, R10, tlb + HOST);
    e_lea(e, R9, R9, R10, 0, 0);
    c->back = e->p;
}

static void check(struct tr *t, const struct item *it, unsigned size, bool write, uint64_t info)
{
    if (it->live) {
        check_live(t, size, write, info);
        t->r11_lost = true;
    } else {
        check_free(t, size, write, info);
    }
}

void mem_check(struct tr *t, const struct item *it, unsigned size, bool write)
{
    check(t, it, size, write, what(it, size, write));
}

/* ---- groups ---- */

/* Bit 31: a group; then the first access: where in it, its size, whether it writes. */
static uint64_t group_info(const struct item *it, const struct group *g)
{
    return what(it, (unsigned)(g->max - g->min), g->write) | 1u << 31 |
           (uint64_t)(unsigned)(g->first_off - g->min) << 32 | (uint64_t)g->first_size << 44 |
           (uint64_t)g->first_write << 60;
}

static void start_group(struct tr *t, const struct item *it, const struct group *g)
{
    int32_t disp = g->min - g->base_off;
    if (g->base > R15) {
        mem_page_va(t, R9, disp);
    } else if (spilled_index(g->base)) {
        e_gs_load(&t->e, R9, 8u * g->base);
        e_lea(&t->e, R9, R9, NONE, 0, disp);
    } else {
        e_lea(&t->e, R9, g->base, NONE, 0, disp);
    }
    check(t, it, (unsigned)(g->max - g->min), g->write, group_info(it, g));
    e_mov(&t->e, R11, R9);
    e_gs_store(&t->e, R11, VCPU_OFF(scratch) + 8 * S_GROUP);
    t->active = g;
    t->r11_lost = false;
}

static bool starts(const struct tr *t, const struct item *it, unsigned slot, const struct group *g)
{
    return &t->items[g->first] == it && g->first_slot == slot;
}

struct place mem_place(struct tr *t, const struct item *it, unsigned slot, unsigned size, bool write)
{
    const struct touch *a = &it->access[slot];
    const struct group *g = a->group && a->group->chosen ? a->group : NULL;
    if (!g) {
        if (slot == 0)
            mem_address(t, it, it->mem);
        else
            e_lea(&t->e, R9, it->kind == K_LEAVE ? RBP : RSP, NONE, 0,
                  it->kind == K_PUSH || it->kind == K_CALL ? -8 : 0);
        mem_check(t, it, size, write);
        return (struct place){R9, 0};
    }
    if (starts(t, it, slot, g))
        start_group(t, it, g);
    else if (t->r11_lost)
        e_gs_load(&t->e, R11, VCPU_OFF(scratch) + 8 * S_GROUP);
    t->r11_lost = false;
    return (struct place){R11, a->off - g->min};
}

/* r9 is the address minus the tag; hand over the address, where to go on, and what it is. */
void mem_cold(struct tr *t, const struct cold *c)
{
    struct emit *e = &t->e;
    uint32_t tlb = table(t, c->info & 0x1000);
    e_set(c->from, e->p);
    if (c->kind == COLD_SLOW_LIVE) {
        e_gs_load(e, RCX, VCPU_OFF(scratch) + 8 * S_RCX);
        e_gs_times8(e, 0x8b, R11, R10, tlb + TAG);
        e_lea(e, R9, R9, R11, 0, 0);
    } else {
        e_gs_at(e, 0x03, R9, R10, tlb + TAG);
    }
    if (c->info >> 32) {
        e_byte(e, 0x49), e_byte(e, 0xbb); /* mov r11, imm64 */
        e_u32(e, (uint32_t)c->info);
        e_u32(e, (uint32_t)(c->info >> 32));
    } else {
        e_mov_imm32(e, R11, (uint32_t)c->info);
    }
    const uint8_t *back = c->reload ? e->p + 7 + 5 : c->back;
    e_byte(e, 0x4c), e_byte(e, 0x8d), e_byte(e, 0x15); /* lea r10, [rip + back] */
    e_u32(e, (uint32_t)(back - (e->p + 4)));
    e_jump(e, JMP, tr_stub(t, t->j->slow));
    if (c->reload) {
        e_gs_load(e, R11, VCPU_OFF(scratch) + 8 * S_GROUP);
        e_jump(e, JMP, c->back);
    }
}
