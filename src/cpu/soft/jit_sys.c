// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_sys: system instructions that are so frequent that they are emitted inline, and which others C runs for
 * translated code (jit_call.c).
 *
 * STI is inline before a NOP only, which then counts as executed: an interrupt that waits is taken after it.
 * Source: Intel SDM vol. 2: CLI, STI, PUSHF, RDTSC, RDTSCP, SWAPGS, MOV (segment and control registers).
 */
#include "cpu/soft/arch.h"
#include "cpu/soft/jit_block.h"
#include "cpu/soft/jit_call.h"

/* ---- what it is ---- */

/* Length of the NOP that starts here; 0: something else. */
static unsigned nop_bytes(const uint8_t *at, unsigned room)
{
    unsigned n = 0;
    while (n < room && n < 4 && (at[n] == 0x66 || at[n] == 0x2e))
        n++;
    if (n < room && at[n] == 0x90)
        return n + 1;
    if (n + 3 > room || at[n] != 0x0f || at[n + 1] != 0x1f)
        return 0;
    unsigned mod = at[n + 2] >> 6, rm = at[n + 2] & 7;
    n += 3;
    if (mod == 3 || (mod == 0 && (rm == 4 || rm == 5))) /* forms that nobody uses */
        return 0;
    n += (rm == 4) + (mod == 1 ? 1u : mod == 2 ? 4u : 0u);
    return n <= room ? n : 0;
}

static void inlined(struct guest_insn *g, enum op op, uint32_t arg)
{
    g->kind = KIND_SYS;
    g->op = (uint8_t)op;
    g->op_arg = arg;
}

static void classify_mov(struct guest_insn *g, uint32_t mode)
{
    unsigned bytes, shift;
    const ZydisDecodedOperand *to = &g->insn.ops[0], *from = &g->insn.ops[1];
    if (to->type != ZYDIS_OPERAND_TYPE_REGISTER || from->type != ZYDIS_OPERAND_TYPE_REGISTER)
        return;
    unsigned reg = operand_gpr(to->reg.value, &bytes, &shift);
    if (reg > 15)
        return;
    if (from->reg.value >= ZYDIS_REGISTER_ES && from->reg.value <= ZYDIS_REGISTER_GS && bytes >= 2)
        inlined(g, OP_READ_SEG, reg | operand_seg(from->reg.value) << 4 | (bytes == 2 ? OP_NARROW : 0));
    if ((from->reg.value == ZYDIS_REGISTER_CR2 || from->reg.value == ZYDIS_REGISTER_CR3) &&
        !(mode & MODE_USER))
        inlined(g, OP_READ_CR, reg | (from->reg.value == ZYDIS_REGISTER_CR2 ? 2u << 4 : 3u << 4));
}

static void classify_base(struct guest_insn *g, enum op op, unsigned seg)
{
    unsigned bytes, shift, reg = operand_gpr(g->insn.ops[0].reg.value, &bytes, &shift);
    if (reg < 16 && bytes >= 4)
        inlined(g, op, reg | seg << 4 | (bytes == 8 ? OP_WIDE : 0));
}

/* With flat segments, 64-bit addresses and no prefix out of the ordinary. */
static void classify_string(struct guest_insn *g, enum op op, unsigned bytes)
{
    const uint64_t odd = ZYDIS_ATTRIB_HAS_SEGMENT | ZYDIS_ATTRIB_HAS_ADDRESSSIZE | ZYDIS_ATTRIB_HAS_REPNE;
    if (g->insn.z.attributes & odd || !string_handler(&g->insn))
        return;
    g->op = (uint8_t)op;
    g->op_arg = bytes | (g->insn.z.attributes & ZYDIS_ATTRIB_HAS_REP ? OP_REPEATED : 0);
}

static void classify_kernel(struct guest_insn *g, const uint8_t *next, unsigned room)
{
    unsigned nop;
    switch (g->insn.mnemonic) {
    case ZYDIS_MNEMONIC_SWAPGS:
        inlined(g, OP_SWAPGS, 0);
        break;
    case ZYDIS_MNEMONIC_CLI:
        inlined(g, OP_CLI, 0);
        break;
    case ZYDIS_MNEMONIC_STI:
        if ((nop = nop_bytes(next, room)))
            inlined(g, OP_STI, nop);
        break;
    default:
        break;
    }
}

