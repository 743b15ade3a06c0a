// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_jump: how blocks end. Jumps within the page are linked to their target's code; all others look into the
 * jump cache by virtual address. Loops look at v->request on their way back.
 */
#include "cpu/soft/jit_block.h"
#include "cpu/soft/jit_call.h"

#define JCACHE_MASK ((1u << JCACHE_BITS) - 1)

struct slow *slow_path(struct translation *t, uint8_t *from, uint32_t site, unsigned reg)
{
    BUG_ON(t->nr_slow == SLOW_MAX);
    struct slow *s = &t->slow[t->nr_slow++];
    *s = (struct slow){.from = from, .site = site, .reg = (uint8_t)reg};
    return s;
}

static void leave_now(struct translation *t, uint32_t site)
{
    set32(&t->o, R11, site);
    jump_to(&t->o, t->j->rw + t->j->leave);
}

void emit_step(struct translation *t, unsigned off)
{
    leave_now(t, SITE(LEAVE_STEP, off, t->in_slot));
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
        slow_path(t, jump_if(o, CC_NE), site, 0);
        return;
    }
    move(o, R11, RCX);
    gs32(o, OP_LOAD, RCX, VCPU_OFF(request));
    put8(o, 0xe3); /* jrcxz over the two that follow */
    put8(o, 3 + 5);
    move(o, RCX, R11);
    slow_path(t, jump(o), site, 0);
    move(o, RCX, R11);
}

/* A jump of `opcode` bytes whose displacement is patched while others run here: aligned. */
static void align_jump(struct translation *t, unsigned opcode)
{
    while ((code_at(t, t->o.at) + opcode) % 4)
        put8(&t->o, 0x90);
}

/* The jump whose displacement lies at `at` leads to this offset of the page, once there is code. */
static void add_exit(struct translation *t, uint8_t *at, unsigned target, bool apart)
{
    struct jit *j = t->j;
    uint32_t number = j->nr_exits++;
    j->exits[number] =
        (struct exit){.patch = code_at(t, at), .block = t->block, .target = (uint16_t)target, .apart = apart};
    slow_path(t, at, SITE(LEAVE_LINK, number, false), 0);
}

/* Code without groups goes on without, as accesses that cross a page once often do so again; but loops try
 * whether they still do. */
static bool stays_apart(struct translation *t, unsigned target, unsigned from_off, uint32_t live)
{
    struct out *o = &t->o;
    if (!(t->mode & MODE_NO_GROUPS) || (target <= from_off && live))
        return false;
    if (target > from_off)
        return true;
    put8(o, 0x65); /* dec dword gs:[apart_left] */
    put8(o, 0xff);
    put8(o, 0x0c);
    put8(o, 0x25);
    put32(o, VCPU_OFF(apart_left));
    align_jump(t, 2);
    add_exit(t, jump_if(o, CC_S), target, false);
    return true;
}

/* Within the page. */
static void emit_link(struct translation *t, unsigned target, unsigned from_off, uint32_t live)
{
    if (target <= from_off)
        emit_poll(t, target, live);
    bool apart = stays_apart(t, target, from_off, live);
    align_jump(t, 1);
    add_exit(t, jump(&t->o), target, apart);
}

static uint32_t jcache_offset(const struct translation *t)
{
    return VCPU_OFF(jcache) +
           (t->mode & MODE_USER ? (uint32_t)sizeof(struct jcache_entry) << JCACHE_BITS : 0);
}

/* r10 := offset of the slot of the linear address in r9: see jcache_slot. */
static void emit_slot(struct translation *t)
{
    struct out *o = &t->o;
    move32(o, R10, R9);
    shift32(o, false, R10, JCACHE_BITS);
    put8(o, 0x45); /* xor r10d, r9d */
    put8(o, 0x31);
    put8(o, 0xca);
    and32(o, R10, JCACHE_MASK);
    shift32(o, true, R10, 4);
}

/* Is there code for the linear address in r9? r10 := its slot. If there is a request: `asked`. Returns the
 * jump to be resolved for: no. */
static uint8_t *emit_find(struct translation *t, uint32_t asked)
{
    gs_is_zero32(&t->o, VCPU_OFF(request));
    slow_path(t, jump_if(&t->o, CC_NE), asked, 0)->store_rip = SITE_REASON(asked) == LEAVE_LOOKUP;
    emit_slot(t);
    gs64_at(&t->o, OP_CMP, R9, R10, jcache_offset(t));
    return jump_if(&t->o, CC_NE);
}

/* Go to the code in slot r10, that of address r9; guest flags are in the slot. */
static void emit_land(struct translation *t)
{
    jump_at(&t->o, R10, jcache_offset(t) + 8);
}

/* The page's address, of the block's in r9. */
void emit_page(struct translation *t)
{
    struct out *o = &t->o;
    put8(o, 0x4d); /* lea r9, [r9 - offset in the page] */
    put8(o, 0x8d);
    put8(o, 0x89);
    put32(o, -(uint32_t)(t->gpa & 0xfff));
    gs64(o, OP_STORE, R9, VCPU_OFF(page_va));
}

