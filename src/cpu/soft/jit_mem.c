// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_mem: memory operands. The linear address is made in one of r9..r11, checked against the TLB there
 * (t = va - tag; hit if t <= 4096 - size) and becomes a host address; the instruction itself is encoded again
 * with [reg] in place of its operand. Where guest flags are live they wait in the slot meanwhile.
 */
#include "cpu/soft/jit_block.h"

#define SCRATCH_REGS ((1u << R9) | (1u << R10) | (1u << R11))

void load_scratch(struct translation *t, uint16_t mask)
{
    for (unsigned r = R9; r <= R11; r++)
        if (mask >> r & 1)
            gs64(&t->o, OP_LOAD, r, 8 * r);
}

void store_scratch(struct translation *t, uint16_t mask)
{
    for (unsigned r = R9; r <= R11; r++)
        if (mask >> r & 1)
            gs64(&t->o, OP_STORE, r, 8 * r);
}

/* Any of r9..r11 but those in the mask. */
static unsigned other(uint32_t mask)
{
    for (unsigned r = R11; r >= R9; r--)
        if (!(mask >> r & 1))
            return r;
    bug(__FILE__, __LINE__, "no scratch register left");
}

/* ---- flags ---- */

void flags_away(struct translation *t, uint32_t live, unsigned tmp)
{
    if (!live || t->in_slot)
        return;
    flags_save(&t->o, tmp);
    t->in_slot = true;
}

void flags_back(struct translation *t, unsigned tmp)
{
    if (t->in_slot)
        flags_restore(&t->o, tmp);
    t->in_slot = false;
}

void flags_for(struct translation *t, const struct guest_insn *g, unsigned tmp)
{
    if (g->tested || (g->modified && g->live_out & ~g->killed))
        flags_back(t, tmp);
}

void flags_after(struct translation *t, const struct guest_insn *g)
{
    if (g->modified || !g->live_out)
        t->in_slot = false;
}

/* From here on the instruction may fault natively. */
static void mark_here(struct translation *t, const struct guest_insn *g)
{
    struct jit *j = t->j;
    if (g->faults)
        j->marks[j->nr_marks++] = (struct mark){code_at(t, t->o.at), g->off, t->in_slot};
}

static bool is_moffs(const struct insn *i)
{
    return i->z.raw.modrm.offset == 0;
}

/* LEA with the operand's own ModRM, SIB and displacement. */
static void lea_operand(struct translation *t, const struct insn *i, unsigned addr)
{
    struct out *o = &t->o;
    unsigned at = i->z.raw.modrm.offset, x = 0, b = 0;
    if (i->addr_bytes == 4)
        put8(o, 0x67);
    if (i->z.attributes & ZYDIS_ATTRIB_HAS_REX) {
        x = i->bytes[i->z.raw.rex.offset] >> 1 & 1;
        b = i->bytes[i->z.raw.rex.offset] & 1;
    } else if (i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX) {
        x = i->z.raw.vex.X ? 0 : 1;
        b = i->z.raw.vex.B ? 0 : 1;
        if (i->bytes[i->z.raw.vex.offset] == 0xc5)
            x = b = 0;
    }
    put8(o, 0x48 | (addr >> 3) << 2 | x << 1 | b);
    put8(o, 0x8d);
    put8(o, (i->bytes[at] & 0xc7u) | (addr & 7) << 3);
    unsigned rest = (i->z.raw.sib.offset ? 1u : 0u) + i->z.raw.disp.size / 8u;
    for (unsigned n = 1; n <= rest; n++)
        put8(o, i->bytes[at + n]);
}

void emit_address(struct translation *t, const struct guest_insn *g, unsigned addr, unsigned tmp)
{
    struct out *o = &t->o;
    const struct insn *i = &g->insn;
    const ZydisDecodedOperand *op = &i->ops[g->mem];
    load_scratch(t, g->address_uses);
    if (is_moffs(i)) {
        put8(o, 0x49);
        put8(o, 0xb8 | (addr & 7));
        put64(o, i->addr_bytes == 4 ? (uint32_t)op->mem.disp.value : (uint64_t)op->mem.disp.value);
    } else if (op->mem.base == ZYDIS_REGISTER_RIP) {
        gs64(o, OP_LOAD, addr, VCPU_OFF(page_va));
        lea(o, addr, addr, (int32_t)((int64_t)op->mem.disp.value + g->off + i->len));
    } else {
        lea_operand(t, i, addr);
    }
    if (op->mem.segment == ZYDIS_REGISTER_FS || op->mem.segment == ZYDIS_REGISTER_GS) {
        gs64(o, OP_LOAD, tmp, VCPU_OFF(seg_base) + 8 * operand_seg(op->mem.segment));
        lea_sum(o, addr, addr, tmp);
    }
}

