// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_sys: privileged and string instructions that are so frequent that the dispatcher runs them at once,
 * without the stepper's fetch and decode. Those that look at no operand go to the same functions as from the
 * stepper, with an instruction that says its length and size only.
 *
 * STI counts as over at once, without the shadow, if nothing waits for it: an interrupt that comes just then
 * may be taken before the next instruction instead of after it. Not before HLT, where that would be a lost
 * wake-up.
 */
#include "cpu/soft/jit.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "cpu/soft/run.h"
#include "cpu/soft/step.h"

#define PAUSES_PER_YIELD 128u

enum op {
    OP_NONE,
    OP_CLI,
    OP_STI,
    OP_READ_SEG, /* arg: register | segment << 4 */
    OP_STOS,     /* arg: bytes | 16 if repeated */
    OP_MOVS,
    OP_PAUSE,
    OP_SYS, /* from here on: plain[] */
};

static const struct plain {
    uint16_t mnemonic;
    sys_fn *run;
} plain[] = {
    {ZYDIS_MNEMONIC_PUSHFQ, sys_pushf},    {ZYDIS_MNEMONIC_POPFQ, sys_popf},
    {ZYDIS_MNEMONIC_IRETQ, sys_iret},      {ZYDIS_MNEMONIC_SWAPGS, sys_swapgs},
    {ZYDIS_MNEMONIC_SYSCALL, sys_syscall}, {ZYDIS_MNEMONIC_SYSRET, sys_sysret},
    {ZYDIS_MNEMONIC_RDTSC, sys_rdtsc},     {ZYDIS_MNEMONIC_RDTSCP, sys_rdtscp},
    {ZYDIS_MNEMONIC_RDMSR, sys_rdmsr},     {ZYDIS_MNEMONIC_WRMSR, sys_wrmsr},
    {ZYDIS_MNEMONIC_CPUID, sys_cpuid},     {ZYDIS_MNEMONIC_CLTS, sys_clts},
};
#define NR_PLAIN (sizeof(plain) / sizeof(plain[0]))

static uint32_t op(enum op n, unsigned arg)
{
    return n | arg << 8;
}

static uint32_t read_seg(const struct insn *i)
{
    unsigned bytes, shift;
    const ZydisDecodedOperand *to = &i->ops[0], *from = &i->ops[1];
    if (to->type != ZYDIS_OPERAND_TYPE_REGISTER || from->type != ZYDIS_OPERAND_TYPE_REGISTER ||
        from->reg.value < ZYDIS_REGISTER_ES || from->reg.value > ZYDIS_REGISTER_GS)
        return 0;
    unsigned reg = operand_gpr(to->reg.value, &bytes, &shift);
    return reg < 16 && bytes >= 4 ? op(OP_READ_SEG, reg | operand_seg(from->reg.value) << 4) : 0;
}

/* With flat segments of 64-bit mode and no other. */
static uint32_t string_op(const struct insn *i, enum op n, unsigned bytes)
{
    const uint64_t odd = ZYDIS_ATTRIB_HAS_SEGMENT | ZYDIS_ATTRIB_HAS_ADDRESSSIZE | ZYDIS_ATTRIB_HAS_REPNE;
    if (i->z.attributes & odd || i->z.meta.isa_ext == ZYDIS_ISA_EXT_SSE2)
        return 0;
    return op(n, bytes | (i->z.attributes & ZYDIS_ATTRIB_HAS_REP ? 16 : 0));
}

uint32_t jit_sys_op(const struct insn *i, uint32_t mode, uint8_t next_byte)
{
    for (unsigned n = 0; n < NR_PLAIN; n++)
        if (plain[n].mnemonic == i->mnemonic)
            return i->z.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE ? 0 : op(OP_SYS + n, i->op_bytes);
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_CLI:
        return mode & MODE_USER ? 0 : op(OP_CLI, 0);
    case ZYDIS_MNEMONIC_STI:
        return mode & MODE_USER || next_byte == 0xf4 ? 0 : op(OP_STI, 0);
    case ZYDIS_MNEMONIC_MOV:
        return read_seg(i);
    case ZYDIS_MNEMONIC_PAUSE:
        return op(OP_PAUSE, 0);
    case ZYDIS_MNEMONIC_STOSB:
        return string_op(i, OP_STOS, 1);
    case ZYDIS_MNEMONIC_STOSD:
        return string_op(i, OP_STOS, 4);
    case ZYDIS_MNEMONIC_STOSQ:
        return string_op(i, OP_STOS, 8);
    case ZYDIS_MNEMONIC_MOVSB:
        return string_op(i, OP_MOVS, 1);
    case ZYDIS_MNEMONIC_MOVSD:
        return string_op(i, OP_MOVS, 4);
    case ZYDIS_MNEMONIC_MOVSQ:
        return string_op(i, OP_MOVS, 8);
    default:
        return 0;
    }
}

static void run_plain(struct vcpu *v, const struct plain *p, unsigned len, unsigned op_bytes)
{
    struct insn i;
    i.len = (uint8_t)len;
    i.mnemonic = p->mnemonic;
    i.op_bytes = (uint8_t)op_bytes;
    i.z.attributes = 0;
    p->run(v, &i);
}

/* A CPU that spins may keep the one from running that it waits for. */
static void relax(struct vcpu *v)
{
    if (++v->pauses % PAUSES_PER_YIELD == 0)
        syscall(SYS_sched_yield);
    else
        __builtin_ia32_pause();
}

static bool sti(struct vcpu *v)
{
    if (v->request || v->ask_intc || v->nmi_pending)
        return false;
    v->rflags |= FL_IF;
    return true;
}

bool jit_sys_run(struct vcpu *v, uint32_t what, unsigned len)
{
    unsigned n = what & 0xff, arg = what >> 8;
    switch (n) {
    case OP_NONE:
        return false;
    case OP_CLI:
        v->rflags &= ~(uint64_t)FL_IF;
        break;
    case OP_STI:
        if (!sti(v))
            return false;
        break;
    case OP_READ_SEG:
        v->gpr[arg & 15] = v->seg[arg >> 4].sel;
        break;
    case OP_PAUSE:
        relax(v);
        break;
    case OP_STOS:
    case OP_MOVS:
        return string_plain(v, n == OP_MOVS, arg & 15, arg & 16, len);
    default:
        run_plain(v, &plain[n - OP_SYS], len, arg);
        return true;
    }
    v->rip += len;
    return true;
}