void sys_leave_to_c(struct guest_insn *g)
{
    g->kind = KIND_CALL_C;
    g->op = OP_ANY;
    g->op_arg = 0;
}

void sys_classify(struct guest_insn *g, uint32_t mode, const uint8_t *next, unsigned room)
{
    if (!(mode & MODE_LONG64))
        return;
    sys_leave_to_c(g);
    if (!(mode & MODE_USER))
        classify_kernel(g, next, room);
    switch (g->insn.mnemonic) {
    case ZYDIS_MNEMONIC_PUSHFQ:
        if (!(g->insn.z.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE)) {
            inlined(g, OP_PUSHFQ, 0);
            g->tested = FL_ARITH;
        }
        break;
    case ZYDIS_MNEMONIC_CLD:
        inlined(g, OP_CLD, 0);
        break;
    case ZYDIS_MNEMONIC_RDTSC:
        inlined(g, OP_RDTSC, 0);
        break;
    case ZYDIS_MNEMONIC_RDTSCP:
        inlined(g, OP_RDTSCP, 0);
        break;
    case ZYDIS_MNEMONIC_MOV:
        classify_mov(g, mode);
        break;
    case ZYDIS_MNEMONIC_RDFSBASE:
        classify_base(g, OP_READ_BASE, SEG_FS);
        break;
    case ZYDIS_MNEMONIC_RDGSBASE:
        classify_base(g, OP_READ_BASE, SEG_GS);
        break;
    case ZYDIS_MNEMONIC_WRFSBASE:
        classify_base(g, OP_WRITE_BASE, SEG_FS);
        break;
    case ZYDIS_MNEMONIC_WRGSBASE:
        classify_base(g, OP_WRITE_BASE, SEG_GS);
        break;
    case ZYDIS_MNEMONIC_MOVSB:
        classify_string(g, OP_MOVS, 1);
        break;
    case ZYDIS_MNEMONIC_MOVSD:
        classify_string(g, OP_MOVS, 4);
        break;
    case ZYDIS_MNEMONIC_MOVSQ:
        classify_string(g, OP_MOVS, 8);
        break;
    case ZYDIS_MNEMONIC_STOSB:
        classify_string(g, OP_STOS, 1);
        break;
    case ZYDIS_MNEMONIC_STOSD:
        classify_string(g, OP_STOS, 4);
        break;
    case ZYDIS_MNEMONIC_STOSQ:
        classify_string(g, OP_STOS, 8);
        break;
    default:
        break;
    }
}

/* ---- host code ---- */

enum { OP_OR_IMM = 0x0c, OP_AND_IMM = 0x24 };

/* op qword gs:[off], imm sign-extended */
static void gs64_imm(struct out *o, unsigned op, uint32_t off, uint32_t imm)
{
    put8(o, 0x65);
    put8(o, 0x48);
    put8(o, 0x81);
    put8(o, op);
    put8(o, 0x25);
    put32(o, off);
    put32(o, imm);
}

static void emit_swapgs(struct translation *t)
{
    struct out *o = &t->o;
    gs64(o, OP_LOAD, R10, VCPU_OFF(seg_base) + 8 * SEG_GS);
    gs64(o, OP_LOAD, R11, VCPU_OFF(kernel_gs_base));
    gs64(o, OP_STORE, R10, VCPU_OFF(kernel_gs_base));
    gs64(o, OP_STORE, R11, VCPU_OFF(seg_base) + 8 * SEG_GS);
    gs64(o, OP_STORE, R11, VCPU_OFF(seg[SEG_GS].base));
}

/* The way out leads behind the NOP. */
static void emit_sti(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    unsigned next = g->off + g->insn.len, after = next + g->op_arg;
    t->lines_ahead |= code_lines(next, g->op_arg);
    gs64_imm(o, OP_OR_IMM, VCPU_OFF(rflags), FL_IF);
    gs_is_zero32(o, VCPU_OFF(request));
    slow_path(t, jump_if(o, CC_NE), SITE(LEAVE_REQUEST, after, t->in_slot), 0);
    gs_is_zero8(o, VCPU_OFF(ask_intc));
    slow_path(t, jump_if(o, CC_NE), SITE(LEAVE_REQUEST, after, t->in_slot), 0);
}

