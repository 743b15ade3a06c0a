// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_mem: instructions that are copied, with another memory operand if they have one, and those that work on
 * the stack. What they need of r9 to r11 is fetched after the address has been made.
 */
#include "cpu/soft/jit_block.h"

/* From here on the instruction may fault natively. */
static void mark_here(struct translation *t, const struct guest_insn *g)
{
    struct jit *j = t->j;
    if (g->faults)
        j->marks[j->nr_marks++] = (struct mark){code_at(t, t->o.at), g->off, t->in_slot};
}

void load_place(struct translation *t, unsigned reg, const struct place *p)
{
    op64(&t->o, OP_LOAD, reg, p->base, p->index, p->scale, p->disp);
}

void store_place(struct translation *t, unsigned reg, const struct place *p)
{
    op64(&t->o, OP_STORE, reg, p->base, p->index, p->scale, p->disp);
}

struct place place_operand(struct translation *t, const struct guest_insn *g, unsigned bytes, bool write)
{
    struct where w = where_operand(g);
    return place_of(t, g, 0, &w, bytes, write, 0);
}

struct place place_stack(struct translation *t, const struct guest_insn *g, unsigned base, int32_t disp,
                         bool write, uint32_t keep)
{
    struct where w = where_stack(base, disp);
    return place_of(t, g, 1, &w, 8, write, keep);
}

/* AH cannot be named beside r9 to r11: RAX is rotated, and AL is what AH was. The same for CH, DH, BH. */
static void put_high(struct translation *t, const struct guest_insn *g, struct place *p)
{
    struct out *o = &t->o;
    unsigned reg = (g->insn.bytes[g->insn.z.raw.modrm.offset] >> 3 & 7u) - 4;
    if (p->base == reg || p->index == reg) {
        unsigned a = scratch_take(t, place_regs(p));
        op64(o, OP_LEA, a, p->base, p->index, p->scale, p->disp);
        *p = (struct place){.base = (uint8_t)a, .index = NO_REG};
    }
    rorx_low64(o, reg, 8);
    put_with_place(o, &g->insn, p, true);
    rorx_low64(o, reg, 56);
}

void emit_mem(struct translation *t, const struct guest_insn *g)
{
    struct place p = place_operand(t, g, g->mem_bytes, g->writes);
    flags_for(t, g, place_regs(&p));
    scratch_guest(t, g->loads);
    scratch_prepare(t, g->sets);
    mark_here(t, g);
    if (g->high)
        put_high(t, g, &p);
    else
        put_with_place(&t->o, &g->insn, &p, false);
    scratch_written(t, g->sets);
    flags_after(t, g);
}

void emit_copy(struct translation *t, const struct guest_insn *g)
{
    flags_for(t, g, 0);
    scratch_guest(t, g->loads);
    scratch_prepare(t, g->sets);
    mark_here(t, g);
    shape_number(t, g);
    insn_copy(t->o.at, &g->insn);
    t->o.at += g->insn.len;
    scratch_written(t, g->sets);
    flags_after(t, g);
}

void emit_lea_rip(struct translation *t, const struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    unsigned bytes, shift, to = operand_gpr(i->ops[0].reg.value, &bytes, &shift);
    int32_t disp = (int32_t)((int64_t)i->ops[1].mem.disp.value + g->off + i->len);
    scratch_prepare(t, g->sets);
    gs64(&t->o, OP_LOAD, to, VCPU_OFF(page_va));
    lea(&t->o, to, to, disp);
    scratch_written(t, g->sets);
}

/* ---- the stack ---- */

/* mov qword [place], imm32 */
static void store_imm(struct out *o, const struct place *p, uint32_t imm)
{
    put8(o, 0x48 | rex_of(p->base, p->index));
    put8(o, 0xc7);
    put_operand(o, 0, p->base, p->index, p->scale, p->disp);
    put32(o, imm);
}

void settle_rsp(struct translation *t)
{
    if (t->rsp_off)
        lea(&t->o, RSP, RSP, t->rsp_off);
    t->rsp_off = 0;
}

/* As place_stack, while RSP may be behind. If there is a check to be made it must not be, for that may leave.
 */
static struct place place_top(struct translation *t, const struct guest_insn *g, int32_t disp, bool write,
                              uint32_t keep)
{
    if (!check_is_made(t, g, 1))
        settle_rsp(t);
    struct place p = place_stack(t, g, RSP, disp, write, keep);
    p.disp += t->rsp_off;
    return p;
}

static void push_memory(struct translation *t, const struct guest_insn *g)
{
    struct place p = place_operand(t, g, 8, false);
    unsigned value = scratch_take(t, 0);
    load_place(t, value, &p);
    p = place_top(t, g, -8, true, 1u << value);
    store_place(t, value, &p);
}

void emit_push(struct translation *t, const struct guest_insn *g)
{
    const ZydisDecodedOperand *op = &g->insn.ops[0];
    unsigned bytes, shift, value = RSP;
    if (op->type == ZYDIS_OPERAND_TYPE_REGISTER)
        value = operand_gpr(op->reg.value, &bytes, &shift);
    if (g->has_mem || value == RSP)
        settle_rsp(t);
    if (g->has_mem) {
        push_memory(t, g);
    } else {
        struct place p = place_top(t, g, -8, true, 0);
        scratch_guest(t, g->loads);
        if (op->type == ZYDIS_OPERAND_TYPE_REGISTER)
            store_place(t, value, &p);
        else
            store_imm(&t->o, &p, (uint32_t)op->imm.value.u);
    }
    t->rsp_off -= 8;
}

void emit_pop(struct translation *t, const struct guest_insn *g)
{
    unsigned bytes, shift, reg = operand_gpr(g->insn.ops[0].reg.value, &bytes, &shift);
    struct place p = place_top(t, g, 0, false, 0);
    scratch_lose(t, g->sets);
    load_place(t, reg, &p);
    scratch_written(t, g->sets);
    t->rsp_off = reg == RSP ? 0 : t->rsp_off + 8;
}

void emit_leave(struct translation *t, const struct guest_insn *g)
{
    struct place p = place_stack(t, g, RBP, 0, false, 0);
    lea(&t->o, RSP, RBP, 8);
    load_place(t, RBP, &p);
}

/* Before the first instruction of a block that needs them: are the guest's vectors in the registers? User
 * code is not entered without. */
void emit_vectors(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    struct jit *j = t->j;
    t->vectors = true;
    if (t->mode & MODE_USER)
        return;
    flags_away(t, g->live_in, 0);
    unsigned x = scratch_take(t, 0);
    uint8_t *retry = o->at;
    gs_is_zero8(o, VCPU_OFF(vec_live));
    uint8_t *absent = jump_if(o, CC_E);
    j->sites[j->nr_sites] = (struct site){.retry = code_at(t, retry), .off = g->off};
    slow_path(t, absent, SITE(LEAVE_VEC, j->nr_sites++, t->in_slot), x);
}
