// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_flow: jumps, calls, the stack, and the places where translated code looks up: polls and exits.
 *
 * Jumps within a page are linked to their targets directly; all others, with the target in r9, look into the
 * jump cache, without touching flags. r9 to r11 hold nothing of the guest at any of these places.
 */
#include "cpu/soft/jit_tr.h"

#define SLOT(n) (VCPU_OFF(scratch) + 8 * (n))

static bool is_spilled(unsigned reg)
{
    return reg >= R9 && reg <= R11;
}

static unsigned operand_reg(const ZydisDecodedOperand *op)
{
    unsigned bytes, shift;
    return operand_gpr(op->reg.value, &bytes, &shift);
}

/* ---- exits ---- */

static void leave(struct tr *t, uint32_t info, uint32_t stub)
{
    e_mov_imm32(&t->e, R10, info);
    e_jump(&t->e, JMP, tr_stub(t, stub));
}

void flow_step(struct tr *t, unsigned off, uint32_t op, unsigned len)
{
    leave(t, off | len << 12 | op << 16, t->j->exit_step);
}

/* Jump to the address in r9. undo: how to be back at the start of the instruction, see jit.c. */
static void jump_cached(struct tr *t, uint32_t undo)
{
    struct emit *e = &t->e;
    uint32_t half = jcache_half(t->mode);
    if (t->debug & CPU_DEBUG_NO_JCACHE) {
        leave(t, undo, t->j->exit_jump);
        return;
    }
    e_mov_imm32(e, R11, 12);
    e_shift(e, SHRX, R10, R9, R11);
    e_lea(e, R10, R10, R9, 0, 0);
    e_mov_imm32(e, R11, 64 - (JCACHE_BITS - 1));
    e_shift(e, SHLX, R10, R10, R11);
    e_mov_imm32(e, R11, 64 - (JCACHE_BITS - 1) - 4);
    e_shift(e, SHRX, R10, R10, R11);
    e_gs_store(e, RCX, SLOT(S_RCX));
    e_gs_at(e, 0x8b, RCX, R10, half + (uint32_t)offsetof(struct jcache_entry, va));
    e_lea(e, RCX, RCX, R9, 0, 0);
    uint8_t *hit = e_short(e, 0xe3); /* jrcxz */
    e_gs_load(e, RCX, SLOT(S_RCX));
    leave(t, undo, t->j->exit_jump);
    e_here(e, hit);
    e_gs_load(e, RCX, SLOT(S_RCX));
    e_byte(e, 0x65), e_byte(e, 0x41), e_byte(e, 0xff), e_byte(e, 0xa2); /* jmp gs:[r10 + code] */
    e_u32(e, half + (uint32_t)offsetof(struct jcache_entry, code));
}

static uint32_t undo_of(const struct item *it, unsigned pop)
{
    return it->off | pop << 12 | UNDO;
}

static bool in_page(int32_t to)
{
    return to >= 0 && to < (int32_t)RAM_PAGE;
}

/* Its number goes to the dispatcher, which links it. */
static void add_link(struct tr *t, uint8_t *disp, int32_t to)
{
    struct block *b = t->b;
    unsigned n = b->nr_out++;
    b->out[n] = (struct link){.site = (uint32_t)(disp - t->j->rw), .off = (uint16_t)to};
    tr_cold(t, COLD_LINK, disp, (uint32_t)(b - t->j->blocks) * 2 + n);
}

void flow_to(struct tr *t, int32_t to)
{
    if (in_page(to)) {
        e_align_disp(&t->e, 1);
        add_link(t, e_jump_later(&t->e, JMP), to);
    } else {
        mem_page_va(t, R9, to);
        jump_cached(t, 0);
    }
}

static void flow_if(struct tr *t, unsigned cc, int32_t to)
{
    if (in_page(to)) {
        e_align_disp(&t->e, cc == JMP ? 1 : 2);
        add_link(t, e_jump_later(&t->e, cc), to);
    } else {
        tr_cold(t, COLD_AWAY, e_jump_later(&t->e, cc), 0)->to = to;
    }
}

