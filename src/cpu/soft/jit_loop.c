// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_loop: a block that jumps back to its own start and whose accesses all move by a constant each round, or
 * not at all. Its checks are made before the loop, and say how many rounds stay in the pages that were found;
 * so many run without any, then it starts again. No more than ROUNDS, for requests are looked at in between
 * only.
 *
 *     code:  for each group: check, delta (and base, if the operand has an index); rounds := min(rounds, ...)
 *     inner: the instructions, with deltas in registers; the way out
 *            dec rounds; jns inner
 *            look at v->request; jmp code
 */
#include "cpu/soft/jit_block.h"

#define ROUNDS     1000
#define LEFT       (VCPU_OFF(scratch) + 8 * 5) /* rounds, while registers are short */
#define MAX_STRIDE 128

static bool plain_kinds(const struct translation *t)
{
    for (unsigned n = 0; n + 1 < t->nr; n++)
        switch (t->insns[n].kind) {
        case KIND_COPY:
        case KIND_NOTHING:
        case KIND_LEA_RIP:
        case KIND_MEM:
        case KIND_JCC:
            break;
        default:
            return false;
        }
    return true;
}

static bool closes(const struct translation *t)
{
    const struct guest_insn *last = &t->insns[t->nr - 1];
    unsigned next = last->off + last->insn.len;
    return (last->kind == KIND_JCC || last->kind == KIND_JMP) && last->near_target && !last->loose &&
           last->target == (t->gpa & 0xfff) && next < RAM_PAGE && !t->insns[0].live_in;
}

static bool short_strides(const struct translation *t, unsigned nr)
{
    for (unsigned k = 0; k < nr; k++)
        if (t->groups[k].stride > MAX_STRIDE || t->groups[k].stride < -MAX_STRIDE)
            return false;
    return true;
}

/* r9 to r11 that the guest does not use: one counts rounds, the others keep deltas; if there are more of
 * these than registers, one is to fetch them. */
static bool give_registers(struct translation *t)
{
    unsigned nr_free = 0, free[3];
    for (unsigned r = R11; r >= R9; r--)
        if (!t->guest_uses[r - R9])
            free[nr_free++] = r;
    if (nr_free < 2)
        return false;
    bool all = t->nr_groups < nr_free;
    t->loop_count = (uint8_t)free[0];
    t->loop_spare = (uint8_t)free[nr_free - 1];
    t->loop_kept = (uint8_t)(all ? t->nr_groups : nr_free - 2);
    t->pinned = 1u << free[0];
    for (unsigned k = 0; k < t->loop_kept; k++) {
        t->loop_keeps[k] = (uint8_t)free[k + 1];
        t->pinned |= 1u << free[k + 1];
    }
    return true;
}

bool loop_plan(struct translation *t)
{
    const uint32_t off = CPU_DEBUG_NO_LOOPS | CPU_DEBUG_NO_GROUPS | CPU_DEBUG_NO_TLB | CPU_DEBUG_NO_CHAIN;
    if (t->v->soft->debug & off || t->mode & (MODE_NO_GROUPS | MODE_ACROSS) || t->hot || !closes(t) ||
        !plain_kinds(t) || split_of(t->j, t->gpa, t->mode))
        return false;
    return find_loop_groups(t->insns, t->nr, t->groups, &t->nr_groups) && short_strides(t, t->nr_groups) &&
           give_registers(t);
}

/* ---- before the loop ---- */

static void imul32(struct out *o, unsigned reg, uint32_t by)
{
    put8(o, 0x45);
    put8(o, 0x69);
    put8(o, 0xc0 | (reg & 7) << 3 | (reg & 7));
    put32(o, by);
}