/* Here it lands: only the block knows whether it wants the flags. The first instruction gives way to a jump
 * when the block dies, so it has at least five bytes. */
uint8_t *emit_entry(struct translation *t, bool in_slot)
{
    emit_page(t);
    if (in_slot) {
        put8(&t->o, 0xeb);
        put8(&t->o, 0);
        return t->o.at - 1;
    }
    if (t->insns[0].live_in)
        flags_restore(&t->o, R11);
    return NULL;
}

/* To the linear address in r9; guest flags are in the slot. */
void make_beyond(struct translation *t)
{
    const uint32_t site = SITE(LEAVE_LOOKUP, 0, true);
    if (t->v->soft->debug & CPU_DEBUG_NO_JCACHE) {
        gs64(&t->o, OP_STORE, R9, VCPU_OFF(rip));
        leave_now(t, site);
        return;
    }
    uint8_t *missing = emit_find(t, site);
    emit_land(t);
    resolve(missing, t->o.at);
    gs64(&t->o, OP_STORE, R9, VCPU_OFF(rip));
    if (t->v->soft->debug & CPU_DEBUG_NO_SYS) {
        leave_now(t, site);
        return;
    }
    set32(&t->o, R11, CALL_GOTO);
    jump_to(&t->o, t->j->rw + t->j->call);
}

/* To page_va + disp; guest flags are in the slot. */
static void emit_beyond(struct translation *t, int32_t disp)
{
    gs64(&t->o, OP_LOAD, R9, VCPU_OFF(page_va));
    lea(&t->o, R9, R9, disp);
    jump_to(&t->o, t->j->rw + t->j->beyond[t->mode & MODE_USER ? BANK_USER : BANK_KERNEL]);
}

/* By way of the jump cache, for the page behind this one may be another the next time. */
void emit_cut(struct translation *t, unsigned off)
{
    flags_away(t, FL_ARITH, 0);
    emit_beyond(t, (int32_t)off);
}

/* The same for a jump's target, wherever the jump says it is when it runs. */
static void emit_beyond_to(struct translation *t, const struct guest_insn *g)
{
    if (!g->loose) {
        emit_beyond(t, g->target_disp);
        return;
    }
    loose_load(t, g, R9);
    gs64(&t->o, OP_ADD, R9, VCPU_OFF(page_va));
    lea(&t->o, R9, R9, (int32_t)(g->off + g->insn.len));
    jump_to(&t->o, t->j->rw + t->j->beyond[t->mode & MODE_USER ? BANK_USER : BANK_KERNEL]);
}

void emit_goto(struct translation *t, int32_t disp, unsigned from_off, uint32_t live)
{
    if (disp >= 0 && disp < (int32_t)RAM_PAGE && !no_chain(t)) {
        emit_link(t, (unsigned)disp, from_off, live);
        return;
    }
    flags_save(&t->o, R11);
    emit_beyond(t, disp);
}

/* ---- conditional ---- */

/* Which flags the code at a jump's target wants. */
static uint32_t wanted_there(struct translation *t, const struct guest_insn *g)
{
    if (!g->near_target || t->v->soft->debug & CPU_DEBUG_NO_LIVE)
        return FL_ARITH;
    return block_flags_wanted(t, g->target);
}

/* Jumps if the condition holds; returns where its displacement lies. */
static uint8_t *jump_conditionally(struct out *o, const struct guest_insn *g)
{
    if (g->kind == KIND_JCC)
        return jump_if(o, g->insn.z.opcode & 15);
    put8(o, 0xe3); /* JRCXZ reaches 127 bytes only: to a long jump */
    put8(o, 2);
    put8(o, 0xeb);
    put8(o, 5);
    return jump(o);
}

/* Out of a block that goes on with the next instruction. */
void emit_side_exit(struct translation *t, const struct guest_insn *g)
{
    flags_back(t, 0);
    align_jump(t, 2);
    add_exit(t, jump_conditionally(&t->o, g), g->target, t->mode & MODE_NO_GROUPS);
}

/* Of a loop, so that the way back is straight. */
void emit_way_out(struct translation *t, const struct guest_insn *g)
{
    align_jump(t, 2);
    add_exit(t, jump_if(&t->o, (g->insn.z.opcode & 15u) ^ 1), g->off + g->insn.len, t->mode & MODE_NO_GROUPS);
}

