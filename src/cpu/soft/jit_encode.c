// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_encode: an instruction with another memory operand: prefixes, REX or VEX, ModRM, SIB and displacement
 * are patched, everything else stays. Source: Intel SDM vol. 2A, 2.1 to 2.3.
 */
#include "cpu/soft/jit_block.h"

static bool is_moffs(const struct insn *i)
{
    return i->z.raw.modrm.offset == 0;
}

static void put_legacy(struct out *o, const struct insn *i, const struct place *p)
{
    unsigned rex = 0x40;
    for (unsigned n = 0; n < i->z.raw.prefix_count; n++) {
        uint8_t b = i->z.raw.prefixes[n].value;
        if ((b & 0xf0) == 0x40)
            continue;
        if (b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 || b == 0x65 || b == 0x67)
            continue;
        put8(o, b);
    }
    if (i->z.attributes & ZYDIS_ATTRIB_HAS_REX)
        rex = i->bytes[i->z.raw.rex.offset] & (is_moffs(i) ? 0xf8u : 0xfcu); /* RAX has no R */
    put8(o, rex | rex_of(p->base, p->index));
    if (is_moffs(i)) {
        static const uint8_t as_mov[] = {0x8a, 0x8b, 0x88, 0x89};
        put8(o, as_mov[i->z.opcode & 3]);
        return;
    }
    for (unsigned n = i->z.raw.prefix_count; n < i->z.raw.modrm.offset; n++)
        put8(o, i->bytes[n]);
}

static void put_vex(struct out *o, const struct insn *i, const struct place *p)
{
    const uint8_t *vex = i->bytes + i->z.raw.vex.offset;
    unsigned xb = rex_of(p->base, p->index) ^ 3; /* inverted */
    put8(o, 0xc4);
    if (vex[0] == 0xc5) {
        put8(o, (vex[1] & 0x80u) | xb << 5 | 1); /* R; map 0F */
        put8(o, vex[1] & 0x7fu);                 /* W = 0 */
    } else {
        put8(o, (vex[1] & 0x9fu) | xb << 5);
        put8(o, vex[2]);
    }
    put8(o, i->z.opcode);
}

void put_with_place(struct out *o, const struct insn *i, const struct place *p, bool high)
{
    if (i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX)
        put_vex(o, i, p);
    else
        put_legacy(o, i, p);
    if (is_moffs(i)) {
        put_operand(o, RAX, p->base, p->index, p->scale, p->disp);
        return;
    }
    unsigned at = i->z.raw.modrm.offset;
    unsigned reg = i->bytes[at] >> 3 & 7u;
    put_operand(o, high ? reg - 4 : reg, p->base, p->index, p->scale, p->disp);
    for (unsigned n = at + 1u + (i->z.raw.sib.offset ? 1 : 0) + i->z.raw.disp.size / 8u; n < i->len; n++)
        put8(o, i->bytes[n]);
}
