// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_bit: BT, BTS, BTR, BTC of memory with the bit's number in a register, which reaches beyond the operand:
 * the address moves by whole operands, the rest of the number selects the bit there. Source: Intel SDM vol.
 * 2A, BT, and 3.1.1.9 (bit offsets).
 */
#include "cpu/soft/jit_block.h"

/* reg64 := the guest's register, one of r9..r11 for those in memory */
static void load_guest(struct translation *t, unsigned reg, unsigned from)
{
    if (from >= R9 && from <= R11)
        gs64(&t->o, OP_LOAD, reg, 8 * from);
    else
        move(&t->o, reg, from);
}

/* r11 += (number in r10 / bits of an operand) * bytes of an operand */
static void move_address(struct translation *t, unsigned bytes)
{
    static const uint8_t wide[] = {
        0x49, 0xc1, 0xfa, 0x06, /* sar r10, 6 */
        0x4f, 0x8d, 0x1c, 0xd3, /* lea r11, [r11 + r10 * 8] */
    };
    static const uint8_t narrow[] = {
        0x4d, 0x63, 0xd2,       /* movsxd r10, r10d */
        0x49, 0xc1, 0xfa, 0x05, /* sar r10, 5 */
        0x4f, 0x8d, 0x1c, 0x93, /* lea r11, [r11 + r10 * 4] */
    };
    const uint8_t *code = bytes == 8 ? wide : narrow;
    for (unsigned n = 0; n < (bytes == 8 ? sizeof(wide) : sizeof(narrow)); n++)
        put8(&t->o, code[n]);
}

/* r11 := the operand's address, all three registers lost. */
static void operand_address(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    struct where w = where_operand(g);
    scratch_guest(t, g->address_uses);
    if (w.page) {
        gs64(o, OP_LOAD, R11, VCPU_OFF(page_va));
        lea(o, R11, R11, (int32_t)w.disp);
    } else {
        op64(o, OP_LEA, R11, w.base, w.index, w.scale, (int32_t)w.disp);
    }
    scratch_lose(t, SCRATCH_REGS);
}

/* r11 := host address of the operand that r11 points to. */
static void host_address(struct translation *t, const struct guest_insn *g, unsigned bytes)
{
    const struct where here = where_stack(R11, 0);
    t->holds[R11 - R9] = HOLDS_GUEST; /* not the guest's, but to be taken as it is */
    struct place p = place_of(t, g, 0, &here, bytes, g->writes, 1u << R11);
    op64(&t->o, OP_LEA, R11, p.base, p.index, 0, p.disp);
    scratch_lose(t, SCRATCH_REGS);
}

void emit_bit(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    const struct insn *i = &g->insn;
    unsigned bytes, shift, reg = operand_gpr(i->ops[1].reg.value, &bytes, &shift);
    flags_away(t, g->live_in, 0);
    scratch_lose(t, SCRATCH_REGS);
    operand_address(t, g);
    load_guest(t, R10, reg);
    move_address(t, bytes);
    host_address(t, g, bytes);
    load_guest(t, R9, reg);
    and32(o, R9, bytes * 8 - 1);
    flags_for(t, g, 1u << R9 | 1u << R11);
    if (i->z.attributes & ZYDIS_ATTRIB_HAS_LOCK)
        put8(o, 0xf0);
    put8(o, bytes == 8 ? 0x4d : 0x45); /* op [r11], r9 */
    put8(o, 0x0f);
    put8(o, i->z.opcode);
    put8(o, (R9 & 7) << 3 | (R11 & 7));
    flags_after(t, g);
    scratch_lose(t, SCRATCH_REGS);
}
