// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msr: model-specific registers.
 *
 * Source: Intel SDM vol. 4; AMD APM vol. 2, appendix A; Linux Documentation/virt/kvm/x86/msr.rst.
 * Modelled: what Linux touches on the CPU that cpuid.c shows. MTRRs are remembered and do nothing: all guest
 * memory is cacheable. Registers of AMD's family 0fh that Linux reads without asking read as zero.
 * Left out: performance counters, machine check banks (none are announced), debug control.
 */
#include <time.h>

#include "cpu/soft/arch.h"
#include "cpu/soft/copy.h"
#include "cpu/soft/state.h"

enum {
    MSR_TSC = 0x10,
    MSR_APIC_BASE = 0x1b,
    MSR_SPEC_CTRL = 0x48,
    MSR_MTRR_CAP = 0xfe,
    MSR_SYSENTER_CS = 0x174,
    MSR_SYSENTER_ESP,
    MSR_SYSENTER_EIP,
    MSR_MISC_ENABLE = 0x1a0,
    MSR_MTRR_PHYS = 0x200,
    MSR_MTRR_PHYS_LAST = 0x20f,
    MSR_PAT = 0x277,
    MSR_MTRR_DEF = 0x2ff,
    MSR_TSC_DEADLINE = 0x6e0,
    MSR_X2APIC = 0x800,
    MSR_X2APIC_LAST = 0x8ff,
    MSR_EFER = 0xc0000080,
    MSR_STAR,
    MSR_LSTAR,
    MSR_CSTAR,
    MSR_SFMASK,
    MSR_FS_BASE = 0xc0000100,
    MSR_GS_BASE,
    MSR_KERNEL_GS_BASE,
    MSR_TSC_AUX,
    MSR_KVM_WALL_CLOCK = 0x4b564d00,
    MSR_KVM_SYSTEM_TIME,
    MSR_KVM_WALL_CLOCK_OLD = 0x11,
    MSR_KVM_SYSTEM_TIME_OLD = 0x12,
};

#define MTRR_CAP   ((sizeof(((struct vcpu *)0)->mtrr_phys) / 16) | 1u << 8 | 1u << 10) /* fixed, WC */
#define X2APIC_ICR 0x30

static const uint32_t saved[] = {
    MSR_TSC,
    MSR_SPEC_CTRL,
    MSR_SYSENTER_CS,
    MSR_SYSENTER_ESP,
    MSR_SYSENTER_EIP,
    MSR_MISC_ENABLE,
    MSR_PAT,
    0x200,
    0x201,
    0x202,
    0x203,
    0x204,
    0x205,
    0x206,
    0x207,
    0x208,
    0x209,
    0x20a,
    0x20b,
    0x20c,
    0x20d,
    0x20e,
    0x20f,
    0x250,
    0x258,
    0x259,
    0x268,
    0x269,
    0x26a,
    0x26b,
    0x26c,
    0x26d,
    0x26e,
    0x26f,
    MSR_MTRR_DEF,
    MSR_STAR,
    MSR_LSTAR,
    MSR_CSTAR,
    MSR_SFMASK,
    MSR_KERNEL_GS_BASE,
    MSR_TSC_AUX,
    MSR_KVM_WALL_CLOCK,
    MSR_KVM_SYSTEM_TIME,
    MSR_TSC_DEADLINE,
};
_Static_assert(sizeof(saved) / sizeof(saved[0]) <=
                   sizeof(((struct cpu_state *)0)->msrs) / sizeof(struct kvm_msr_entry),
               "cpu_state has room for every saved MSR");

const uint32_t *msr_saved(unsigned *ret_nr)
{
    *ret_nr = sizeof(saved) / sizeof(saved[0]);
    return saved;
}

uint64_t soft_tsc(const struct vcpu *v)
{
    return __builtin_ia32_rdtsc() + v->host_tsc_offset;
}

static bool canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