/* op r/m32, reg32, both r9..r11 */
static void or32(struct out *o, unsigned to, unsigned from)
{
    put8(o, 0x45);
    put8(o, 0x09);
    put8(o, 0xc0 | (from & 7) << 3 | (to & 7));
}

static void emit_pushfq(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    struct place p = place_stack(t, g, RSP, -8, true, 0);
    unsigned a = scratch_take(t, place_regs(&p)), b = scratch_take(t, place_regs(&p) | 1u << a);
    gs32(o, OP_LOAD, a, VCPU_OFF(jit_flags)); /* see SLOT_FLAGS */
    move32(o, b, a);
    shift32(o, false, a, 8);
    and32(o, a, FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF);
    and32(o, b, 1);
    shift32(o, true, b, 11);
    or32(o, a, b);
    gs32(o, OP_LOAD, b, VCPU_OFF(rflags));
    and32(o, b, ~(FL_ARITH | FL_RF | FL_VM));
    or32(o, b, a);
    store_place(t, b, &p);
    lea(o, RSP, RSP, -8);
}

/* To the stepper, which faults, if CR4 has not this bit (or has it: CC_NE). */
static void emit_cr4(struct translation *t, const struct guest_insn *g, uint32_t bit, unsigned cc)
{
    struct out *o = &t->o;
    put8(o, 0x65); /* test dword gs:[cr4], bit */
    put8(o, 0xf7);
    put8(o, 0x04);
    put8(o, 0x25);
    put32(o, VCPU_OFF(cr4));
    put32(o, bit);
    slow_path(t, jump_if(o, cc), SITE(LEAVE_STEP, g->off, t->in_slot), 0);
}

/* CR4.TSD keeps time from user code. */
static void emit_rdtsc(struct translation *t, const struct guest_insn *g)
{
    static const uint8_t lfence[] = {0x0f, 0xae, 0xe8};
    static const uint8_t read[] = {
        0x0f, 0x31,             /* rdtsc */
        0x48, 0xc1, 0xe2, 0x20, /* shl rdx, 32 */
        0x48, 0x09, 0xd0,       /* or rax, rdx */
    };
    static const uint8_t halves[] = {
        0x48, 0x89, 0xc2,       /* mov rdx, rax */
        0x48, 0xc1, 0xea, 0x20, /* shr rdx, 32 */
        0x89, 0xc0,             /* mov eax, eax */
    };
    struct out *o = &t->o;
    if (t->mode & MODE_USER)
        emit_cr4(t, g, CR4_TSD, CC_NE);
    for (unsigned n = 0; g->op == OP_RDTSCP && n < sizeof(lfence); n++)
        put8(o, lfence[n]);
    for (unsigned n = 0; n < sizeof(read); n++)
        put8(o, read[n]);
    gs64(o, OP_ADD, RAX, VCPU_OFF(host_tsc_offset));
    for (unsigned n = 0; n < sizeof(halves); n++)
        put8(o, halves[n]);
    if (g->op == OP_RDTSCP)
        gs32(o, OP_LOAD, RCX, VCPU_OFF(tsc_aux));
}

static bool in_memory(unsigned reg)
{
    return reg >= R9 && reg <= R11;
}

/* A guest register := r11, whose upper half is zero if 32 bits are meant; 16 bits leave the rest alone. */
static void set_guest(struct translation *t, unsigned reg, bool narrow)
{
    struct out *o = &t->o;
    if (!narrow) {
        if (in_memory(reg))
            gs64(o, OP_STORE, R11, 8 * reg);
        else
            move(o, reg, R11);
        return;
    }
    put8(o, 0x66);
    if (in_memory(reg)) {
        gs32(o, OP_STORE, R11, 8 * reg);
        return;
    }
    put8(o, 0x44 | reg >> 3);
    put8(o, OP_STORE);
    put8(o, 0xc0 | (R11 & 7) << 3 | (reg & 7));
}

