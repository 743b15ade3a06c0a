// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * step_flow: near jumps, calls and returns, the stack, LEA, and what does nothing.
 *
 * Source: Intel SDM vol. 2: Jcc, JMP, CALL, RET, LOOP, PUSH, POP, PUSHA, POPA, ENTER, LEAVE, LEA, NOP, CLD,
 * STD.
 */
#include "cpu/soft/step.h"

/* ---- jumps ---- */

static unsigned target_bytes(const struct vcpu *v, const struct insn *i)
{
    return v->mode & MODE_LONG64 ? 8 : i->op_bytes;
}

static uint64_t check_target(struct vcpu *v, uint64_t to, unsigned bytes)
{
    if (bytes == 8) {
        if (!va_canonical(to))
            soft_fault_code(v, EXC_GP, 0);
        return to;
    }
    to &= bytes == 2 ? 0xffff : 0xffffffff;
    if (to > v->seg[SEG_CS].limit)
        soft_fault_code(v, EXC_GP, 0);
    return to;
}

static uint64_t target(struct vcpu *v, const struct insn *i)
{
    const ZydisDecodedOperand *op = &i->ops[0];
    unsigned bytes = target_bytes(v, i);
    uint64_t to = op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? v->rip + i->len + (uint64_t)op->imm.value.s
                                                           : operand_read(v, i, op, bytes);
    return check_target(v, to, bytes);
}

static void jmp(struct vcpu *v, struct stepped *s)
{
    v->rip = target(v, &s->insn);
}

static void call(struct vcpu *v, struct stepped *s)
{
    uint64_t to = target(v, &s->insn);
    struct stack st = stack_now(v);
    stack_push(v, &st, sys_next_rip(v, &s->insn), target_bytes(v, &s->insn));
    stack_commit(v, &st);
    v->rip = to;
}

