// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_loose: instructions whose immediate, or jumps whose displacement, is written again and again: they read
 * it from the guest's memory each time, and their block does not depend on it any more. It ends there, so
 * that each block has at most one such hole. Threads: jit's lock is held.
 */
#include "cpu/soft/jit_block.h"

#define OFTEN 2 /* writes after which a place counts as one that is patched */

static struct patched *entry_of(struct jit *j, uint64_t gpa)
{
    return &j->patched[(gpa * 0x9e3779b97f4a7c15ull) >> 58];
}

void loose_note(struct jit *j, uint64_t gpa)
{
    struct patched *e = entry_of(j, gpa);
    if (e->gpa != gpa)
        *e = (struct patched){.gpa = gpa};
    e->writes += e->writes < OFTEN;
    cache_page(j, gpa)->patched = true;
}

uint64_t loose_lines(struct jit *j, uint64_t gpa_page)
{
    uint64_t lines = 0;
    if (!cache_page(j, gpa_page)->patched)
        return 0;
    for (unsigned n = 0; n < JIT_PATCHED; n++)
        if (j->patched[n].writes >= OFTEN && j->patched[n].gpa - gpa_page < RAM_PAGE)
            lines |= code_lines(j->patched[n].gpa, 4);
    return lines;
}

/* ---- which ---- */

enum { NO, MOV, ARITH, TEST, IMUL, LEA, JUMP };

/* Without memory operand, of 4 or 8 bytes; one of r9 to r11 must be left for the number. */
static unsigned form_of(const struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    if ((g->uses & SCRATCH_REGS) == SCRATCH_REGS)
        return NO;
    if (g->kind == KIND_JMP || g->kind == KIND_CALL)
        return JUMP;
    if (g->kind != KIND_COPY || i->op_bytes < 4 || i->z.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
        return NO;
    switch (i->z.opcode) {
    case 0x8d:
        return i->addr_bytes == 8 && i->z.raw.disp.size == 32 && i->ops[1].mem.base != ZYDIS_REGISTER_RIP
                   ? LEA
                   : NO;
    case 0xb8 ... 0xbf:
    case 0xc7:
        return MOV;
    case 0x81:
        return ARITH;
    case 0x69:
        return IMUL;
    case 0xa9:
        return TEST;
    case 0xf7:
        return i->mnemonic == ZYDIS_MNEMONIC_TEST ? TEST : NO;
    default:
        return (i->z.opcode & 0xc7) == 0x05 ? ARITH : NO;
    }
}

static unsigned number_bytes(const struct insn *i)
{
    return (i->z.raw.imm[0].size ? i->z.raw.imm[0].size : i->z.raw.disp.size) / 8;
}

static unsigned number_at(const struct insn *i)
{
    return i->z.raw.imm[0].size ? i->z.raw.imm[0].offset : i->z.raw.disp.offset;
}

bool loose_wanted(struct translation *t, const struct guest_insn *g)
{
    if (!t->hot || !g->insn.len || form_of(g) == NO || number_bytes(&g->insn) < 4)
        return false;
    uint64_t gpa = (t->gpa & ~0xfffull) + g->off + number_at(&g->insn);
    const struct patched *e = entry_of(t->j, gpa);
    return e->writes >= OFTEN && e->gpa == gpa;
}

void loose_hole(struct block *b, const struct guest_insn *g)
{
    b->hole = (uint16_t)(g->off + number_at(&g->insn) - (b->gpa & 0xfff));
    b->hole_bytes = (uint8_t)number_bytes(&g->insn);
}

/* ---- code ---- */

/* op reg, [addr] or op reg, addr, of 4 bytes or 8; addr: r9 to r11 */
static void op_rm(struct out *o, bool wide, unsigned op, unsigned reg, unsigned addr, bool memory)
{
    put8(o, 0x41 | (wide ? 8u : 0) | (reg >> 3) << 2);
    put8(o, op);
    put8(o, (memory ? 0u : 0xc0u) | (reg & 7) << 3 | (addr & 7));
}

/* reg := where the number lies. */
static void put_address(struct translation *t, const struct guest_insn *g, unsigned reg)
{
    put8(&t->o, 0x49);
    put8(&t->o, 0xb8 | (reg & 7));
    put64(&t->o, (uint64_t)(uintptr_t)(t->page + g->off + number_at(&g->insn)));
}

enum { OP_MOVSXD = 0x63 };

void loose_load(struct translation *t, const struct guest_insn *g, unsigned reg)
{
    put_address(t, g, reg);
    op_rm(&t->o, true, OP_MOVSXD, reg, reg, true);
}

/* The register operand with a number of its own: the first, but where that is what IMUL sets. */
static unsigned register_of(const struct guest_insn *g, unsigned operand)
{
    unsigned bytes, shift;
    return operand_gpr(g->insn.ops[operand].reg.value, &bytes, &shift);
}

static void emit_mov(struct translation *t, const struct guest_insn *g, unsigned x)
{
    const struct insn *i = &g->insn;
    bool wide = i->op_bytes == 8, extend = wide && number_bytes(i) == 4;
    put_address(t, g, x);
    op_rm(&t->o, wide, extend ? OP_MOVSXD : OP_LOAD, register_of(g, 0), x, true);
}

static void emit_imul(struct translation *t, const struct guest_insn *g, unsigned x)
{
    bool wide = g->insn.op_bytes == 8;
    unsigned to = register_of(g, 0), from = register_of(g, 1);
    loose_load(t, g, x);
    put8(&t->o, 0x44 | (wide ? 8u : 0) | from >> 3); /* imul x, from */
    put8(&t->o, 0x0f);
    put8(&t->o, 0xaf);
    put8(&t->o, 0xc0 | (x & 7) << 3 | (from & 7));
    op_rm(&t->o, wide, OP_LOAD, to, x, false);
}

/* x + base, then all of it. */
static void emit_lea(struct translation *t, const struct guest_insn *g, unsigned x)
{
    struct where w = where_operand(g);
    unsigned to = register_of(g, 0);
    loose_load(t, g, x);
    if (w.base != NO_REG)
        op64(&t->o, OP_LEA, x, w.base, x, 0, 0);
    put8(&t->o, (g->insn.op_bytes == 8 ? 0x48u : 0x40u) | (to >> 3) << 2 | rex_of(x, w.index));
    put8(&t->o, OP_LEA);
    put_operand(&t->o, to, x, w.index, w.scale, 0);
}

static unsigned opcode_of(const struct insn *i, unsigned form)
{
    if (form == TEST)
        return 0x85;
    unsigned which = i->z.opcode == 0x81 ? i->z.raw.modrm.reg : i->z.opcode >> 3 & 7u;
    return which << 3 | 3;
}

void emit_loose(struct translation *t, const struct guest_insn *g)
{
    unsigned form = form_of(g), x;
    flags_for(t, g, 0);
    scratch_guest(t, g->loads);
    scratch_prepare(t, g->sets);
    x = scratch_take(t, g->uses | g->sets);
    switch (form) {
    case MOV:
        emit_mov(t, g, x);
        break;
    case IMUL:
        emit_imul(t, g, x);
        break;
    case LEA:
        emit_lea(t, g, x);
        break;
    default:
        loose_load(t, g, x);
        op_rm(&t->o, g->insn.op_bytes == 8, opcode_of(&g->insn, form), register_of(g, 0), x, false);
    }
    scratch_written(t, g->sets);
    flags_after(t, g);
}
