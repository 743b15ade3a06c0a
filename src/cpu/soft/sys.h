// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sys: privileged and mode-changing instructions, a function each. A handler runs the whole instruction and
 * says true, or false if this form of the mnemonic is user code (MOV, POP, JMP ...).
 */
#pragma once

#include "cpu/soft/insn.h"
#include "cpu/soft/operand.h"
#include "cpu/soft/seg.h"

typedef bool sys_fn(struct vcpu *v, const struct insn *i);

static inline uint64_t sys_next_rip(const struct vcpu *v, const struct insn *i)
{
    uint64_t rip = v->rip + i->len;
    return v->mode & MODE_LONG64 ? rip : rip & 0xffffffff;
}
/* The end of a handler that does not jump. */
static inline bool sys_done(struct vcpu *v, const struct insn *i)
{
    v->rip = sys_next_rip(v, i);
    return true;
}
static inline void sys_need_cpl0(struct vcpu *v)
{
    if (vcpu_cpl(v))
        soft_fault_code(v, EXC_GP, 0);
}
static inline unsigned sys_iopl(const struct vcpu *v)
{
    return (unsigned)(v->rflags & FL_IOPL) >> 12;
}
static inline bool sys_vm86(const struct vcpu *v)
{
    return v->rflags & FL_VM && v->cr0 & CR0_PE;
}
/* Bytes that PUSH and POP of a segment register or flags move. */
static inline unsigned sys_push_bytes(const struct vcpu *v, const struct insn *i)
{
    if (!(v->mode & MODE_LONG64))
        return i->op_bytes;
    return i->z.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE && !i->z.raw.rex.W ? 2 : 8;
}

/* sys_flag.c */
sys_fn sys_cli, sys_sti, sys_pushf, sys_popf, sys_hlt, sys_pause, sys_int, sys_int1, sys_int3, sys_into,
    sys_iret;
/* sys_cr.c */
sys_fn sys_mov_cr, sys_mov_dr, sys_clts, sys_lmsw, sys_smsw, sys_xgetbv, sys_xsetbv, sys_invlpg, sys_cache;
/* sys_table.c */
sys_fn sys_lgdt, sys_lidt, sys_sgdt, sys_sidt, sys_lldt, sys_ltr, sys_sldt, sys_str, sys_lar, sys_lsl,
    sys_verr, sys_verw, sys_arpl;
/* sys_seg.c */
sys_fn sys_mov_seg, sys_push, sys_pop, sys_load_pointer, sys_jmp, sys_call, sys_ret;
sys_fn sys_swapgs, sys_rdfsbase, sys_rdgsbase, sys_wrfsbase, sys_wrgsbase;
/* sys_call.c */
sys_fn sys_syscall, sys_sysret, sys_sysenter, sys_sysexit, sys_vmcall;
/* sys_msr.c */
sys_fn sys_rdmsr, sys_wrmsr, sys_cpuid, sys_rdtsc, sys_rdtscp, sys_rdpid, sys_rdpmc;
/* sys_io.c */
sys_fn sys_in, sys_out, sys_ins, sys_outs;
