// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sys: which instructions the engine executes itself, by mnemonic.
 */
#include "cpu/soft/sys.h"

/* Hidden by CPUID, or impossible here. */
static bool undefined(struct vcpu *v, const struct insn *i)
{
    (void)i;
    soft_fault(v, EXC_UD);
}

static bool mov(struct vcpu *v, const struct insn *i)
{
    const ZydisDecodedOperand *a = &i->ops[0], *b = &i->ops[1];
    for (const ZydisDecodedOperand *o = a; o <= b; o++) {
        if (o->type != ZYDIS_OPERAND_TYPE_REGISTER)
            continue;
        ZydisRegister r = o->reg.value;
        if (r >= ZYDIS_REGISTER_ES && r <= ZYDIS_REGISTER_GS)
            return sys_mov_seg(v, i);
        if (r >= ZYDIS_REGISTER_CR0 && r <= ZYDIS_REGISTER_CR15)
            return sys_mov_cr(v, i);
        if (r >= ZYDIS_REGISTER_DR0 && r <= ZYDIS_REGISTER_DR15)
            return sys_mov_dr(v, i);
    }
    return false;
}

#define M(name) [ZYDIS_MNEMONIC_##name]
static sys_fn *const handlers[ZYDIS_MNEMONIC_MAX_VALUE + 1] = {
    M(MOV) = mov,
    M(CLI) = sys_cli,
    M(STI) = sys_sti,
    M(PUSHF) = sys_pushf,
    M(PUSHFD) = sys_pushf,
    M(PUSHFQ) = sys_pushf,
    M(POPF) = sys_popf,
    M(POPFD) = sys_popf,
    M(POPFQ) = sys_popf,
    M(HLT) = sys_hlt,
    M(INT) = sys_int,
    M(INT1) = sys_int1,
    M(INT3) = sys_int3,
    M(INTO) = sys_into,
    M(IRET) = sys_iret,
    M(IRETD) = sys_iret,
    M(IRETQ) = sys_iret,
    M(CLTS) = sys_clts,
    M(LMSW) = sys_lmsw,
    M(SMSW) = sys_smsw,
    M(XGETBV) = sys_xgetbv,
    M(XSETBV) = sys_xsetbv,
    M(INVLPG) = sys_invlpg,
    M(INVD) = sys_cache,
    M(WBINVD) = sys_cache,
    M(LGDT) = sys_lgdt,
    M(LIDT) = sys_lidt,
    M(SGDT) = sys_sgdt,
    M(SIDT) = sys_sidt,
    M(LLDT) = sys_lldt,
    M(LTR) = sys_ltr,
    M(SLDT) = sys_sldt,
    M(STR) = sys_str,
    M(LAR) = sys_lar,
    M(LSL) = sys_lsl,
    M(VERR) = sys_verr,
    M(VERW) = sys_verw,
    M(ARPL) = sys_arpl,
    M(PUSH) = sys_push,
    M(POP) = sys_pop,
    M(LDS) = sys_load_pointer,
    M(LES) = sys_load_pointer,
    M(LFS) = sys_load_pointer,
    M(LGS) = sys_load_pointer,
    M(LSS) = sys_load_pointer,
    M(JMP) = sys_jmp,
    M(CALL) = sys_call,
    M(RET) = sys_ret,
    M(SWAPGS) = sys_swapgs,
    M(RDFSBASE) = sys_rdfsbase,
    M(RDGSBASE) = sys_rdgsbase,
    M(WRFSBASE) = sys_wrfsbase,
    M(WRGSBASE) = sys_wrgsbase,
    M(SYSCALL) = sys_syscall,
    M(SYSRET) = sys_sysret,
    M(SYSENTER) = sys_sysenter,
    M(SYSEXIT) = sys_sysexit,
    M(VMCALL) = sys_vmcall,
    M(VMMCALL) = sys_vmcall,
    M(RDMSR) = sys_rdmsr,
    M(WRMSR) = sys_wrmsr,
    M(CPUID) = sys_cpuid,
    M(RDTSC) = sys_rdtsc,
    M(RDTSCP) = sys_rdtscp,
    M(RDPID) = sys_rdpid,
    M(RDPMC) = sys_rdpmc,
    M(IN) = sys_in,
    M(OUT) = sys_out,
    M(INSB) = sys_ins,
    M(INSW) = sys_ins,
    M(INSD) = sys_ins,
    M(OUTSB) = sys_outs,
    M(OUTSW) = sys_outs,
    M(OUTSD) = sys_outs,
    /* Hidden features. */
    M(UD0) = undefined,
    M(UD1) = undefined,
    M(UD2) = undefined,
    M(STAC) = undefined,
    M(CLAC) = undefined,
    M(INVPCID) = undefined,
    M(MONITOR) = undefined,
    M(MWAIT) = undefined,
    M(MONITORX) = undefined,
    M(MWAITX) = undefined,
    M(RSM) = undefined,
    M(XSAVEOPT) = undefined,
    M(XSAVEOPT64) = undefined,
    M(XSAVES) = undefined,
    M(XSAVES64) = undefined,
    M(XRSTORS) = undefined,
    M(XRSTORS64) = undefined,
    M(RDPKRU) = undefined,
    M(WRPKRU) = undefined,
    M(XBEGIN) = undefined,
    M(XABORT) = undefined,
    M(XEND) = undefined,
    M(XTEST) = undefined,
    M(GETSEC) = undefined,
    M(ENCLS) = undefined,
    M(ENCLU) = undefined,
    M(ENCLV) = undefined,
    M(VMXON) = undefined,
    M(VMXOFF) = undefined,
    M(VMCLEAR) = undefined,
    M(VMPTRLD) = undefined,
    M(VMPTRST) = undefined,
    M(VMREAD) = undefined,
    M(VMWRITE) = undefined,
    M(VMLAUNCH) = undefined,
    M(VMRESUME) = undefined,
    M(VMFUNC) = undefined,
    M(INVEPT) = undefined,
    M(INVVPID) = undefined,
    M(VMRUN) = undefined,
    M(VMLOAD) = undefined,
    M(VMSAVE) = undefined,
    M(STGI) = undefined,
    M(CLGI) = undefined,
    M(SKINIT) = undefined,
    M(INVLPGA) = undefined,
    M(INVLPGB) = undefined,
    M(RDPRU) = undefined,
    M(SETSSBSY) = undefined,
    M(RSTORSSP) = undefined,
    M(WRSSD) = undefined,
    M(WRSSQ) = undefined,
};
#undef M

