// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_string: REP MOVS and REP STOS of what lies in one page here and in one page there, upwards: the host's
 * own, with host addresses for a moment. Everything else, misses of the TLB among it, is C's (jit_call.c).
 * Source: Intel SDM vol. 2: REP, MOVS, STOS.
 */
#include "cpu/soft/jit_block.h"
#include "cpu/soft/jit_call.h"

#define FIRST (VCPU_OFF(scratch) + 8 * 4) /* the source's host address */

bool string_inline(const struct guest_insn *g)
{
    return g->kind == KIND_CALL_C && (g->op == OP_MOVS || g->op == OP_STOS) && g->op_arg & OP_REPEATED;
}

static void to_c(struct translation *t, uint8_t *from, uint32_t call)
{
    slow_path(t, from, call, 0)->call = true;
}

/* r11 := host address of what the register points to, if r9 bytes before the page's end are not passed. */
static void host_of(struct translation *t, unsigned reg, uint32_t tlb, uint32_t call)
{
    struct out *o = &t->o;
    move(o, R11, reg);
    move32(o, R10, R11);
    shift32(o, false, R10, 12 - 5);
    and32(o, R10, (TLB_SIZE - 1) << 5);
    gs64_at(o, OP_SUB, R11, R10, tlb);
    op_reg64(o, OP_CMP, R11, R9);
    to_c(t, jump_if(o, CC_A), call);
    gs64_at(o, OP_ADD, R11, R10, tlb + 8);
}

/* r9 := 4096 - bytes */
static void limit(struct translation *t, unsigned shift, uint32_t call)
{
    static const uint8_t negate[] = {0x49, 0xf7, 0xd9}; /* neg r9 */
    struct out *o = &t->o;
    move(o, R9, RCX);
    cmp64(o, R9, RAM_PAGE >> shift);
    to_c(t, jump_if(o, CC_A), call);
    if (shift)
        shift32(o, true, R9, shift);
    for (unsigned n = 0; n < sizeof(negate); n++)
        put8(o, negate[n]);
    lea(o, R9, R9, RAM_PAGE);
}

void emit_string(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    bool movs = g->op == OP_MOVS;
    unsigned bytes = g->op_arg & 15, shift = bytes == 8 ? 3 : bytes / 2;
    uint32_t call = call_add(t->j, g);
    scratch_lose(t, SCRATCH_REGS);
    flags_away(t, g->live_in, 0);
    gs_test32(o, VCPU_OFF(rflags), FL_DF);
    to_c(t, jump_if(o, CC_NE), call);
    limit(t, shift, call);
    if (movs) {
        host_of(t, RSI, t->tlb_read, call);
        gs64(o, OP_STORE, R11, FIRST);
    }
    host_of(t, RDI, t->tlb_write, call);
    move(o, R10, RDI);
    move(o, RDI, R11);
    if (movs) {
        move(o, R9, RSI);
        gs64(o, OP_LOAD, RSI, FIRST);
    }
    put8(o, 0xf3);
    if (bytes == 8)
        put8(o, 0x48);
    put8(o, (movs ? 0xa4u : 0xaau) | (bytes > 1));
    op_reg64(o, OP_SUB, RDI, R11);
    op_reg64(o, OP_ADD, RDI, R10);
    if (movs) {
        gs64(o, OP_SUB, RSI, FIRST);
        op_reg64(o, OP_ADD, RSI, R9);
    }
}
