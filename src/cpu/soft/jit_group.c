// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_group: accesses of a block that go through the same base register need one check together.
 *
 * A base is a register since its last unknown change (its version); constant additions, pushes and pops keep
 * the version and move the offset. The accesses of one version form a group: its lowest to its highest byte
 * are checked at its first access, and r11 holds the host address of the lowest until its last. Groups whose
 * spans overlap compete, the one with more accesses wins. If the check fails for good (the range crosses a
 * page, or is readable only) the instruction and what follows run from a block without groups.
 */
#include "cpu/soft/jit_tr.h"

#define BASE_PAGE  16u /* RIP-relative */
#define BASES      17u
#define MAX_SPREAD 1024

struct base {
    unsigned version;
    int32_t off;
};

struct scan {
    struct tr *t;
    struct base bases[BASES];
    unsigned version;
};

static void forget(struct scan *s, unsigned reg)
{
    s->bases[reg] = (struct base){++s->version, 0};
}

static struct group *group_of(struct scan *s, unsigned reg)
{
    struct tr *t = s->t;
    for (unsigned n = 0; n < t->nr_groups; n++)
        if (t->groups[n].base == reg && t->groups[n].version == s->bases[reg].version)
            return &t->groups[n];
    if (t->nr_groups == MAX_GROUPS)
        return NULL;
    struct group *g = &t->groups[t->nr_groups++];
    *g = (struct group){.base = (uint8_t)reg, .version = s->bases[reg].version};
    return g;
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static void join(struct scan *s, unsigned n, unsigned slot, unsigned reg, int32_t disp, unsigned size,
                 bool write)
{
    struct touch *a = &s->t->items[n].access[slot];
    struct group *g = group_of(s, reg);
    int32_t off = s->bases[reg].off + disp, end = off + (int32_t)size;
    if (!g)
        return;
    int32_t min = g->count ? least(g->min, off) : off, max = g->count ? -least(-g->max, -end) : end;
    if (max - min > MAX_SPREAD)
        return;
    if (!g->count) {
        g->first = (uint8_t)n;
        g->first_slot = (uint8_t)slot;
        g->first_off = off;
        g->first_size = (uint16_t)size;
        g->first_write = write;
        g->base_off = s->bases[reg].off;
    }
    g->min = min;
    g->max = max;
    g->last = (uint8_t)n;
    g->write = g->write || write;
    g->count++;
    a->group = g;
    a->off = off;
}

static void join_operand(struct scan *s, unsigned n, const struct item *it)
{
    const ZydisDecodedOperand *op = it->mem;
    unsigned bytes, shift;
    if (it->i.addr_bytes != 8 || op->mem.index != ZYDIS_REGISTER_NONE ||
        op->mem.segment == ZYDIS_REGISTER_FS || op->mem.segment == ZYDIS_REGISTER_GS ||
        plain_bit_number(&it->i))
        return;
    bool write = it->kind == K_PLAIN && it->writes;
    if (op->mem.base == ZYDIS_REGISTER_RIP) {
        join(s, n, 0, BASE_PAGE, (int32_t)(op->mem.disp.value + it->off + it->i.len), op->size / 8u, write);
        return;
    }
    unsigned reg = operand_gpr(op->mem.base, &bytes, &shift);
    if (reg < 16 && op->mem.disp.value > -MAX_SPREAD * 64 && op->mem.disp.value < MAX_SPREAD * 64)
        join(s, n, 0, reg, (int32_t)op->mem.disp.value, op->size / 8u, write);
}

/* reg += constant, 64-bit? */
static bool constant_step(const struct item *it, unsigned *ret_reg, int64_t *ret_by)
{
    const struct insn *i = &it->i;
    unsigned bytes, shift;
    if (it->kind != K_PLAIN || i->op_bytes != 8 || i->ops[0].type != ZYDIS_OPERAND_TYPE_REGISTER)
        return false;
    *ret_reg = operand_gpr(i->ops[0].reg.value, &bytes, &shift);
    if (*ret_reg > R15 || bytes != 8)
        return false;
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_ADD:
    case ZYDIS_MNEMONIC_SUB:
        *ret_by = i->mnemonic == ZYDIS_MNEMONIC_ADD ? i->ops[1].imm.value.s : -i->ops[1].imm.value.s;
        return i->ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
    case ZYDIS_MNEMONIC_LEA:
        *ret_by = i->ops[1].mem.disp.value;
        return i->addr_bytes == 8 && i->ops[1].mem.index == ZYDIS_REGISTER_NONE &&
               i->ops[1].mem.base == i->ops[0].reg.value;
    default:
        return false;
    }
}

static void forget_written(struct scan *s, const struct item *it)
{
    unsigned bytes, shift;
    for (unsigned n = 0; n < it->i.z.operand_count; n++) {
        const ZydisDecodedOperand *op = &it->i.ops[n];
        if (op->type != ZYDIS_OPERAND_TYPE_REGISTER || !(op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
            continue;
        unsigned reg = operand_gpr(op->reg.value, &bytes, &shift);
        if (reg <= R15)
            forget(s, reg);
    }
}

static void step_over(struct scan *s, const struct item *it)
{
    unsigned reg = 0, bytes, shift;
    int64_t by;
    struct base *sp = &s->bases[RSP];
    if (it->kind == K_PUSH) {
        sp->off -= 8;
    } else if (it->kind == K_POP) {
        sp->off += 8;
        forget(s, operand_gpr(it->i.ops[0].reg.value, &bytes, &shift));
    } else if (it->kind == K_LEAVE) {
        forget(s, RSP);
        forget(s, RBP);
    } else if (constant_step(it, &reg, &by) && by > -MAX_SPREAD * 64 && by < MAX_SPREAD * 64) {
        s->bases[reg].off += (int32_t)by;
    } else {
        forget_written(s, it);
    }
}

static void note(struct scan *s, unsigned n)
{
    struct item *it = &s->t->items[n];
    if (it->mem)
        join_operand(s, n, it);
    if (it->kind == K_PUSH || it->kind == K_CALL)
        join(s, n, 1, RSP, -8, 8, true);
    else if (it->kind == K_POP || it->kind == K_RET)
        join(s, n, 1, RSP, 0, 8, false);
    else if (it->kind == K_LEAVE)
        join(s, n, 1, RBP, 0, 8, false);
    step_over(s, it);
}

static bool free_span(const struct tr *t, const struct group *g)
{
    for (unsigned n = 0; n < t->nr_groups; n++) {
        const struct group *o = &t->groups[n];
        if (o->chosen && g->first <= o->last && o->first <= g->last)
            return false;
    }
    return true;
}

void find_groups(struct tr *t)
{
    struct scan s = {.t = t};
    t->nr_groups = 0;
    for (unsigned n = 0; n < t->nr_items; n++)
        t->items[n].access[0].group = t->items[n].access[1].group = NULL;
    if (t->debug & (CPU_DEBUG_NO_GROUP | CPU_DEBUG_NO_TLB) || t->mode & MODE_NO_GROUPS)
        return;
    for (unsigned n = 0; n < t->nr_items && t->items[n].kind != K_STEP; n++)
        note(&s, n);
    for (;;) {
        struct group *best = NULL;
        for (unsigned n = 0; n < t->nr_groups; n++) {
            struct group *g = &t->groups[n];
            if (!g->chosen && g->count > 1 && (!best || g->count > best->count) && free_span(t, g))
                best = g;
        }
        if (!best)
            return;
        best->chosen = true;
    }
}
