// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sys_flag: flags, interrupts by instruction, HLT, PAUSE.
 *
 * Source: Intel SDM vol. 2: CLI, STI, PUSHF, POPF, HLT, PAUSE, INT n, IRET.
 * Left out: virtual interrupts (VME, PVI).
 */
#include "cpu/soft/sys.h"

static void need_iopl(struct vcpu *v)
{
    if (v->cr0 & CR0_PE && vcpu_cpl(v) > sys_iopl(v))
        soft_fault_code(v, EXC_GP, 0);
}

static void need_iopl_in_vm86(struct vcpu *v)
{
    if (sys_vm86(v) && sys_iopl(v) < 3)
        soft_fault_code(v, EXC_GP, 0);
}

bool sys_cli(struct vcpu *v, const struct insn *i)
{
    need_iopl(v);
    v->rflags &= ~(uint64_t)FL_IF;
    return sys_done(v, i);
}

bool sys_sti(struct vcpu *v, const struct insn *i)
{
    need_iopl(v);
    if (!(v->rflags & FL_IF))
        v->shadow = true;
    v->rflags |= FL_IF;
    return sys_done(v, i);
}

bool sys_pushf(struct vcpu *v, const struct insn *i)
{
    need_iopl_in_vm86(v);
    struct stack s = stack_now(v);
    stack_push(v, &s, (v->rflags & ~(uint64_t)(FL_VM | FL_RF)) | 2, sys_push_bytes(v, i));
    stack_commit(v, &s);
    return sys_done(v, i);
}

bool sys_popf(struct vcpu *v, const struct insn *i)
{
    need_iopl_in_vm86(v);
    struct stack s = stack_now(v);
    unsigned bytes = sys_push_bytes(v, i), cpl = v->cr0 & CR0_PE ? vcpu_cpl(v) : 0;
    uint64_t flags = stack_pop(v, &s, bytes);
    uint64_t mask = FL_ARITH | FL_TF | FL_DF | FL_NT | FL_AC | FL_ID;
    if (cpl == 0)
        mask |= FL_IOPL;
    if (cpl <= sys_iopl(v))
        mask |= FL_IF;
    if (bytes == 2)
        mask &= 0xffff;
    v->rflags = (v->rflags & ~mask & ~(uint64_t)FL_RF) | (flags & mask) | 2;
    stack_commit(v, &s);
    return sys_done(v, i);
}

bool sys_hlt(struct vcpu *v, const struct insn *i)
{
    sys_need_cpl0(v);
    v->halted = true;
    return sys_done(v, i);
}

/* A guest that spins waits for another of its CPUs, which may wait for the host's processor that we are on.
 */
bool sys_pause(struct vcpu *v, const struct insn *i)
{
    if (i->z.raw.rex.B) /* XCHG R8, RAX with a prefix of no meaning */
        return false;
    if (v->soft->nr_cpus > 1 && ++v->pauses % 32 == 0)
        soft_yield();
    return sys_done(v, i);
}

bool sys_int(struct vcpu *v, const struct insn *i)
{
    soft_int(v, (unsigned)i->ops[0].imm.value.u & 0xff, sys_next_rip(v, i));
    return true;
}

bool sys_int3(struct vcpu *v, const struct insn *i)
{
    soft_int(v, EXC_BP, sys_next_rip(v, i));
    return true;
}

bool sys_into(struct vcpu *v, const struct insn *i)
{
    if (!(v->rflags & FL_OF))
        return sys_done(v, i);
    soft_int(v, EXC_OF, sys_next_rip(v, i));
    return true;
}

/* A trap that no gate's privilege stops. */
bool sys_int1(struct vcpu *v, const struct insn *i)
{
    sys_done(v, i);
    soft_fault(v, EXC_DB);
}

bool sys_iret(struct vcpu *v, const struct insn *i)
{
    soft_iret(v,
              i->mnemonic == ZYDIS_MNEMONIC_IRETQ   ? 8
              : i->mnemonic == ZYDIS_MNEMONIC_IRETD ? 4
                                                    : 2,
              sys_next_rip(v, i));
    return true;
}