void flow_cold(struct tr *t, const struct cold *c)
{
    e_set(c->from, t->e.p);
    switch (c->kind) {
    case COLD_POLL:
        leave(t, (uint32_t)c->info, t->j->exit_poll);
        return;
    case COLD_LINK: {
        struct link *l = cache_link_of(t->j, (uint32_t)c->info);
        l->stub = (uint32_t)(t->e.p - t->j->rw);
        leave(t, (uint32_t)c->info, t->j->exit_link);
        return;
    }
    default:
        mem_page_va(t, R9, c->to);
        jump_cached(t, 0);
    }
}

void flow_poll(struct tr *t, const struct item *it)
{
    struct emit *e = &t->e;
    if (!it->live) {
        e_byte(e, 0x65), e_byte(e, 0x83), e_byte(e, 0x3c), e_byte(e, 0x25); /* cmp dword gs:[request], 0 */
        e_u32(e, VCPU_OFF(request));
        e_byte(e, 0);
        tr_cold(t, COLD_POLL, e_jump_later(e, 5), it->off);
        return;
    }
    e_gs_store(e, RCX, SLOT(S_RCX));
    e_gs(e, 0x8b, 0, RCX, VCPU_OFF(request));
    uint8_t *none = e_short(e, 0xe3);
    e_gs_load(e, RCX, SLOT(S_RCX));
    leave(t, it->off, t->j->exit_poll);
    e_here(e, none);
    e_gs_load(e, RCX, SLOT(S_RCX));
}

/* Kernels touch vectors rarely: their code looks whether they are there. User code always runs with them. */
void flow_vec_check(struct tr *t, const struct item *it)
{
    struct emit *e = &t->e;
    e_gs_store(e, RCX, SLOT(S_RCX));
    e_byte(e, 0x65), e_byte(e, 0x0f), e_byte(e, 0xb6), e_byte(e, 0x0c), e_byte(e, 0x25); /* movzx ecx, gs: */
    e_u32(e, VCPU_OFF(vec_live));
    uint8_t *dead = e_short(e, 0xe3), *go = e_short(e, 0xeb);
    e_here(e, dead);
    e_gs_load(e, RCX, SLOT(S_RCX));
    leave(t, it->off, t->j->exit_vec);
    e_here(e, go);
    e_gs_load(e, RCX, SLOT(S_RCX));
}

/* ---- stack ---- */

static void add_rsp(struct tr *t, int32_t by)
{
    e_lea(&t->e, RSP, RSP, NONE, 0, by);
}

/* r9 = value or target of an operand; lost: r10, r11. */
static void operand_value(struct tr *t, const struct item *it)
{
    const ZydisDecodedOperand *op = &it->i.ops[0];
    if (it->mem) {
        struct place at = mem_place(t, it, 0, 8, false);
        e_mem(&t->e, 0x8b, 1, R9, at.reg, NONE, 0, at.disp);
        return;
    }
    unsigned reg = operand_reg(op);
    if (is_spilled(reg))
        e_gs_load(&t->e, R9, 8 * reg);
    else
        e_mov(&t->e, R9, reg);
}

static struct place stack_place(struct tr *t, const struct item *it)
{
    return mem_place(t, it, 1, 8, it->kind == K_PUSH || it->kind == K_CALL);
}

static void push_reg(struct tr *t, const struct item *it, unsigned reg)
{
    struct place at = stack_place(t, it);
    if (is_spilled(reg)) {
        e_gs_load(&t->e, R10, 8 * reg);
        reg = R10;
    }
    e_mem(&t->e, 0x89, 1, reg, at.reg, NONE, 0, at.disp);
}

static void push(struct tr *t, const struct item *it)
{
    const ZydisDecodedOperand *op = &it->i.ops[0];
    struct emit *e = &t->e;
    if (it->mem) {
        operand_value(t, it);
        e_gs_store(e, R9, SLOT(S_TARGET));
        struct place at = stack_place(t, it);
        e_gs_load(e, R10, SLOT(S_TARGET));
        e_mem(e, 0x89, 1, R10, at.reg, NONE, 0, at.disp);
    } else if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        struct place at = stack_place(t, it);
        e_mem(e, 0xc7, 1, 0, at.reg, NONE, 0, at.disp);
        e_u32(e, (uint32_t)op->imm.value.s);
    } else {
        push_reg(t, it, operand_reg(op));
    }
    add_rsp(t, -8);
}

