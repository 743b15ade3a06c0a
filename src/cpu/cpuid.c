// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpuid: see cpuid.h for what is shown and why.
 *
 * Source: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E; Linux Documentation/virt/kvm/x86/cpuid.rst.
 * What both engines provide in software is always there; what guest code runs natively comes from the host.
 */
#include "cpu/cpuid.h"

#include <string.h>

#define BIT(n) (1u << (n))

/* Leaf 1. */
#define FEATURE_1_EDX                                                                                        \
    (BIT(0) /* FPU */ | BIT(1) /* VME */ | BIT(2) /* DE */ | BIT(3) /* PSE */ | BIT(4) /* TSC */ |           \
     BIT(5) /* MSR */ | BIT(6) /* PAE */ | BIT(7) /* MCE */ | BIT(8) /* CX8 */ | BIT(9) /* APIC */ |         \
     BIT(11) /* SEP */ | BIT(12) /* MTRR */ | BIT(13) /* PGE */ | BIT(14) /* MCA */ | BIT(15) /* CMOV */ |   \
     BIT(16) /* PAT */ | BIT(17) /* PSE36 */ | BIT(19) /* CLFSH */ | BIT(23) /* MMX */ |                     \
     BIT(24) /* FXSR */ | BIT(25) /* SSE */ | BIT(26) /* SSE2 */)
#define HT BIT(28)
#define FEATURE_1_ECX_HOST                                                                                   \
    (BIT(0) /* SSE3 */ | BIT(1) /* PCLMULQDQ */ | BIT(9) /* SSSE3 */ | BIT(12) /* FMA */ |                   \
     BIT(13) /* CX16 */ | BIT(19) /* SSE4.1 */ | BIT(20) /* SSE4.2 */ | BIT(22) /* MOVBE */ |                \
     BIT(23) /* POPCNT */ | BIT(25) /* AES */ | BIT(26) /* XSAVE */ | BIT(28) /* AVX */ |                    \
     BIT(29) /* F16C */ | BIT(30) /* RDRAND */)
#define FEATURE_1_ECX (BIT(21) /* x2APIC */ | BIT(24) /* TSC deadline */ | BIT(31) /* hypervisor */)
/* Leaf 7. */
#define FEATURE_7_EBX_HOST                                                                                   \
    (BIT(3) /* BMI1 */ | BIT(5) /* AVX2 */ | BIT(8) /* BMI2 */ | BIT(9) /* ERMS */ | BIT(18) /* RDSEED */ |  \
     BIT(19) /* ADX */ | BIT(23) /* CLFLUSHOPT */ | BIT(24) /* CLWB */ | BIT(29) /* SHA */)
#define FEATURE_7_EBX      (BIT(0) /* FSGSBASE */ | BIT(7) /* SMEP */)
#define FEATURE_7_ECX_HOST (BIT(8) /* GFNI */ | BIT(9) /* VAES */ | BIT(10) /* VPCLMULQDQ */)
#define FEATURE_7_ECX      (BIT(2) /* UMIP */ | BIT(22) /* RDPID */)
#define FEATURE_7_EDX_HOST BIT(4) /* FSRM */
/* 0xd.1 */
#define XSAVEC  BIT(1)
#define XGETBV1 BIT(2)
/* 0x80000001. */
#define FEATURE_EXT_EDX_SAME 0x0183f3ffu /* what repeats leaf 1 on AMD's processors */
#define FEATURE_EXT_EDX                                                                                      \
    (BIT(11) /* SYSCALL */ | BIT(20) /* NX */ | BIT(26) /* 1 GiB pages */ | BIT(27) /* RDTSCP */ |           \
     BIT(29) /* LM */)
#define FEATURE_EXT_ECX_HOST (BIT(5) /* LZCNT */ | BIT(8) /* PREFETCHW */)
#define FEATURE_EXT_ECX      (BIT(0) /* LAHF */ | BIT(4) /* CR8 */)
/* KVM's paravirtual features. */
#define KVM_FEATURES                                                                                         \
    (BIT(0) /* CLOCKSOURCE */ | BIT(1) /* NOP_IO_DELAY */ | BIT(3) /* CLOCKSOURCE2 */ |                      \
     BIT(24) /* CLOCKSOURCE_STABLE */)

/* Family 0xf, model 0x6b, stepping 1: no newer mitigations are looked for on it. */
#define SIGNATURE 0x00060fb1u

struct regs {
    uint32_t a, b, c, d;
};