static void emit_cond(struct translation *t, const struct guest_insn *g)
{
    int32_t next = g->off + g->insn.len;
    flags_back(t, 0);
    if (g->kind == KIND_JCC && g->near_target && g->target <= g->off && next < (int32_t)RAM_PAGE &&
        !no_chain(t)) {
        emit_way_out(t, g);
        emit_goto(t, g->target, g->off, wanted_there(t, g));
        return;
    }
    if (g->kind == KIND_JCC && g->near_target && g->target > g->off && !no_chain(t)) {
        align_jump(t, 2); /* forwards: no poll in between */
        add_exit(t, jump_conditionally(&t->o, g), g->target, t->mode & MODE_NO_GROUPS);
        emit_goto(t, next, g->off, FL_ARITH);
        return;
    }
    uint8_t *taken = jump_conditionally(&t->o, g);
    emit_goto(t, next, g->off, FL_ARITH);
    resolve(taken, t->o.at);
    emit_goto(t, g->target_disp, g->off, wanted_there(t, g));
}

/* ---- calls and returns ---- */

/* [rsp-8] := address of the next instruction; what keep holds stays. */
static void push_return(struct translation *t, const struct guest_insn *g, uint32_t keep)
{
    struct out *o = &t->o;
    if (!check_is_made(t, g, 1))
        settle_rsp(t);
    struct place p = place_stack(t, g, RSP, -8, true, keep);
    p.disp += t->rsp_off;
    unsigned x = scratch_take(t, keep | place_regs(&p));
    gs64(o, OP_LOAD, x, VCPU_OFF(page_va));
    lea(o, x, x, (int32_t)(g->off + g->insn.len));
    store_place(t, x, &p);
    t->rsp_off -= 8;
    settle_rsp(t);
}

static void emit_call(struct translation *t, const struct guest_insn *g)
{
    bool near = g->near_target && !no_chain(t);
    if (!near)
        flags_away(t, FL_ARITH, 0);
    push_return(t, g, 0);
    if (near) {
        flags_back(t, 0);
        emit_link(t, g->target, g->off, g->live_out);
    } else {
        emit_beyond_to(t, g);
    }
}

/* r9 := where an indirect jump or call leads. */
static void load_target(struct translation *t, const struct guest_insn *g)
{
    unsigned bytes, shift;
    if (g->has_mem) {
        struct place p = place_operand(t, g, 8, false);
        scratch_lose(t, 1u << R9);
        load_place(t, R9, &p);
        return;
    }
    unsigned reg = operand_gpr(g->insn.ops[0].reg.value, &bytes, &shift);
    scratch_guest(t, g->uses);
    scratch_lose(t, 1u << R9);
    if (reg != R9)
        move(&t->o, R9, reg);
}

/* What has no code in the jump cache gets it, and is looked for again; or it is the stepper's, from the start
 * of the instruction: the jump may fault. */
static void find_target(struct translation *t, const struct guest_insn *g)
{
    struct jit *j = t->j;
    const uint8_t *retry = t->o.at;
    uint8_t *missing = emit_find(t, SITE(LEAVE_REQUEST, g->off, true));
    if (t->v->soft->debug & CPU_DEBUG_NO_SYS) {
        slow_path(t, missing, SITE(LEAVE_STEP, g->off, true), 0);
        return;
    }
    j->sites[j->nr_sites] =
        (struct site){.retry = code_at(t, retry), .off = g->off, .write = g->kind == KIND_CALL_TO};
    slow_path(t, missing, SITE(LEAVE_TARGET, j->nr_sites++, true), R11);
}

static bool no_jcache(struct translation *t, const struct guest_insn *g)
{
    if (!(t->v->soft->debug & CPU_DEBUG_NO_JCACHE))
        return false;
    emit_step(t, g->off);
    return true;
}

static void emit_indirect(struct translation *t, const struct guest_insn *g)
{
    if (no_jcache(t, g))
        return;
    flags_away(t, FL_ARITH, 0);
    load_target(t, g);
    scratch_lose(t, SCRATCH_REGS);
    find_target(t, g);
    if (g->kind == KIND_CALL_TO) {
        push_return(t, g, 1u << R9);
        emit_slot(t);
    }
    emit_land(t);
}

static void emit_ret(struct translation *t, const struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    int32_t pop = 8;
    if (no_jcache(t, g))
        return;
    if (i->ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE && i->z.operand_count)
        pop += (int32_t)i->ops[0].imm.value.u;
    flags_away(t, FL_ARITH, 0);
    struct place p = place_stack(t, g, RSP, 0, false, 0);
    scratch_lose(t, 1u << R9);
    load_place(t, R9, &p);
    find_target(t, g);
    lea(&t->o, RSP, RSP, pop);
    emit_land(t);
}

void emit_end(struct translation *t, const struct guest_insn *g)
{
    switch (g->kind) {
    case KIND_JCC:
    case KIND_JRCXZ:
        emit_cond(t, g);
        return;
    case KIND_JMP:
        if (g->loose) {
            flags_away(t, FL_ARITH, 0);
            emit_beyond_to(t, g);
            return;
        }
        flags_back(t, 0);
        emit_goto(t, g->target_disp, g->off, g->live_out);
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
    case KIND_CUT:
        emit_cut(t, g->off);
        return;
    case KIND_CALL_C:
        emit_call_c(t, g);
        return;
    default:
        emit_step(t, g->off);
    }
}