void emit_check(struct translation *t, const struct guest_insn *g, const uint8_t *retry, unsigned addr,
                unsigned tmp, unsigned bytes, bool write)
{
    struct out *o = &t->o;
    struct jit *j = t->j;
    uint32_t tlb = write ? t->tlb_write : t->tlb_read;
    move32(o, tmp, addr);
    shift32(o, false, tmp, 12 - 4);
    and32(o, tmp, (TLB_SIZE - 1) << 4);
    gs64_at(o, OP_SUB, addr, tmp, tlb);
    cmp64(o, addr, RAM_PAGE - bytes);
    uint8_t *miss = jump_if(o, CC_A);
    j->sites[j->nr_sites] = (struct site){
        .retry = code_at(t, retry),
        .off = g->off,
        .addr = (uint8_t)addr,
        .index = (uint8_t)tmp,
        .bytes = (uint8_t)bytes,
        .write = write,
        .pair = g->has_mem && (g->kind == KIND_PUSH || g->kind == KIND_CALL_TO),
    };
    slow_path(t, miss, SITE(LEAVE_MISS, j->nr_sites++, t->in_slot), other(1u << addr | 1u << tmp));
    gs64_at(o, OP_ADD, addr, tmp, tlb + 8);
}

/* ---- the instruction itself ---- */

static void put_legacy(struct translation *t, const struct insn *i, unsigned addr)
{
    struct out *o = &t->o;
    unsigned rex = 0x40;
    for (unsigned n = 0; n < i->z.raw.prefix_count; n++) {
        uint8_t p = i->z.raw.prefixes[n].value;
        if ((p & 0xf0) == 0x40)
            continue;
        if (p == 0x26 || p == 0x2e || p == 0x36 || p == 0x3e || p == 0x64 || p == 0x65 || p == 0x67)
            continue;
        put8(o, p);
    }
    if (i->z.attributes & ZYDIS_ATTRIB_HAS_REX)
        rex = i->bytes[i->z.raw.rex.offset] & (is_moffs(i) ? 0xf8u : 0xfcu); /* RAX has no R */
    put8(o, rex | 1);
    if (is_moffs(i)) {
        static const uint8_t as_mov[] = {0x8a, 0x8b, 0x88, 0x89};
        put8(o, as_mov[i->z.opcode & 3]);
        put8(o, addr & 7);
        return;
    }
    for (unsigned n = i->z.raw.prefix_count; n < i->z.raw.modrm.offset; n++)
        put8(o, i->bytes[n]);
}

static void put_vex(struct translation *t, const struct insn *i)
{
    struct out *o = &t->o;
    const uint8_t *vex = i->bytes + i->z.raw.vex.offset;
    bool two = vex[0] == 0xc5;
    put8(o, 0xc4);
    if (two) {
        put8(o, (vex[1] & 0x80u) | 0x41); /* R; X = 1, B = 0: inverted; map 0F */
        put8(o, vex[1] & 0x7fu);          /* W = 0 */
    } else {
        put8(o, (vex[1] & 0x9fu) | 0x40);
        put8(o, vex[2]);
    }
    put8(o, i->z.opcode);
}

static void put_with_address(struct translation *t, const struct insn *i, unsigned addr)
{
    struct out *o = &t->o;
    if (i->z.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX)
        put_vex(t, i);
    else
        put_legacy(t, i, addr);
    if (is_moffs(i))
        return;
    unsigned at = i->z.raw.modrm.offset;
    put8(o, (i->bytes[at] & 0x38u) | (addr & 7));
    for (unsigned n = at + 1u + (i->z.raw.sib.offset ? 1 : 0) + i->z.raw.disp.size / 8u; n < i->len; n++)
        put8(o, i->bytes[n]);
}