/* Registers that are a plain 64-bit field here. */
static uint64_t *plain(struct vcpu *v, uint32_t msr)
{
    switch (msr) {
    case MSR_SPEC_CTRL:
        return &v->spec_ctrl;
    case MSR_SYSENTER_CS:
        return &v->sysenter_cs;
    case MSR_SYSENTER_ESP:
        return &v->sysenter_esp;
    case MSR_SYSENTER_EIP:
        return &v->sysenter_eip;
    case MSR_MISC_ENABLE:
        return &v->misc_enable;
    case MSR_MTRR_DEF:
        return &v->mtrr_def;
    case MSR_STAR:
        return &v->star;
    case MSR_LSTAR:
        return &v->lstar;
    case MSR_CSTAR:
        return &v->cstar;
    case MSR_SFMASK:
        return &v->sfmask;
    case MSR_FS_BASE:
        return &v->seg[SEG_FS].base;
    case MSR_GS_BASE:
        return &v->seg[SEG_GS].base;
    case MSR_KERNEL_GS_BASE:
        return &v->kernel_gs_base;
    case MSR_TSC_AUX:
        return &v->tsc_aux;
    case 0x250:
        return &v->mtrr_fixed[0];
    case 0x258:
    case 0x259:
        return &v->mtrr_fixed[1 + msr - 0x258];
    default:
        if (msr >= 0x268 && msr <= 0x26f)
            return &v->mtrr_fixed[3 + msr - 0x268];
        if (msr >= MSR_MTRR_PHYS && msr <= MSR_MTRR_PHYS_LAST)
            return &v->mtrr_phys[msr - MSR_MTRR_PHYS];
        return NULL;
    }
}

/* Reads as zero, writes are dropped. */
static bool ignored(uint32_t msr)
{
    switch (msr) {
    case 0x8b:       /* microcode revision */
    case 0x79:       /* microcode update */
    case 0x17:       /* platform id */
    case 0x3a:       /* feature control */
    case 0x49:       /* PRED_CMD */
    case 0x179:      /* MCG_CAP: no banks */
    case 0x17a:      /* MCG_STATUS */
    case 0x17b:      /* MCG_CTL */
    case 0xce:       /* platform info */
    case 0x140:      /* MISC_FEATURES_ENABLES */
    case 0x1d9:      /* DEBUGCTL */
    case 0xc0010010: /* SYSCFG */
    case 0xc0010015: /* HWCR */
    case 0xc001001f: /* NB_CFG */
    case 0xc0010055: /* INT_PENDING_MSG */
    case 0xc0010058: /* MMIO configuration base */
    case 0xc001100d: /* CPUID override of family 0fh */
    case 0xc0011022: /* DC_CFG */
    case 0xc0011023: /* BU_CFG */
    case 0xc0011029: /* DE_CFG */
    case 0xc001102a: /* BU_CFG2 */
        return true;
    default:
        return false;
    }
}

static bool x2apic_on(struct vcpu *v)
{
    const struct cpu_intc *intc = v->soft->intc;
    return intc && (intc->base_read(intc->ctx, v->index) & 0xc00) == 0xc00;
}

void apic_base_changed(struct vcpu *v)
{
    const struct cpu_intc *intc = v->soft->intc;
    uint64_t base = 0;
    v->apic_page = UINT64_MAX;
    if (!intc)
        return;
    vec_save(v);
    base = intc->base_read(intc->ctx, v->index);
    if ((base & 0xc00) == 0x800)
        v->apic_page = base & ((1ull << CPUID_PHYS_BITS) - 1) & ~0xfffull;
}

static bool intc_read(struct vcpu *v, uint32_t msr, uint64_t *ret)
{
    const struct cpu_intc *intc = v->soft->intc;
    if (!intc)
        return false;
    vec_save(v);
    if (msr == MSR_APIC_BASE)
        *ret = intc->base_read(intc->ctx, v->index);
    else if (msr == MSR_TSC_DEADLINE)
        *ret = intc->deadline_read(intc->ctx, v->index);
    else
        return x2apic_on(v) && intc->apic_read(intc->ctx, v->index, msr - MSR_X2APIC, ret);
    return true;
}

/* CLOCK_MONOTONIC when the guest's TSC reaches tsc; in the past: now. */
static uint64_t deadline_ns(const struct vcpu *v, uint64_t tsc)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    uint64_t now_ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec, now = soft_tsc(v);
    if (!tsc || tsc <= now)
        return now_ns;
    unsigned __int128 ns = (unsigned __int128)(tsc - now) * 1000000 / v->soft->tsc_khz;
    return ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + (uint64_t)ns;
}

static bool intc_write(struct vcpu *v, uint32_t msr, uint64_t val)
{
    const struct cpu_intc *intc = v->soft->intc;
    if (!intc)
        return false;
    if (v->request & REQ_CODE) /* an IPI may tell another CPU to run what this one wrote */
        smc_requests(v);
    vec_save(v);
    v->ask_intc = true;
    if (msr == MSR_APIC_BASE) {
        bool ok = intc->base_write(intc->ctx, v->index, val);
        apic_base_changed(v);
        mmu_flush(v, true);
        return ok;
    }
    if (msr == MSR_TSC_DEADLINE) {
        intc->deadline_write(intc->ctx, v->index, val, deadline_ns(v, val));
        return true;
    }
    return x2apic_on(v) && intc->apic_write(intc->ctx, v->index, msr - MSR_X2APIC, val);
}

