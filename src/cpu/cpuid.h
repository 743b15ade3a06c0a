// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpuid: the CPU that guests see, the same under both engines, so that a snapshot moves between them.
 *
 * Baseline: x86-64-v3 where the host has it, AES, PCLMUL, SHA, ADX, RDRAND, RDSEED, CX16, ERMS, FSRM,
 * FSGSBASE, SMEP, UMIP, NX, 1 GiB pages, RDTSCP, x2APIC, TSC deadline, invariant TSC; hypervisor leaves
 * with KVM's signature, clock and the TSC frequency. Vendor "AuthenticAMD", an old family, so that
 * guests need no PTI. Hidden: PCID, SMAP, AVX-512, XSAVES, XSAVEOPT, PKU, CET, LA57, TSX, MONITOR, PMU, SVM,
 * VMX. Source: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E; Linux
 * Documentation/virt/kvm/x86/cpuid.rst.
 */
#pragma once

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#define CPUID_PHYS_BITS 40 /* of guest-physical addresses */

struct cpuid_table {
    unsigned nr;
    struct kvm_cpuid_entry2 entries[64];
};

/* The table of CPU number cpu of nr_cpus (local APIC id = cpu). */
void cpuid_build(struct cpuid_table *t, unsigned cpu, unsigned nr_cpus, uint64_t tsc_khz);

/* What CPUID returns for a leaf: beyond the highest leaf all zero. regs: eax, ebx, ecx, edx. */
void cpuid_lookup(const struct cpuid_table *t, uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);