static void ret(struct vcpu *v, struct stepped *s)
{
    const struct insn *i = &s->insn;
    unsigned bytes = target_bytes(v, i);
    struct stack st = stack_now(v);
    uint64_t to = check_target(v, stack_pop(v, &st, bytes), bytes);
    if (i->ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
        st.sp += i->ops[0].imm.value.u & 0xffff;
    stack_commit(v, &st);
    v->rip = to;
}

/* Source: Intel SDM vol. 1, appendix B (condition codes). */
static bool condition(uint64_t flags, unsigned code)
{
    bool yes, cf = flags & FL_CF, zf = flags & FL_ZF, less = !(flags & FL_SF) != !(flags & FL_OF);
    switch (code >> 1 & 7) {
    case 0:
        yes = flags & FL_OF;
        break;
    case 1:
        yes = cf;
        break;
    case 2:
        yes = zf;
        break;
    case 3:
        yes = cf || zf;
        break;
    case 4:
        yes = flags & FL_SF;
        break;
    case 5:
        yes = flags & FL_PF;
        break;
    case 6:
        yes = less;
        break;
    default:
        yes = zf || less;
    }
    return yes != (code & 1);
}

static void jcc(struct vcpu *v, struct stepped *s)
{
    if (condition(v->rflags, s->insn.z.opcode))
        v->rip = target(v, &s->insn);
    else
        step_done(v, s);
}

static void loop(struct vcpu *v, struct stepped *s)
{
    const struct insn *i = &s->insn;
    uint64_t count = gpr_read(v, RCX, i->addr_bytes);
    bool taken;
    if (i->mnemonic == ZYDIS_MNEMONIC_JCXZ || i->mnemonic == ZYDIS_MNEMONIC_JECXZ ||
        i->mnemonic == ZYDIS_MNEMONIC_JRCXZ) {
        taken = count == 0;
    } else {
        count--;
        taken = i->addr_bytes == 8 ? count != 0 : (count & (i->addr_bytes == 4 ? 0xffffffff : 0xffff)) != 0;
        if (i->mnemonic != ZYDIS_MNEMONIC_LOOP)
            taken = taken && !(v->rflags & FL_ZF) == (i->mnemonic == ZYDIS_MNEMONIC_LOOPNE);
    }
    uint64_t to = taken ? target(v, i) : sys_next_rip(v, i);
    if (i->mnemonic == ZYDIS_MNEMONIC_LOOP || i->mnemonic == ZYDIS_MNEMONIC_LOOPE ||
        i->mnemonic == ZYDIS_MNEMONIC_LOOPNE)
        gpr_write(v, RCX, i->addr_bytes, count);
    v->rip = to;
}

/* ---- stack ---- */

static void push(struct vcpu *v, struct stepped *s)
{
    const struct insn *i = &s->insn;
    unsigned bytes = sys_push_bytes(v, i);
    uint64_t val = i->ops[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? (uint64_t)i->ops[0].imm.value.s
                                                                  : operand_read(v, i, &i->ops[0], bytes);
    struct stack st = stack_now(v);
    stack_push(v, &st, val, bytes);
    stack_commit(v, &st);
    step_done(v, s);
}

/* The address of a memory operand is computed with the stack pointer after the pop; if the store faults,
 * nothing has happened. */
static void pop(struct vcpu *v, struct stepped *s)
{
    const struct insn *i = &s->insn;
    unsigned bytes = sys_push_bytes(v, i);
    struct stack st = stack_now(v);
    uint64_t val = stack_pop(v, &st, bytes), rsp = v->gpr[RSP];
    if (i->ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY) {
        stack_commit(v, &st);
        uint64_t after = v->gpr[RSP], off = operand_offset(v, i, &i->ops[0]);
        v->gpr[RSP] = rsp;
        mmu_write(v, mmu_linear(v, operand_seg(i->ops[0].mem.segment), off, bytes, ACCESS_WRITE), &val,
                  bytes);
        v->gpr[RSP] = after;
    } else {
        stack_commit(v, &st);
        operand_write(v, i, &i->ops[0], bytes, val);
    }
    step_done(v, s);
}

static void pusha(struct vcpu *v, struct stepped *s)
{
    unsigned bytes = s->insn.mnemonic == ZYDIS_MNEMONIC_PUSHA ? 2 : 4;
    struct stack st = stack_now(v);
    for (unsigned reg = RAX; reg <= RDI; reg++)
        stack_push(v, &st, v->gpr[reg], bytes);
    stack_commit(v, &st);
    step_done(v, s);
}

static void popa(struct vcpu *v, struct stepped *s)
{
    unsigned bytes = s->insn.mnemonic == ZYDIS_MNEMONIC_POPA ? 2 : 4;
    struct stack st = stack_now(v);
    uint64_t val[8];
    for (unsigned reg = RDI + 1; reg-- > RAX;)
        val[reg] = stack_pop(v, &st, bytes);
    for (unsigned reg = RAX; reg <= RDI; reg++)
        if (reg != RSP)
            gpr_write(v, reg, bytes, val[reg]);
    stack_commit(v, &st);
    step_done(v, s);
}

static void enter(struct vcpu *v, struct stepped *s)
{
    const struct insn *i = &s->insn;
    unsigned bytes = sys_push_bytes(v, i), level = (unsigned)i->ops[1].imm.value.u & 31;
    struct stack st = stack_now(v), frames = st;
    stack_push(v, &st, v->gpr[RBP], bytes);
    uint64_t frame = st.sp;
    frames.sp = v->gpr[RBP];
    for (unsigned n = 1; n < level; n++) {
        frames.sp -= bytes;
        struct stack at = frames;
        stack_push(v, &st, stack_pop(v, &at, bytes), bytes);
    }
    if (level)
        stack_push(v, &st, frame, bytes);
    st.sp -= i->ops[0].imm.value.u & 0xffff;
    struct stack last = st; /* a write there must be possible, though none is made */
    last.sp += bytes;
    stack_probe(v, &last, bytes);
    gpr_write(v, RBP, bytes, frame);
    stack_commit(v, &st);
    step_done(v, s);
}

static void leave(struct vcpu *v, struct stepped *s)
{
    unsigned bytes = sys_push_bytes(v, &s->insn);
    struct stack st = stack_now(v);
    st.sp = v->gpr[RBP];
    uint64_t val = stack_pop(v, &st, bytes);
    stack_commit(v, &st);
    gpr_write(v, RBP, bytes, val);
    step_done(v, s);
}

/* ---- the rest ---- */

static void lea(struct vcpu *v, struct stepped *s)
{
    const struct insn *i = &s->insn;
    operand_write(v, i, &i->ops[0], i->op_bytes, operand_offset(v, i, &i->ops[1]));
    step_done(v, s);
}

static void nothing(struct vcpu *v, struct stepped *s)
{
    step_done(v, s);
}

/* Caches are coherent, but the address must be there. */
static void flush_line(struct vcpu *v, struct stepped *s)
{
    mmu_host(v, operand_linear(v, &s->insn, &s->insn.ops[0], 1, ACCESS_READ), 1, ACCESS_READ);
    step_done(v, s);
}

static void cld(struct vcpu *v, struct stepped *s)
{
    v->rflags &= ~(uint64_t)FL_DF;
    step_done(v, s);
}

static void std(struct vcpu *v, struct stepped *s)
{
    v->rflags |= FL_DF;
    step_done(v, s);
}

step_fn *flow_handler(const struct insn *i)
{
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_JMP:
        return jmp;
    case ZYDIS_MNEMONIC_CALL:
        return call;
    case ZYDIS_MNEMONIC_RET:
        return ret;
    case ZYDIS_MNEMONIC_JO:
    case ZYDIS_MNEMONIC_JNO:
    case ZYDIS_MNEMONIC_JB:
    case ZYDIS_MNEMONIC_JNB:
    case ZYDIS_MNEMONIC_JZ:
    case ZYDIS_MNEMONIC_JNZ:
    case ZYDIS_MNEMONIC_JBE:
    case ZYDIS_MNEMONIC_JNBE:
    case ZYDIS_MNEMONIC_JS:
    case ZYDIS_MNEMONIC_JNS:
    case ZYDIS_MNEMONIC_JP:
    case ZYDIS_MNEMONIC_JNP:
    case ZYDIS_MNEMONIC_JL:
    case ZYDIS_MNEMONIC_JNL:
    case ZYDIS_MNEMONIC_JLE:
    case ZYDIS_MNEMONIC_JNLE:
        return jcc;
    case ZYDIS_MNEMONIC_LOOP:
    case ZYDIS_MNEMONIC_LOOPE:
    case ZYDIS_MNEMONIC_LOOPNE:
    case ZYDIS_MNEMONIC_JCXZ:
    case ZYDIS_MNEMONIC_JECXZ:
    case ZYDIS_MNEMONIC_JRCXZ:
        return loop;
    case ZYDIS_MNEMONIC_PUSH:
        return push;
    case ZYDIS_MNEMONIC_POP:
        return pop;
    case ZYDIS_MNEMONIC_PUSHA:
    case ZYDIS_MNEMONIC_PUSHAD:
        return pusha;
    case ZYDIS_MNEMONIC_POPA:
    case ZYDIS_MNEMONIC_POPAD:
        return popa;
    case ZYDIS_MNEMONIC_ENTER:
        return enter;
    case ZYDIS_MNEMONIC_LEAVE:
        return leave;
    case ZYDIS_MNEMONIC_LEA:
        return lea;
    case ZYDIS_MNEMONIC_NOP:
    case ZYDIS_MNEMONIC_ENDBR32:
    case ZYDIS_MNEMONIC_ENDBR64:
    case ZYDIS_MNEMONIC_RDSSPD:
    case ZYDIS_MNEMONIC_RDSSPQ:
    case ZYDIS_MNEMONIC_PREFETCH:
    case ZYDIS_MNEMONIC_PREFETCHNTA:
    case ZYDIS_MNEMONIC_PREFETCHT0:
    case ZYDIS_MNEMONIC_PREFETCHT1:
    case ZYDIS_MNEMONIC_PREFETCHT2:
    case ZYDIS_MNEMONIC_PREFETCHW:
    case ZYDIS_MNEMONIC_PREFETCHWT1:
        return nothing;
    case ZYDIS_MNEMONIC_CLFLUSH:
    case ZYDIS_MNEMONIC_CLFLUSHOPT:
    case ZYDIS_MNEMONIC_CLWB:
        return flush_line;
    case ZYDIS_MNEMONIC_CLD:
        return cld;
    case ZYDIS_MNEMONIC_STD:
        return std;
    default:
        return NULL;
    }
}
