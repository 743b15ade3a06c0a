// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvm_cpuid: the CPU of cpu/cpuid.h, cut to what this KVM can run.
 *
 * Source: Linux Documentation/virt/kvm/api.rst, KVM_GET_SUPPORTED_CPUID.
 * Feature words are intersected; leaves that only describe (vendor, topology, brand, clock) are ours.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "cpu/cpuid.h"
#include "cpu/kvm/kvm.h"

#define MAX_ENTRIES 256

/* Which registers of a leaf are feature words. */
static const struct feature_leaf {
    uint32_t leaf, subleaf;
    bool a, b, c, d;
} feature_leaves[] = {
    {.leaf = 1, .c = true, .d = true},
    {.leaf = 6, .a = true},
    {.leaf = 7, .b = true, .c = true, .d = true},
    {.leaf = 7, .subleaf = 1, .a = true},
    {.leaf = 0xd, .a = true, .d = true},
    {.leaf = 0xd, .subleaf = 1, .a = true},
    {.leaf = 0x40000001, .a = true},
    {.leaf = 0x80000001, .c = true, .d = true},
    {.leaf = 0x80000007, .d = true},
    {.leaf = 0x80000008, .b = true},
};

/* Offered by the kernel's local APIC whatever KVM_GET_SUPPORTED_CPUID says. */
#define LEAF1_C_ALWAYS (1u << 21 | 1u << 24 | 1u << 31) /* x2APIC, TSC deadline, hypervisor */

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *t, uint32_t leaf, uint32_t subleaf)
{
    for (uint32_t i = 0; i < t->nent; i++) {
        const struct kvm_cpuid_entry2 *s = &t->entries[i];
        bool indexed = s->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
        if (s->function == leaf && (!indexed || s->index == subleaf))
            return s;
    }
    return NULL;
}

static void intersect(struct kvm_cpuid_entry2 *entry, const struct kvm_cpuid2 *supported)
{
    for (size_t i = 0; i < sizeof(feature_leaves) / sizeof(feature_leaves[0]); i++) {
        const struct feature_leaf *f = &feature_leaves[i];
        if (f->leaf != entry->function || f->subleaf != entry->index)
            continue;
        static const struct kvm_cpuid_entry2 none;
        const struct kvm_cpuid_entry2 *s = find(supported, f->leaf, f->subleaf);
        if (!s)
            s = &none;
        uint32_t always = f->leaf == 1 ? LEAF1_C_ALWAYS : 0;
        if (f->a)
            entry->eax &= s->eax;
        if (f->b)
            entry->ebx &= s->ebx;
        if (f->c)
            entry->ecx &= s->ecx | always;
        if (f->d)
            entry->edx &= s->edx;
    }
}

int kvm_cpuid_set(struct kvm *k, unsigned cpu, struct err *e)
{
    size_t bytes = sizeof(struct kvm_cpuid2) + MAX_ENTRIES * sizeof(struct kvm_cpuid_entry2);
    OWN_MEM struct kvm_cpuid2 *supported = calloc(1, bytes);
    OWN_MEM struct kvm_cpuid2 *set = calloc(1, bytes);
    if (!supported || !set)
        return err_code(e, -ENOMEM, "CPUID of cpu %u", cpu);
    supported->nent = MAX_ENTRIES;
    if (ioctl(k->dev, KVM_GET_SUPPORTED_CPUID, supported) < 0)
        return err_sys(e, "KVM_GET_SUPPORTED_CPUID");

    struct cpuid_table table;
    cpuid_build(&table, cpu, k->config.nr_cpus, tsc_khz());
    for (unsigned i = 0; i < table.nr; i++)
        intersect(&table.entries[i], supported);
    set->nent = table.nr;
    memcpy(set->entries, table.entries, table.nr * sizeof(table.entries[0]));
    if (ioctl(k->cpus[cpu].fd, KVM_SET_CPUID2, set) < 0)
        return err_sys(e, "KVM_SET_CPUID2");
    return 0;
}