void emit_mem(struct translation *t, const struct guest_insn *g)
{
    unsigned addr = other(g->uses), tmp = other(1u << addr); /* its register is loaded after the check */
    flags_away(t, g->live_in, addr);
    const uint8_t *retry = t->o.at;
    emit_address(t, g, addr, tmp);
    emit_check(t, g, retry, addr, tmp, g->mem_bytes, g->writes);
    flags_for(t, g, tmp);
    load_scratch(t, g->uses);
    mark_here(t, g);
    put_with_address(t, &g->insn, addr);
    store_scratch(t, g->sets);
    flags_after(t, g);
}

void emit_copy(struct translation *t, const struct guest_insn *g)
{
    flags_for(t, g, R11);
    load_scratch(t, g->uses);
    mark_here(t, g);
    for (unsigned n = 0; n < g->insn.len; n++)
        put8(&t->o, g->insn.bytes[n]);
    store_scratch(t, g->sets);
    flags_after(t, g);
}

void emit_lea_rip(struct translation *t, const struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    unsigned bytes, shift, to = operand_gpr(i->ops[0].reg.value, &bytes, &shift);
    int32_t disp = (int32_t)((int64_t)i->ops[1].mem.disp.value + g->off + i->len);
    gs64(&t->o, OP_LOAD, R11, VCPU_OFF(page_va));
    lea(&t->o, to, R11, disp);
    store_scratch(t, g->sets);
}

/* ---- the stack ---- */

void emit_push(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    const struct insn *i = &g->insn;
    flags_away(t, g->live_in, R11);
    const uint8_t *retry = o->at;
    if (g->has_mem) {
        emit_address(t, g, R9, R10);
        emit_check(t, g, retry, R9, R10, 8, false);
        mem64(o, OP_LOAD, R9, R9);
    }
    lea(o, R11, RSP, -8);
    emit_check(t, g, retry, R11, R10, 8, true);
    if (i->ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        put8(o, 0x49); /* mov qword [r11], imm32 */
        put8(o, 0xc7);
        put8(o, R11 & 7);
        put32(o, (uint32_t)i->ops[0].imm.value.u);
    } else {
        unsigned bytes, shift, reg = R9;
        if (!g->has_mem)
            reg = operand_gpr(i->ops[0].reg.value, &bytes, &shift);
        if (!g->has_mem && reg >= R9 && reg <= R11) {
            gs64(o, OP_LOAD, R10, 8 * reg);
            reg = R10;
        }
        mem64(o, OP_STORE, reg, R11);
    }
    lea(o, RSP, RSP, -8);
}

/* r10 := the word at [base]. */
static void pop_word(struct translation *t, const struct guest_insn *g, unsigned base)
{
    flags_away(t, g->live_in, R11);
    const uint8_t *retry = t->o.at;
    move(&t->o, R11, base);
    emit_check(t, g, retry, R11, R10, 8, false);
    mem64(&t->o, OP_LOAD, R10, R11);
}

void emit_pop(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    unsigned bytes, shift, reg = operand_gpr(g->insn.ops[0].reg.value, &bytes, &shift);
    pop_word(t, g, RSP);
    lea(o, RSP, RSP, 8);
    if (reg >= R9 && reg <= R11)
        gs64(o, OP_STORE, R10, 8 * reg);
    else
        move(o, reg, R10);
}

void emit_leave(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    pop_word(t, g, RBP);
    lea(o, RSP, RBP, 8);
    move(o, RBP, R10);
}

/* Before the first instruction of a block that needs them: are the guest's vectors in the registers? */
void emit_vectors(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    struct jit *j = t->j;
    flags_away(t, g->live_in, R11);
    uint8_t *retry = o->at;
    gs_is_zero8(o, VCPU_OFF(vec_live));
    uint8_t *absent = jump_if(o, CC_E);
    j->sites[j->nr_sites] = (struct site){.retry = code_at(t, retry), .off = g->off};
    slow_path(t, absent, SITE(LEAVE_VEC, j->nr_sites++, t->in_slot), R11);
    t->vectors = true;
}
