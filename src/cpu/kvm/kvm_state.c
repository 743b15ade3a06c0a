// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvm_state: one CPU's architectural state, in KVM's own structures, out of the kernel and back.
 *
 * Source: Linux Documentation/virt/kvm/api.rst. The order of setting matters: system registers first
 * (they decide what the rest means), the local APIC before its TSC deadline MSR, the run state last.
 * KVM_SET_MSRS stops at the first MSR it refuses, so each is set by itself.
 */
#include <string.h>
#include <sys/ioctl.h>

#include "cpu/kvm/kvm.h"

static const uint32_t saved_msrs[] = {
    0x10,                                                        /* TIME_STAMP_COUNTER */
    0x3b,                                                        /* TSC_ADJUST */
    0x48,                                                        /* SPEC_CTRL */
    0x174,                                                       /* SYSENTER_CS */
    0x175,                                                       /* SYSENTER_ESP */
    0x176,                                                       /* SYSENTER_EIP */
    0x1a0,                                                       /* MISC_ENABLE */
    0x277,                                                       /* PAT */
    0x200,      0x201, 0x202, 0x203, 0x204, 0x205, 0x206, 0x207, /* MTRRphys */
    0x208,      0x209, 0x20a, 0x20b, 0x20c, 0x20d, 0x20e, 0x20f, 0x250, 0x258,
    0x259,      0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f, /* MTRRfix */
    0x2ff,                                                              /* MTRRdefType */
    0xc0000081,                                                         /* STAR */
    0xc0000082,                                                         /* LSTAR */
    0xc0000083,                                                         /* CSTAR */
    0xc0000084,                                                         /* SFMASK */
    0xc0000102,                                                         /* KERNEL_GS_BASE */
    0xc0000103,                                                         /* TSC_AUX */
    0x4b564d00,                                                         /* KVM wall clock */
    0x4b564d01,                                                         /* KVM system time */
    0x4b564d02,                                                         /* KVM async page faults */
    0x4b564d03,                                                         /* KVM steal time */
    0x4b564d04,                                                         /* KVM PV EOI */
    0x4b564d05,                                                         /* KVM poll control */
    0x6e0, /* TSC_DEADLINE, after the local APIC */
};
_Static_assert(sizeof(saved_msrs) / sizeof(saved_msrs[0]) <=
                   sizeof(((struct cpu_state *)0)->msrs) / sizeof(struct kvm_msr_entry),
               "cpu_state has room for every saved MSR");

struct one_msr {
    struct kvm_msrs head;
    struct kvm_msr_entry entry;
};

static void get_msrs(int fd, struct cpu_state *s)
{
    s->nr_msrs = 0;
    for (size_t i = 0; i < sizeof(saved_msrs) / sizeof(saved_msrs[0]); i++) {
        struct one_msr m = {.head.nmsrs = 1, .entry.index = saved_msrs[i]};
        if (ioctl(fd, KVM_GET_MSRS, &m) == 1)
            s->msrs[s->nr_msrs++] = m.entry;
    }
}

/* One this KVM does not know is let pass: what the guest may see of it, CPUID has decided. */
static void set_msrs(int fd, const struct cpu_state *s)
{
    for (unsigned i = 0; i < s->nr_msrs; i++) {
        struct one_msr m = {.head.nmsrs = 1, .entry = s->msrs[i]};
        ioctl(fd, KVM_SET_MSRS, &m);
    }
}

/* One part of the state: which call moves it, where it lies, what to call it in a message. */
struct part {
    unsigned long get, set;
    size_t offset;
    const char *name;
};
#define PART(NAME, member) {KVM_GET_##NAME, KVM_SET_##NAME, offsetof(struct cpu_state, member), #NAME}
static const struct part parts[] = {
    PART(SREGS, sregs),         PART(REGS, regs),          PART(XCRS, xcrs),   PART(XSAVE, xsave),
    PART(DEBUGREGS, debugregs), PART(VCPU_EVENTS, events), PART(LAPIC, lapic),
};

/* A processor without XSAVE has no XCR0, and KVM refuses even to set none. */
static bool is_absent(const struct part *p, const struct cpu_state *s)
{
    return p->set == KVM_SET_XCRS && s->xcrs.nr_xcrs == 0;
}

int kvm_state_get(struct engine *g, unsigned cpu, struct cpu_state *ret, struct err *e)
{
    int fd = ((struct kvm *)g)->cpus[cpu].fd;
    OWN_MEM struct cpu_state *s = calloc(1, sizeof(*s));
    if (!s)
        return err_code(e, -ENOMEM, "state of cpu %u", cpu);
    if (ioctl(fd, KVM_GET_MP_STATE, &s->mp_state) < 0)
        return err_sys(e, "KVM_GET_MP_STATE");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (ioctl(fd, parts[i].get, (uint8_t *)s + parts[i].offset) < 0)
            return err_sys(e, "KVM_GET_%s", parts[i].name);
    get_msrs(fd, s);
    *ret = *s;
    return 0;
}

int kvm_state_set(struct engine *g, unsigned cpu, const struct cpu_state *s, struct err *e)
{
    int fd = ((struct kvm *)g)->cpus[cpu].fd;
    if (s->nr_msrs > sizeof(s->msrs) / sizeof(s->msrs[0]))
        return err_set(e, -EINVAL, "state of cpu %u: %u MSRs", cpu, s->nr_msrs);
    /* What KVM refuses in the middle must not leave a half-set CPU: put the old state back then. */
    OWN_MEM struct cpu_state *old = malloc(sizeof(*old));
    if (!old)
        return err_code(e, -ENOMEM, "state of cpu %u", cpu);
    int rc = kvm_state_get(g, cpu, old, e);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (is_absent(&parts[i], s) || ioctl(fd, parts[i].set, (const uint8_t *)s + parts[i].offset) == 0)
            continue;
        rc = err_sys(e, "KVM_SET_%s", parts[i].name);
        for (size_t j = 0; j <= i; j++)
            ioctl(fd, parts[j].set, (uint8_t *)old + parts[j].offset);
        return rc;
    }
    set_msrs(fd, s);
    if (ioctl(fd, KVM_SET_MP_STATE, &s->mp_state) < 0)
        return err_sys(e, "KVM_SET_MP_STATE");
    return 0;
}
