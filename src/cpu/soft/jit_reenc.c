// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_reenc: an ordinary instruction runs as itself. Without a memory operand it is copied; with one, the
 * operand becomes [r9], [r10] or [r11], whichever is not an operand of its own: prefixes of address and
 * segment go, REX or VEX get the register's high bit, ModRM names it, the rest stays.
 *
 * Guest r9..r11 as operands are loaded before and stored after: flags do not mind, and a fault in between
 * leaves their old values. Source: Intel SDM vol. 2A, 2.1 to 2.3.
 */
#include "cpu/soft/jit_tr.h"

static bool segment_or_address(uint8_t p)
{
    return p == 0x26 || p == 0x2e || p == 0x36 || p == 0x3e || p == 0x64 || p == 0x65 || p == 0x67;
}

/* ModRM as [place], and what follows the displacement. */
static void put_tail(struct emit *e, const struct insn *i, struct place at)
{
    unsigned modrm = i->z.raw.modrm.offset;
    unsigned mod = !at.disp ? 0 : at.disp == (int8_t)at.disp ? 1 : 2;
    e_byte(e, mod << 6 | (i->bytes[modrm] & 0x38) | (at.reg & 7));
    if (mod == 1)
        e_byte(e, (uint8_t)at.disp);
    else if (mod == 2)
        e_u32(e, (uint32_t)at.disp);
    unsigned n = modrm + 1u + ((i->bytes[modrm] & 7) == 4) + i->z.raw.disp.size / 8u;
    for (; n < i->len; n++)
        e_byte(e, i->bytes[n]);
}

static void put_legacy(struct emit *e, const struct insn *i, struct place at)
{
    unsigned rex = 0x41;
    for (unsigned n = 0; n < i->z.raw.prefix_count; n++) {
        uint8_t p = i->z.raw.prefixes[n].value;
        if (!segment_or_address(p) && (p & 0xf0) != 0x40)
            e_byte(e, p);
    }
    if (i->z.attributes & ZYDIS_ATTRIB_HAS_REX)
        rex |= i->bytes[i->z.raw.rex.offset] & 0x4c;
    e_byte(e, rex);
    for (unsigned n = i->z.raw.prefix_count; n < i->z.raw.modrm.offset; n++)
        e_byte(e, i->bytes[n]);
    put_tail(e, i, at);
}

/* The three-byte form, with inverted X = 1 and B = 0. */
static void put_vex(struct emit *e, const struct insn *i, struct place at)
{
    const uint8_t *vex = i->bytes + i->z.raw.vex.offset;
    bool three = vex[0] == 0xc4;
    e_byte(e, 0xc4);
    e_byte(e, three ? (vex[1] & 0x9f) | 0x40 : (vex[1] & 0x80) | 0x41);
    e_byte(e, three ? vex[2] : vex[1] & 0x7f);
    for (unsigned n = i->z.raw.vex.offset + (three ? 3u : 2u); n < i->z.raw.modrm.offset; n++)
        e_byte(e, i->bytes[n]);
    put_tail(e, i, at);
}

bool plain_bit_number(const struct insn *i)
{
    return (i->mnemonic == ZYDIS_MNEMONIC_BT || i->mnemonic == ZYDIS_MNEMONIC_BTS ||
            i->mnemonic == ZYDIS_MNEMONIC_BTR || i->mnemonic == ZYDIS_MNEMONIC_BTC) &&
           i->ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER;
}

/* r10 = the word, counted from the operand's, that a bit number in a register reaches. */
static void bit_word(struct emit *e, const struct insn *i)
{
    unsigned bytes, shift, reg = operand_gpr(i->ops[1].reg.value, &bytes, &shift);
    bool spilled = reg >= R9 && reg <= R11;
    if (spilled)
        e_gs_load(e, R10, 8 * reg);
    unsigned from = spilled ? R10 : reg;
    if (bytes == 4) { /* movsxd r10, from */
        e_byte(e, 0x4c | from >> 3);
        e_byte(e, 0x63);
        e_byte(e, 0xc0 | (R10 & 7) << 3 | (from & 7));
        from = R10;
    }
    e_mov_imm32(e, R11, bytes == 8 ? 6 : 5);
    e_shift(e, SARX, R10, from, R11);
}

/* The instruction adds the word's distance itself: check there, then take it off again. */
static void bit_address(struct tr *t, const struct item *it)
{
    unsigned scale = it->i.op_bytes == 8 ? 3 : 2;
    t->r11_lost = true;
    mem_address(t, it, it->mem);
    bit_word(&t->e, &it->i);
    e_lea(&t->e, R9, R9, R10, scale, 0);
    mem_check(t, it, it->i.op_bytes, it->writes);
    bit_word(&t->e, &it->i);
    e_byte(&t->e, 0x49), e_byte(&t->e, 0xf7), e_byte(&t->e, 0xd2); /* not r10 */
    e_lea(&t->e, R9, R9, R10, scale, 1 << scale);
}

/* In a register that the instruction does not use itself. */
static struct place out_of_the_way(struct tr *t, const struct item *it, struct place at)
{
    if (!(it->spilled >> (at.reg - R9) & 1))
        return at;
    unsigned reg = R9;
    while (it->spilled >> (reg - R9) & 1)
        reg++;
    BUG_ON(reg > R11);
    e_mov(&t->e, reg, at.reg);
    t->r11_lost |= reg == R11;
    return (struct place){reg, at.disp};
}

static void exchange(struct tr *t, unsigned set, bool store)
{
    for (unsigned n = 0; n < 3; n++)
        if (set >> n & 1)
            e_gs(&t->e, store ? 0x89 : 0x8b, 1, R9 + n, 8 * (R9 + n));
}

void plain(struct tr *t, const struct item *it)
{
    const struct insn *i = &it->i;
    struct place at = {R9, 0};
    if (it->mem) {
        if (plain_bit_number(i))
            bit_address(t, it);
        else
            at = mem_place(t, it, 0, it->mem->size / 8, it->writes);
        at = out_of_the_way(t, it, at);
    }
    if (it->spilled >> (R11 - R9) & 1)
        t->r11_lost = true;
    exchange(t, it->read, false);
    if (!it->mem) {
        for (unsigned n = 0; n < i->len; n++)
            e_byte(&t->e, i->bytes[n]);
    } else if (i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX) {
        put_vex(&t->e, i, at);
    } else {
        put_legacy(&t->e, i, at);
    }
    exchange(t, it->written, true);
}