static bool belongs_to_intc(uint32_t msr)
{
    return msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE || (msr >= MSR_X2APIC && msr <= MSR_X2APIC_LAST);
}

bool msr_read(struct vcpu *v, uint32_t msr, uint64_t *ret)
{
    const uint64_t *field = plain(v, msr);
    if (field) {
        *ret = *field;
        return true;
    }
    if (belongs_to_intc(msr))
        return intc_read(v, msr, ret);
    switch (msr) {
    case MSR_TSC:
        *ret = soft_tsc(v);
        return true;
    case MSR_MTRR_CAP:
        *ret = MTRR_CAP;
        return true;
    case MSR_PAT:
        *ret = v->pat;
        return true;
    case MSR_EFER:
        *ret = v->efer;
        return true;
    case MSR_KVM_WALL_CLOCK:
    case MSR_KVM_WALL_CLOCK_OLD:
        *ret = v->pv_wall_clock;
        return true;
    case MSR_KVM_SYSTEM_TIME:
    case MSR_KVM_SYSTEM_TIME_OLD:
        *ret = v->pv_system_time;
        return true;
    default:
        *ret = 0;
        return ignored(msr);
    }
}

static bool write_efer(struct vcpu *v, uint64_t val)
{
    const uint64_t writable = EFER_SCE | EFER_LME | EFER_NXE | EFER_FFXSR;
    if (val & ~(writable | EFER_LMA))
        return false;
    if (v->cr0 & CR0_PG && (val ^ v->efer) & EFER_LME)
        return false;
    uint64_t old = v->efer;
    v->efer = (val & writable) | (old & EFER_LMA);
    if ((old ^ v->efer) & EFER_NXE)
        mmu_flush(v, true);
    mode_update(v);
    return true;
}

static bool write_pat(struct vcpu *v, uint64_t val)
{
    for (unsigned i = 0; i < 8; i++) {
        uint8_t type = (uint8_t)(val >> i * 8);
        if (type > 7 || type == 2 || type == 3)
            return false;
    }
    v->pat = val;
    return true;
}

static bool write_plain(struct vcpu *v, uint32_t msr, uint64_t *field, uint64_t val)
{
    switch (msr) {
    case MSR_SYSENTER_ESP:
    case MSR_SYSENTER_EIP:
    case MSR_LSTAR:
    case MSR_CSTAR:
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        if (!canonical(val))
            return false;
        break;
    case MSR_SFMASK:
    case MSR_SYSENTER_CS:
        val &= 0xffffffff;
        break;
    case MSR_TSC_AUX:
        if (val >> 32)
            return false;
        break;
    default:
        break;
    }
    *field = val;
    v->seg_base[SEG_FS] = v->seg[SEG_FS].base;
    v->seg_base[SEG_GS] = v->seg[SEG_GS].base;
    return true;
}

bool msr_write(struct vcpu *v, uint32_t msr, uint64_t val)
{
    uint64_t *field = plain(v, msr);
    if (field)
        return write_plain(v, msr, field, val);
    if (belongs_to_intc(msr))
        return intc_write(v, msr, val);
    switch (msr) {
    case MSR_TSC:
        v->host_tsc_offset = val - __builtin_ia32_rdtsc();
        return true;
    case MSR_PAT:
        return write_pat(v, val);
    case MSR_EFER:
        return write_efer(v, val);
    case MSR_KVM_WALL_CLOCK:
    case MSR_KVM_WALL_CLOCK_OLD:
        v->pv_wall_clock = val;
        vec_save(v);
        pvclock_wall_clock(v);
        return true;
    case MSR_KVM_SYSTEM_TIME:
    case MSR_KVM_SYSTEM_TIME_OLD:
        v->pv_system_time = val;
        vec_save(v);
        pvclock_update(v);
        return true;
    default:
        return ignored(msr);
    }
}

/* A snapshot's wall clock is in guest memory already, as of when the guest asked for it. */
void msr_restore(struct vcpu *v, uint32_t msr, uint64_t val)
{
    if (msr == MSR_KVM_WALL_CLOCK)
        v->pv_wall_clock = val;
    else
        msr_write(v, msr, val);
}
