// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sys_call: SYSCALL, SYSRET, SYSENTER, SYSEXIT, and hypercalls.
 *
 * Source: AMD APM vol. 3, SYSCALL, SYSRET (the CPU shown is AMD's: SYSCALL also outside of 64-bit mode,
 * SYSENTER not in long mode); Intel SDM vol. 2B, SYSENTER, SYSEXIT; Linux
 * Documentation/virt/kvm/x86/hypercalls.rst. Deviation: SYSRET to a non-canonical address faults before the
 * change of privilege, as on Intel's processors.
 */
#include "cpu/soft/state.h"
#include "cpu/soft/sys.h"

#define KVM_ENOSYS 1000
#define KVM_EPERM  1

static void flat_cs(struct vcpu *v, uint16_t sel, unsigned cpl, uint16_t size)
{
    v->seg[SEG_CS] = (struct seg){
        .sel = sel,
        .limit = 0xffffffff,
        .attr =
            (uint16_t)(ATTR_P | cpl << 5 | ATTR_S | TYPE_CODE | TYPE_READ | TYPE_ACCESSED | ATTR_G | size),
    };
}

static void flat_ss(struct vcpu *v, uint16_t sel, unsigned cpl)
{
    v->seg[SEG_SS] = (struct seg){
        .sel = sel,
        .limit = 0xffffffff,
        .attr = (uint16_t)(ATTR_P | cpl << 5 | ATTR_S | TYPE_WRITE | TYPE_ACCESSED | ATTR_G | ATTR_DB),
    };
}

bool sys_syscall(struct vcpu *v, const struct insn *i)
{
    if (!(v->efer & EFER_SCE) || !(v->cr0 & CR0_PE) || sys_vm86(v))
        soft_fault(v, EXC_UD);
    uint64_t next = sys_next_rip(v, i);
    uint16_t sel = (uint16_t)(v->star >> 32 & 0xfffc);
    cpu_count(&v->stats.syscalls);
    v->gpr[RCX] = next;
    if (long_mode(v)) {
        v->gpr[R11] = v->rflags & ~(uint64_t)FL_RF;
        v->rip = v->mode & MODE_LONG64 ? v->lstar : v->cstar;
        v->rflags = (v->rflags & ~v->sfmask & ~(uint64_t)FL_RF) | 2;
        flat_cs(v, sel, 0, ATTR_L);
    } else {
        v->rip = v->star & 0xffffffff;
        v->rflags &= ~(uint64_t)(FL_IF | FL_RF | FL_VM);
        flat_cs(v, sel, 0, ATTR_DB);
    }
    flat_ss(v, (uint16_t)(sel + 8), 0);
    mode_update(v);
    v->event_taken = !(v->rflags & FL_TF); /* SFMASK keeps single step out of the handler */
    return true;
}

bool sys_sysret(struct vcpu *v, const struct insn *i)
{
    if (!(v->efer & EFER_SCE) || real_like(v))
        soft_fault(v, EXC_UD);
    sys_need_cpl0(v);
    uint16_t sel = (uint16_t)(v->star >> 48 | 3);
    if (v->mode & MODE_LONG64) {
        const uint64_t mask = FL_GUEST & ~(uint64_t)(FL_RF | FL_VM);
        bool to64 = i->op_bytes == 8;
        if (to64 && !va_canonical(v->gpr[RCX]))
            soft_fault_code(v, EXC_GP, 0);
        v->rip = to64 ? v->gpr[RCX] : v->gpr[RCX] & 0xffffffff;
        v->rflags = (v->gpr[R11] & mask) | 2;
        flat_cs(v, (uint16_t)(to64 ? sel + 16 : sel), 3, to64 ? ATTR_L : ATTR_DB);
    } else {
        v->rip = v->gpr[RCX] & 0xffffffff;
        v->rflags |= FL_IF;
        flat_cs(v, sel, 3, ATTR_DB);
    }
    flat_ss(v, (uint16_t)(sel + 8), 3);
    mode_update(v);
    return true;
}

bool sys_sysenter(struct vcpu *v, const struct insn *i)
{
    (void)i;
    if (long_mode(v))
        soft_fault(v, EXC_UD);
    if (!(v->cr0 & CR0_PE) || sel_is_null((uint16_t)v->sysenter_cs))
        soft_fault_code(v, EXC_GP, 0);
    uint16_t sel = (uint16_t)(v->sysenter_cs & 0xfffc);
    cpu_count(&v->stats.syscalls);
    v->rflags &= ~(uint64_t)(FL_VM | FL_IF | FL_RF);
    v->rip = v->sysenter_eip & 0xffffffff;
    v->gpr[RSP] = v->sysenter_esp & 0xffffffff;
    flat_cs(v, sel, 0, ATTR_DB);
    flat_ss(v, (uint16_t)(sel + 8), 0);
    mode_update(v);
    return true;
}

bool sys_sysexit(struct vcpu *v, const struct insn *i)
{
    (void)i;
    if (long_mode(v))
        soft_fault(v, EXC_UD);
    if (sel_is_null((uint16_t)v->sysenter_cs) || real_like(v))
        soft_fault_code(v, EXC_GP, 0);
    sys_need_cpl0(v);
    uint16_t sel = (uint16_t)((v->sysenter_cs & 0xfffc) + 16);
    v->rip = v->gpr[RDX] & 0xffffffff;
    v->gpr[RSP] = v->gpr[RCX] & 0xffffffff;
    flat_cs(v, sel | 3, 3, ATTR_DB);
    flat_ss(v, (uint16_t)(sel + 8) | 3, 3);
    mode_update(v);
    return true;
}

/* None is offered: CPUID 0x40000001 names no feature that needs one. */
bool sys_vmcall(struct vcpu *v, const struct insn *i)
{
    gpr_write(v, RAX, v->mode & MODE_LONG64 ? 8 : 4, (uint64_t)(vcpu_cpl(v) ? -KVM_EPERM : -KVM_ENOSYS));
    return sys_done(v, i);
}