/* a: offset of the lowest byte in its page. LEFT := min(LEFT, rounds after the first that stay there). */
static void count_rounds(struct translation *t, const struct group *k, unsigned a)
{
    struct out *o = &t->o;
    int32_t stride = k->stride;
    if (!stride)
        return;
    if (stride > 0) {
        put8(o, 0x41); /* neg a */
        put8(o, 0xf7);
        put8(o, 0xd8 | (a & 7));
        lea(o, a, a, (int32_t)RAM_PAGE - (k->max - k->min));
        move32(o, a, a);
    }
    imul32(o, a, 65536u / (uint32_t)(stride > 0 ? stride : -stride));
    shift32(o, false, a, 16);
    gs64(o, OP_CMP, a, LEFT);
    put8(o, 0x65); /* cmova a, gs:[LEFT] */
    put8(o, 0x4c);
    put8(o, 0x0f);
    put8(o, 0x47);
    put8(o, 0x04 | (a & 7) << 3);
    put8(o, 0x25);
    put32(o, LEFT);
    gs64(o, OP_STORE, a, LEFT);
}

static void prepare_group(struct translation *t, unsigned number)
{
    struct group *k = &t->groups[number];
    bool kept = number < t->loop_kept;
    unsigned a = t->loop_count, x = kept ? t->loop_keeps[number] : t->loop_spare;
    struct where w = k->key;
    w.disp = k->min;
    place_ahead(t, k, &w, a, x);
    count_rounds(t, k, a);
    place_delta(t, k, &w, x);
    if (w.index != NO_REG)
        op_reg64(&t->o, OP_ADD, x, w.base);
    k->open = k->stored = true;
    if (kept)
        t->holds[x - R9] = (uint8_t)(HOLDS_DELTA + number);
    else
        gs64(&t->o, OP_STORE, x, VCPU_OFF(jit_delta) + 8u * k->slot);
}

static void emit_prologue(struct translation *t)
{
    struct out *o = &t->o;
    put8(o, 0x65); /* mov qword gs:[LEFT], ROUNDS */
    put8(o, 0x48);
    put8(o, 0xc7);
    put8(o, 0x04);
    put8(o, 0x25);
    put32(o, LEFT);
    put32(o, ROUNDS);
    for (unsigned k = 0; k < t->nr_groups; k++)
        prepare_group(t, k);
    gs64(o, OP_LOAD, t->loop_count, LEFT);
}

/* ---- in it ---- */

struct place loop_place(struct translation *t, unsigned number, const struct where *w, uint32_t busy)
{
    uint32_t address = scratch_bits(w);
    scratch_guest(t, address);
    unsigned x = scratch_delta(t, number, busy | address);
    struct place p = {.base = w->base, .index = (uint8_t)x, .disp = (int32_t)w->disp};
    if (w->index != NO_REG)
        p = (struct place){
            .base = (uint8_t)x, .index = w->index, .scale = w->scale, .disp = (int32_t)w->disp};
    else if (w->base == NO_REG)
        p = (struct place){.base = (uint8_t)x, .index = NO_REG, .disp = (int32_t)w->disp};
    return p;
}

void emit_loop(struct translation *t)
{
    struct out *o = &t->o;
    const struct guest_insn *last = &t->insns[t->nr - 1];
    if (t->insns[0].live_in)
        bug(__FILE__, __LINE__, "flags are wanted");
    uint32_t pinned = t->pinned;
    t->pinned = 0; /* they hold nothing yet */
    emit_loop_vectors(t);
    t->pinned = pinned;
    emit_prologue(t);
    const uint8_t *inner = o->at;
    for (unsigned n = 0; n + 1 < t->nr; n++) {
        t->now = (uint8_t)n;
        emit_one(t, &t->insns[n]);
    }
    if (last->kind == KIND_JCC)
        emit_way_out(t, last);
    put8(o, 0x41); /* dec count */
    put8(o, 0xff);
    put8(o, 0xc8 | (t->loop_count & 7));
    resolve(jump_if(o, CC_NS), inner);
    emit_goto(t, last->target, last->off, 0);
}
