// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sys_msr: instructions that read what the CPU is: model-specific registers, CPUID, time.
 *
 * Source: Intel SDM vol. 2: RDMSR, WRMSR, CPUID (leaf 0DH depends on XCR0), RDTSC, RDTSCP, RDPID, RDPMC.
 */
#include "cpu/soft/sys.h"

#define CPUID_OSXSAVE (1u << 27)

static void write_pair(struct vcpu *v, uint64_t val)
{
    gpr_write(v, RAX, 4, val);
    gpr_write(v, RDX, 4, val >> 32);
}

bool sys_rdmsr(struct vcpu *v, const struct insn *i)
{
    uint64_t val;
    sys_need_cpl0(v);
    if (!msr_read(v, (uint32_t)v->gpr[RCX], &val))
        soft_fault_code(v, EXC_GP, 0);
    write_pair(v, val);
    return sys_done(v, i);
}

bool sys_wrmsr(struct vcpu *v, const struct insn *i)
{
    sys_need_cpl0(v);
    if (!msr_write(v, (uint32_t)v->gpr[RCX], gpr_read(v, RAX, 4) | v->gpr[RDX] << 32))
        soft_fault_code(v, EXC_GP, 0);
    return sys_done(v, i);
}

/* Bytes of an XSAVE area with these components; AVX is the last. */
static uint32_t xsave_bytes(const struct vcpu *v, uint64_t components)
{
    uint32_t avx[4];
    cpuid_lookup(&v->cpuid, 0xd, 2, avx);
    return components & XCR0_AVX ? avx[0] + avx[1] : 576;
}

bool sys_cpuid(struct vcpu *v, const struct insn *i)
{
    uint32_t leaf = (uint32_t)v->gpr[RAX], sub = (uint32_t)v->gpr[RCX], r[4];
    cpuid_lookup(&v->cpuid, leaf, sub, r);
    if (leaf == 1 && v->cr4 & CR4_OSXSAVE)
        r[2] |= CPUID_OSXSAVE;
    if (leaf == 0xd && sub < 2 && r[0]) /* standard and, sub-leaf 1, compacted form: here they are alike */
        r[1] = xsave_bytes(v, v->xcr0);
    gpr_write(v, RAX, 4, r[0]);
    gpr_write(v, RBX, 4, r[1]);
    gpr_write(v, RCX, 4, r[2]);
    gpr_write(v, RDX, 4, r[3]);
    return sys_done(v, i);
}

static void need_tsc(struct vcpu *v)
{
    if (v->cr4 & CR4_TSD)
        sys_need_cpl0(v);
}

bool sys_rdtsc(struct vcpu *v, const struct insn *i)
{
    need_tsc(v);
    write_pair(v, soft_tsc(v));
    return sys_done(v, i);
}

bool sys_rdtscp(struct vcpu *v, const struct insn *i)
{
    need_tsc(v);
    write_pair(v, soft_tsc(v));
    gpr_write(v, RCX, 4, v->tsc_aux);
    return sys_done(v, i);
}

bool sys_rdpid(struct vcpu *v, const struct insn *i)
{
    operand_write(v, i, &i->ops[0], v->mode & MODE_LONG64 ? 8 : 4, v->tsc_aux);
    return sys_done(v, i);
}

/* No counters. */
bool sys_rdpmc(struct vcpu *v, const struct insn *i)
{
    (void)i;
    soft_fault_code(v, EXC_GP, 0);
}