static void emit_read_seg(struct translation *t, const struct guest_insn *g)
{
    struct out *o = &t->o;
    unsigned seg = g->op_arg >> 4 & 15;
    put8(o, 0x65); /* movzx r11d, word gs:[sel] */
    put8(o, 0x44);
    put8(o, 0x0f);
    put8(o, 0xb7);
    put8(o, 0x1c);
    put8(o, 0x25);
    put32(o, VCPU_OFF(seg) + (uint32_t)(seg * sizeof(struct seg) + offsetof(struct seg, sel)));
    set_guest(t, g->op_arg & 15, g->op_arg & OP_NARROW);
}

static void emit_read_cr(struct translation *t, const struct guest_insn *g)
{
    gs64(&t->o, OP_LOAD, R11, g->op_arg >> 4 == 2 ? VCPU_OFF(cr2) : VCPU_OFF(cr3));
    set_guest(t, g->op_arg & 15, false);
}

static void emit_read_base(struct translation *t, const struct guest_insn *g)
{
    uint32_t at = VCPU_OFF(seg_base) + 8 * (g->op_arg >> 4 & 15);
    emit_cr4(t, g, CR4_FSGSBASE, CC_E);
    if (g->op_arg & OP_WIDE)
        gs64(&t->o, OP_LOAD, R11, at);
    else
        gs32(&t->o, OP_LOAD, R11, at);
    set_guest(t, g->op_arg & 15, false);
}

static void emit_write_base(struct translation *t, const struct guest_insn *g)
{
    static const uint8_t canonical[] = {
        0x4d, 0x89, 0xda,       /* mov r10, r11 */
        0x49, 0xc1, 0xe2, 0x10, /* shl r10, 16 */
        0x49, 0xc1, 0xfa, 0x10, /* sar r10, 16 */
        0x4d, 0x39, 0xda,       /* cmp r10, r11 */
    };
    struct out *o = &t->o;
    unsigned reg = g->op_arg & 15, seg = g->op_arg >> 4 & 15;
    emit_cr4(t, g, CR4_FSGSBASE, CC_E);
    if (in_memory(reg))
        gs64(o, OP_LOAD, R11, 8 * reg);
    else
        move(o, R11, reg);
    if (g->op_arg & OP_WIDE) {
        for (unsigned n = 0; n < sizeof(canonical); n++)
            put8(o, canonical[n]);
        slow_path(t, jump_if(o, CC_NE), SITE(LEAVE_STEP, g->off, t->in_slot), 0);
    } else {
        move32(o, R11, R11);
    }
    gs64(o, OP_STORE, R11, VCPU_OFF(seg_base) + 8 * seg);
    gs64(o, OP_STORE, R11, VCPU_OFF(seg) + (uint32_t)(seg * sizeof(struct seg) + offsetof(struct seg, base)));
}

/* r9 to r11 are used as needed: what they hold is in memory, too. */
void emit_sys(struct translation *t, const struct guest_insn *g)
{
    scratch_lose(t, SCRATCH_REGS);
    switch (g->op) {
    case OP_SWAPGS:
        emit_swapgs(t);
        return;
    case OP_READ_SEG:
        emit_read_seg(t, g);
        return;
    case OP_READ_CR:
        emit_read_cr(t, g);
        return;
    default:
        break;
    }
    flags_away(t, g->live_in, 0);
    switch (g->op) {
    case OP_CLI:
        gs64_imm(&t->o, OP_AND_IMM, VCPU_OFF(rflags), ~FL_IF);
        return;
    case OP_CLD:
        gs64_imm(&t->o, OP_AND_IMM, VCPU_OFF(rflags), ~FL_DF);
        return;
    case OP_STI:
        emit_sti(t, g);
        return;
    case OP_PUSHFQ:
        emit_pushfq(t, g);
        return;
    case OP_READ_BASE:
        emit_read_base(t, g);
        return;
    case OP_WRITE_BASE:
        emit_write_base(t, g);
        return;
    default:
        emit_rdtsc(t, g);
    }
}

/* The end of a block: C runs the instruction and says where to go on. */
void emit_call_c(struct translation *t, const struct guest_insn *g)
{
    flags_away(t, FL_ARITH, 0);
    set32(&t->o, R11, call_add(t->j, g));
    jump_to(&t->o, t->j->rw + t->j->call);
}