static struct regs host(uint32_t leaf, uint32_t sub)
{
    struct regs r;
    __asm__("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}

static void add(struct cpuid_table *t, uint32_t leaf, uint32_t sub, bool indexed, struct regs r)
{
    t->entries[t->nr++] = (struct kvm_cpuid_entry2){
        .function = leaf,
        .index = sub,
        .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
        .eax = r.a,
        .ebx = r.b,
        .ecx = r.c,
        .edx = r.d,
    };
}

/* Twelve letters in the order in which a leaf holds them. */
static struct regs text(uint32_t eax, const char *s, bool vendor)
{
    uint32_t w[3];
    memcpy(w, s, sizeof(w));
    return vendor ? (struct regs){eax, w[0], w[2], w[1]} : (struct regs){eax, w[0], w[1], w[2]};
}

static unsigned log2_up(unsigned n)
{
    unsigned bits = 0;
    while (1u << bits < n)
        bits++;
    return bits;
}

static void basic(struct cpuid_table *t, unsigned cpu, unsigned nr_cpus)
{
    struct regs h1 = host(1, 0), h7 = host(7, 0);
    bool xsave = h1.c & BIT(26), avx = h1.c & BIT(28) && host(0xd, 0).a & BIT(2);
    uint32_t ecx = (h1.c & FEATURE_1_ECX_HOST) | FEATURE_1_ECX;
    uint32_t ebx7 = (h7.b & FEATURE_7_EBX_HOST) | FEATURE_7_EBX,
             ecx7 = (h7.c & FEATURE_7_ECX_HOST) | FEATURE_7_ECX;
    if (!avx) {
        ecx &= ~(BIT(12) | BIT(28) | BIT(29));
        ebx7 &= ~BIT(5);
        ecx7 &= ~(BIT(9) | BIT(10));
    }
    add(t, 0, 0, false, text(0x16, "AuthenticAMD", true));
    add(t, 1, 0, false,
        (struct regs){SIGNATURE, cpu << 24 | (nr_cpus & 0xff) << 16 | 8 << 8, ecx,
                      FEATURE_1_EDX | (nr_cpus > 1 ? HT : 0)});
    add(t, 7, 0, true, (struct regs){0, ebx7, ecx7, h7.d & FEATURE_7_EDX_HOST});
    if (xsave) {
        struct regs d1 = host(0xd, 1), d2 = host(0xd, 2);
        uint32_t mask = avx ? 7 : 3, size = avx ? d2.b + d2.a : 576;
        add(t, 0xd, 0, true, (struct regs){mask, size, size, 0});
        add(t, 0xd, 1, true, (struct regs){d1.a & (XSAVEC | XGETBV1), 0, 0, 0});
        if (avx)
            add(t, 0xd, 2, true, (struct regs){d2.a, d2.b, 0, 0});
    }
    /* One thread a core, all cores in one package; edx is the x2APIC id. */
    add(t, 0xb, 0, true, (struct regs){0, 1, 0x100, cpu});
    add(t, 0xb, 1, true, (struct regs){log2_up(nr_cpus), nr_cpus, 0x201, cpu});
    add(t, 0xb, 2, true, (struct regs){0, 0, 2, cpu});
}

static void frequencies(struct cpuid_table *t, uint64_t tsc_khz)
{
    uint32_t mhz = (uint32_t)(tsc_khz / 1000) & 0xffff;
    /* The crystal is said to be 1 MHz: TSC = crystal * b / a. */
    add(t, 0x15, 0, false, (struct regs){1000, (uint32_t)tsc_khz, 1000000, 0});
    add(t, 0x16, 0, false, (struct regs){mhz, mhz, 100, 0});
}

static void hypervisor(struct cpuid_table *t, uint64_t tsc_khz)
{
    add(t, 0x40000000, 0, false, text(0x40000010, "KVMKVMKVM\0\0\0", false));
    add(t, 0x40000001, 0, false, (struct regs){KVM_FEATURES, 0, 0, 0});
    add(t, 0x40000010, 0, false, (struct regs){(uint32_t)tsc_khz, 1000000, 0, 0});
}

static void extended(struct cpuid_table *t, unsigned nr_cpus)
{
    static const char brand[48] = "hospes virtual CPU";
    struct regs h = host(0x80000001, 0);
    add(t, 0x80000000, 0, false, text(0x80000008, "AuthenticAMD", true));
    add(t, 0x80000001, 0, false,
        (struct regs){SIGNATURE, 0,
                      (h.c & FEATURE_EXT_ECX_HOST) | FEATURE_EXT_ECX | (nr_cpus > 1 ? BIT(1) : 0),
                      (FEATURE_1_EDX & FEATURE_EXT_EDX_SAME) | FEATURE_EXT_EDX});
    for (unsigned i = 0; i < 3; i++) {
        uint32_t w[4];
        memcpy(w, brand + 16 * i, sizeof(w));
        add(t, 0x80000002 + i, 0, false, (struct regs){w[0], w[1], w[2], w[3]});
    }
    /* L1: 64 KiB, 2-way, 64-byte lines; L2: 512 KiB, 16-way; L3: 16 MiB. */
    add(t, 0x80000005, 0, false, (struct regs){0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140});
    add(t, 0x80000006, 0, false, (struct regs){0, 0x42004200, 0x02008140, 0x00808140});
    add(t, 0x80000007, 0, false, (struct regs){0, 0, 0, BIT(8) /* invariant TSC */});
    add(t, 0x80000008, 0, false,
        (struct regs){CPUID_PHYS_BITS | 48 << 8, 0, (log2_up(nr_cpus) << 12) | (nr_cpus - 1), 0});
}

void cpuid_build(struct cpuid_table *t, unsigned cpu, unsigned nr_cpus, uint64_t tsc_khz)
{
    memset(t, 0, sizeof(*t));
    basic(t, cpu, nr_cpus);
    frequencies(t, tsc_khz);
    hypervisor(t, tsc_khz);
    extended(t, nr_cpus);
}

/* The soft engine calls this while guest vectors are live in the host's registers. */
__attribute__((target("general-regs-only"))) void cpuid_lookup(const struct cpuid_table *t, uint32_t leaf,
                                                               uint32_t subleaf, uint32_t regs[4])
{
    regs[0] = regs[1] = regs[2] = regs[3] = 0;
    for (unsigned i = 0; i < t->nr; i++) {
        const struct kvm_cpuid_entry2 *e = &t->entries[i];
        bool indexed = e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
        if (e->function != leaf || (indexed && e->index != subleaf))
            continue;
        regs[0] = e->eax;
        regs[1] = e->ebx;
        regs[2] = e->ecx;
        regs[3] = e->edx;
        return;
    }
    if (leaf == 0xb) { /* beyond the last level: its number and this CPU's id */
        cpuid_lookup(t, leaf, 2, regs);
        regs[2] = subleaf & 0xff;
    }
}