static void pop(struct tr *t, const struct item *it)
{
    unsigned reg = operand_reg(&it->i.ops[0]), to = is_spilled(reg) ? R9 : reg;
    struct place at = stack_place(t, it);
    if (reg != RSP)
        add_rsp(t, 8);
    e_mem(&t->e, 0x8b, 1, to, at.reg, NONE, 0, at.disp);
    if (to != reg || to == R9)
        e_gs_store(&t->e, R9, 8 * reg);
}

static void leave_frame(struct tr *t, const struct item *it)
{
    struct place at = stack_place(t, it);
    e_lea(&t->e, RSP, RBP, NONE, 0, 8);
    e_mem(&t->e, 0x8b, 1, RBP, at.reg, NONE, 0, at.disp);
}

/* ---- jumps ---- */

static int32_t target(const struct item *it)
{
    return (int32_t)(it->off + it->i.len + it->i.ops[0].imm.value.s);
}

static void push_return(struct tr *t, const struct item *it)
{
    struct place at = stack_place(t, it);
    mem_page_va(t, R10, it->off + it->i.len);
    e_mem(&t->e, 0x89, 1, R10, at.reg, NONE, 0, at.disp);
    add_rsp(t, -8);
}

static bool direct(const struct item *it)
{
    return it->i.ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
}

static void call(struct tr *t, const struct item *it)
{
    if (direct(it)) {
        push_return(t, it);
        flow_to(t, target(it));
        return;
    }
    operand_value(t, it);
    e_gs_store(&t->e, R9, SLOT(S_TARGET));
    push_return(t, it);
    e_gs_load(&t->e, R9, SLOT(S_TARGET));
    jump_cached(t, undo_of(it, 8) | UNDO_CALL);
}

static void jmp(struct tr *t, const struct item *it)
{
    if (direct(it)) {
        flow_to(t, target(it));
        return;
    }
    operand_value(t, it);
    jump_cached(t, undo_of(it, 0));
}

static void ret(struct tr *t, const struct item *it)
{
    const ZydisDecodedOperand *op = &it->i.ops[0];
    unsigned pop_bytes = 8 + (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? op->imm.value.u & 0xffff : 0);
    struct place at = stack_place(t, it);
    e_mem(&t->e, 0x8b, 1, R9, at.reg, NONE, 0, at.disp);
    add_rsp(t, (int32_t)pop_bytes);
    jump_cached(t, undo_of(it, pop_bytes));
}

/* LOOP and JRCXZ reach 127 bytes only: over a jump. */
static void loop(struct tr *t, const struct item *it)
{
    uint8_t *taken = e_short(&t->e, it->i.z.opcode);
    flow_if(t, JMP, it->next);
    e_here(&t->e, taken);
    flow_to(t, target(it));
}

void flow(struct tr *t, const struct item *it)
{
    switch (it->kind) {
    case K_LEA_RIP: {
        const ZydisDecodedOperand *op = &it->i.ops[1];
        unsigned reg = operand_reg(&it->i.ops[0]), to = is_spilled(reg) ? R9 : reg;
        mem_page_va(t, to, (int32_t)(op->mem.disp.value + it->off + it->i.len));
        if (is_spilled(reg))
            e_gs_store(&t->e, to, 8 * reg);
        return;
    }
    case K_PUSH:
        push(t, it);
        return;
    case K_POP:
        pop(t, it);
        return;
    case K_LEAVE:
        leave_frame(t, it);
        return;
    case K_JCC:
        flow_if(t, it->i.z.opcode & 15, target(it));
        flow_to(t, it->next);
        return;
    case K_LOOP:
        loop(t, it);
        return;
    case K_JMP:
        jmp(t, it);
        return;
    case K_CALL:
        call(t, it);
        return;
    case K_RET:
        ret(t, it);
        return;
    default:
        flow_step(t, it->off,
                  it->i.len ? jit_sys_op(&it->i, t->mode, it->next < RAM_PAGE ? t->page[it->next] : 0xf4) : 0,
                  it->i.len);
    }
}