/* Of the mnemonics with two lives, the privileged or far forms. */
static bool far_or_system(const struct insn *i)
{
    for (unsigned n = 0; n < i->z.operand_count_visible; n++) {
        ZydisRegister r =
            i->ops[n].type == ZYDIS_OPERAND_TYPE_REGISTER ? i->ops[n].reg.value : ZYDIS_REGISTER_NONE;
        if ((r >= ZYDIS_REGISTER_ES && r <= ZYDIS_REGISTER_GS) ||
            (r >= ZYDIS_REGISTER_CR0 && r <= ZYDIS_REGISTER_CR15) ||
            (r >= ZYDIS_REGISTER_DR0 && r <= ZYDIS_REGISTER_DR15))
            return true;
    }
    return i->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
}

bool sys_handles(const struct insn *i)
{
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
    case ZYDIS_MNEMONIC_PUSH:
    case ZYDIS_MNEMONIC_POP:
    case ZYDIS_MNEMONIC_JMP:
    case ZYDIS_MNEMONIC_CALL:
    case ZYDIS_MNEMONIC_RET:
        return far_or_system(i);
    default:
        return i->mnemonic > ZYDIS_MNEMONIC_MAX_VALUE || handlers[i->mnemonic];
    }
}

bool sys_execute(struct vcpu *v, const struct insn *i)
{
    sys_fn *fn = i->mnemonic <= ZYDIS_MNEMONIC_MAX_VALUE ? handlers[i->mnemonic] : NULL;
    return fn && fn(v, i);
}
