// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_jump: how blocks end. Jumps within the page are linked to their target's code; all others look into the
 * jump cache by virtual address. Loops look at v->request on their way back.
 */
#include "cpu/soft/jit_block.h"

#define JCACHE_MASK ((1u << JCACHE_BITS) - 1)

void slow_path(struct translation *t, uint8_t *from, uint32_t site, bool leaves)
{
    BUG_ON(t->nr_slow == SLOW_MAX);
    t->slow[t->nr_slow++] = (struct slow){from, site, leaves};
}

static void leave_now(struct translation *t, uint32_t site)
{
    gs_set32(&t->o, VCPU_OFF(jit_site), site);
    jump_to(&t->o, t->j->rw + t->j->leave);
}

void emit_step(struct translation *t, unsigned off, bool in_slot)
{
    leave_now(t, SITE(LEAVE_STEP, off, in_slot));
}

static bool no_chain(const struct translation *t)
{
    return t->v->soft->debug & CPU_DEBUG_NO_CHAIN;
}

/* Leave if there is a request; guest flags survive. r11 is used. */
static void emit_poll(struct translation *t, unsigned target, uint32_t live)
{
    struct out *o = &t->o;
    uint32_t site = SITE(LEAVE_REQUEST, target, false);
    if (!live) {
        gs_is_zero32(o, VCPU_OFF(request));
        slow_path(t, jump_if(o, CC_NE), site, true);
        return;
    }
    move(o, R11, RCX);
    gs32(o, OP_LOAD, RCX, VCPU_OFF(request));
    put8(o, 0xe3); /* jrcxz over the two that follow */
    put8(o, 3 + 5);
    move(o, RCX, R11);
    slow_path(t, jump(o), site, true);
    move(o, RCX, R11);
}

/* Within the page. */
static void emit_link(struct translation *t, unsigned target, unsigned from_off, uint32_t live)
{
    struct out *o = &t->o;
    struct jit *j = t->j;
    if (target <= from_off)
        emit_poll(t, target, live);
    while ((code_at(t, o->at) + 1) % 4) /* the displacement is patched while others run here */
        put8(o, 0x90);
    uint8_t *at = jump(o);
    uint32_t number = j->nr_exits++;
    j->exits[number] = (struct exit){.patch = code_at(t, at), .block = t->block, .target = (uint16_t)target};
    slow_path(t, at, SITE(LEAVE_LINK, number, false), true);
}

/* To the linear address in r9. Guest flags are in the slot if in_slot, else dead; r10, r11 are used. */
static void emit_lookup(struct translation *t, bool in_slot)
{
    struct out *o = &t->o;
    uint32_t half =
        VCPU_OFF(jcache) + (t->mode & MODE_USER ? (uint32_t)sizeof(struct jcache_entry) << JCACHE_BITS : 0);
    uint32_t site = SITE(LEAVE_LOOKUP, 0, in_slot);
    gs64(o, OP_STORE, R9, VCPU_OFF(rip));
    if (t->v->soft->debug & CPU_DEBUG_NO_JCACHE) {
        leave_now(t, site);
        return;
    }
    gs_is_zero32(o, VCPU_OFF(request));
    slow_path(t, jump_if(o, CC_NE), site, true);
    move32(o, R10, R9);
    shift32(o, false, R10, 4);
    put8(o, 0x45); /* xor r10d, r9d */
    put8(o, 0x31);
    put8(o, 0xca);
    and32(o, R10, JCACHE_MASK);
    shift32(o, true, R10, 4);
    gs64_at(o, OP_CMP, R9, R10, half);
    slow_path(t, jump_if(o, CC_NE), site, true);
    put8(o, 0x49); /* and r9, -4096 */
    put8(o, 0x81);
    put8(o, 0xe1);
    put32(o, 0xfffff000);
    gs64(o, OP_STORE, R9, VCPU_OFF(page_va));
    gs64_at(o, OP_LOAD, R10, R10, half + 8);
    if (in_slot)
        flags_restore(o, R11);
    jump_reg(o, R10);
}

void emit_goto(struct translation *t, int32_t disp, unsigned from_off, uint32_t live)
{
    struct out *o = &t->o;
    if (disp >= 0 && disp < (int32_t)RAM_PAGE && !no_chain(t)) {
        emit_link(t, (unsigned)disp, from_off, live);
        return;
    }
    flags_save(o, R11);
    gs64(o, OP_LOAD, R9, VCPU_OFF(page_va));
    lea(o, R9, R9, disp);
    emit_lookup(t, true);
}

