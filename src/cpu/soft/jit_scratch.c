// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_scratch: what r9, r10 and r11 hold while a block runs, and where the guest's flags are. The three are
 * a cache: of the guest registers of the same name, which stand in memory too, and of groups' deltas, which
 * get there when they have to give way.
 */
#include "cpu/soft/jit_block.h"

static unsigned char *held(struct translation *t, unsigned reg)
{
    return &t->holds[reg - R9];
}

static bool finished(const struct translation *t, unsigned holds)
{
    return holds >= HOLDS_DELTA && t->groups[holds - HOLDS_DELTA].last < t->now;
}

/* The cheapest to lose: nothing, what nobody wants, a register, a delta. */
static unsigned price(const struct translation *t, unsigned reg)
{
    unsigned holds = t->holds[reg - R9];
    if (holds == HOLDS_NOTHING || finished(t, holds))
        return 0;
    return holds == HOLDS_GUEST ? 1 + (t->guest_uses[reg - R9] > 2)
                                : 2 + (t->groups[holds - HOLDS_DELTA].count > 2);
}

/* What it holds goes into memory, if it is wanted and not there yet. */
static void give_up(struct translation *t, unsigned reg)
{
    unsigned holds = *held(t, reg);
    *held(t, reg) = HOLDS_NOTHING;
    if (holds < HOLDS_DELTA || finished(t, holds))
        return;
    struct group *g = &t->groups[holds - HOLDS_DELTA];
    if (!g->stored)
        gs64(&t->o, OP_STORE, reg, VCPU_OFF(jit_delta) + 8u * g->slot);
    g->stored = true;
}

unsigned scratch_take(struct translation *t, uint32_t avoid)
{
    unsigned best = 0, least = 0;
    avoid |= t->pinned;
    for (unsigned r = R11; r >= R9; r--) {
        if (avoid >> r & 1)
            continue;
        unsigned p = price(t, r) * 16 + t->guest_uses[r - R9];
        if (best && p >= least)
            continue;
        best = r;
        least = p;
    }
    if (!best)
        bug(__FILE__, __LINE__, "no scratch register left");
    give_up(t, best);
    return best;
}

void scratch_lose(struct translation *t, uint32_t mask)
{
    for (unsigned r = R9; r <= R11; r++)
        if (mask >> r & 1)
            give_up(t, r);
}

void scratch_prepare(struct translation *t, uint32_t mask)
{
    for (unsigned r = R9; r <= R11; r++)
        if (mask >> r & 1 && *held(t, r) != HOLDS_GUEST)
            give_up(t, r);
}

void scratch_guest(struct translation *t, uint32_t mask)
{
    for (unsigned r = R9; r <= R11; r++) {
        if (!(mask >> r & 1) || *held(t, r) == HOLDS_GUEST)
            continue;
        give_up(t, r);
        gs64(&t->o, OP_LOAD, r, 8 * r);
        *held(t, r) = HOLDS_GUEST;
    }
}

void scratch_written(struct translation *t, uint32_t mask)
{
    for (unsigned r = R9; r <= R11; r++) {
        if (!(mask >> r & 1))
            continue;
        gs64(&t->o, OP_STORE, r, 8 * r);
        *held(t, r) = HOLDS_GUEST;
    }
}

unsigned scratch_delta(struct translation *t, unsigned group, uint32_t avoid)
{
    for (unsigned r = R9; r <= R11; r++) {
        if (*held(t, r) != HOLDS_DELTA + group)
            continue;
        if (!(avoid >> r & 1))
            return r;
        give_up(t, r);
    }
    unsigned reg = scratch_take(t, avoid);
    gs64(&t->o, OP_LOAD, reg, VCPU_OFF(jit_delta) + 8u * t->groups[group].slot);
    *held(t, reg) = (uint8_t)(HOLDS_DELTA + group);
    return reg;
}

void scratch_has_delta(struct translation *t, unsigned group, unsigned reg)
{
    t->groups[group].stored = false;
    *held(t, reg) = (uint8_t)(HOLDS_DELTA + group);
}

/* ---- flags ---- */

void flags_away(struct translation *t, uint32_t live, uint32_t avoid)
{
    if (!live || t->in_slot)
        return;
    flags_save(&t->o, scratch_take(t, avoid));
    t->in_slot = true;
}

void flags_back(struct translation *t, uint32_t avoid)
{
    if (t->in_slot)
        flags_restore(&t->o, scratch_take(t, avoid));
    t->in_slot = false;
}

void flags_for(struct translation *t, const struct guest_insn *g, uint32_t avoid)
{
    if (g->tested || (g->modified && g->live_out & ~g->killed))
        flags_back(t, avoid);
}

void flags_after(struct translation *t, const struct guest_insn *g)
{
    if (g->modified || !g->live_out)
        t->in_slot = false;
}