/* ---- conditional ---- */

static void emit_cond(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    const struct insn *i = &g->insn;
    unsigned next = g->off + i->len;
    uint32_t debug_live = t->v->soft->debug & CPU_DEBUG_NO_LIVE ? FL_ARITH : 0;
    uint32_t taken_live = FL_ARITH;
    if (g->near_target)
        taken_live = debug_live | jit_flags_wanted(t->page, g->target, t->mode, &t->ahead);
    uint8_t *taken;
    if (g->kind == KIND_JRCXZ) { /* reaches 127 bytes only: over a long jump */
        put8(o, 0xe3);
        put8(o, 2);
        put8(o, 0xeb);
        put8(o, 5);
        taken = jump(o);
    } else {
        taken = jump_if(o, i->z.opcode & 15);
    }
    emit_goto(t, (int32_t)next, g->off, FL_ARITH);
    resolve(taken, o->at);
    emit_goto(t, g->target_disp, g->off, taken_live);
}

/* ---- calls and returns ---- */

/* [rsp-8] := address of the next instruction. r10, r11. */
static void push_return(struct translation *t, const struct guest_insn *g, const uint8_t *retry)
{
    struct out *o = &t->o;
    lea(o, R11, RSP, -8);
    emit_check(t, g, retry, R11, R10, 8, true, true);
    gs64(o, OP_LOAD, R10, VCPU_OFF(page_va));
    lea(o, R10, R10, (int32_t)(g->off + g->insn.len));
    mem64(o, OP_STORE, R10, R11);
    lea(o, RSP, RSP, -8);
}

static void emit_call(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    flags_save(o, R11);
    push_return(t, g, o->at);
    if (g->near_target && !no_chain(t)) {
        flags_restore(o, R11);
        emit_link(t, g->target, g->off, FL_ARITH);
        return;
    }
    gs64(o, OP_LOAD, R9, VCPU_OFF(page_va));
    lea(o, R9, R9, g->target_disp);
    emit_lookup(t, true);
}

/* r9 := where an indirect jump or call leads. */
static void load_target(struct translation *t, const struct guest_insn *g, const uint8_t *retry)
{
    unsigned bytes, shift;
    if (g->has_mem) {
        emit_address(t, g, R9, R10);
        emit_check(t, g, retry, R9, R10, 8, false, true);
        mem64(&t->o, OP_LOAD, R9, R9);
        return;
    }
    unsigned reg = operand_gpr(g->insn.ops[0].reg.value, &bytes, &shift);
    if (reg >= R9 && reg <= R11)
        gs64(&t->o, OP_LOAD, R9, 8 * reg);
    else
        move(&t->o, R9, reg);
}

static void emit_indirect(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    flags_save(o, R11);
    const uint8_t *retry = o->at;
    load_target(t, g, retry);
    if (g->kind == KIND_CALL_TO)
        push_return(t, g, retry);
    emit_lookup(t, true);
}

static void emit_ret(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    const struct insn *i = &g->insn;
    int32_t pop = 8;
    if (i->ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && i->z.operand_count)
        pop += (int32_t)i->ops[0].imm.value.u;
    flags_save(o, R11);
    const uint8_t *retry = o->at;
    move(o, R11, RSP);
    emit_check(t, g, retry, R11, R10, 8, false, true);
    mem64(o, OP_LOAD, R9, R11);
    lea(o, RSP, RSP, pop);
    emit_lookup(t, true);
}

void emit_end(struct translation *t, const struct guest_insn *g)
{
    switch (g->kind) {
    case KIND_JCC:
    case KIND_JRCXZ:
        emit_cond(t, g);
        return;
    case KIND_JMP:
        emit_goto(t, g->target_disp, g->off, FL_ARITH);
        return;
    case KIND_CALL:
        emit_call(t, g);
        return;
    case KIND_JMP_TO:
    case KIND_CALL_TO:
        emit_indirect(t, g);
        return;
    case KIND_RET:
        emit_ret(t, g);
        return;
    default:
        emit_step(t, g->off, false);
    }
}
