// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvm_stats: what happened on a CPU: most exits end inside the kernel, which counts them itself.
 *
 * Source: Linux Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD: a header, descriptors with names, then the
 * figures, read at their offsets. Kernels before 5.14 have none: those counters are 0 then.
 * Threads: open before the CPU runs, stats from any.
 */
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cpu/kvm/kvm.h"

#define DESC_MAX 1024 /* descriptors that are looked at */

static const struct {
    const char *name;
    uint32_t counter;
} kernel_names[] = {
    {"exits", offsetof(struct cpu_stats, exits)},
    {"halt_exits", offsetof(struct cpu_stats, halts)},
    {"irq_injections", offsetof(struct cpu_stats, interrupts)},
    {"pf_taken", offsetof(struct cpu_stats, memory_faults)},
    {"irq_exits", offsetof(struct cpu_stats, host_interrupts)},
    {"insn_emulation", offsetof(struct cpu_stats, emulations)},
    {"tlb_flush", offsetof(struct cpu_stats, tlb_flushes)},
};
_Static_assert(sizeof(kernel_names) / sizeof(kernel_names[0]) <= KVM_COUNTERS, "at[]");

/* One descriptor: desc, its name behind it. */
static void note(struct kvm_counters *k, const struct kvm_stats_header *h, const char *name, uint32_t offset)
{
    for (size_t i = 0; i < sizeof(kernel_names) / sizeof(kernel_names[0]); i++)
        if (strncmp(name, kernel_names[i].name, h->name_size) == 0) {
            k->at[i].offset = (uint64_t)h->data_offset + offset;
            k->at[i].counter = kernel_names[i].counter;
        }
}

static bool read_names(struct kvm_counters *k)
{
    struct kvm_stats_header h;
    if (pread(k->fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) || h.num_desc > DESC_MAX || h.name_size > 256)
        return false;
    size_t bytes = sizeof(struct kvm_stats_desc) + h.name_size;
    OWN_MEM uint8_t *all = malloc(h.num_desc * bytes + 1);
    if (!all || pread(k->fd, all, h.num_desc * bytes, h.desc_offset) != (ssize_t)(h.num_desc * bytes))
        return false;
    for (uint32_t i = 0; i < h.num_desc; i++) {
        struct kvm_stats_desc d;
        memcpy(&d, all + i * bytes, sizeof(d));
        if (d.size == 1) /* not a histogram */
            note(k, &h, (const char *)all + i * bytes + sizeof(d), d.offset);
    }
    return true;
}

void kvm_stats_open(struct kvm_cpu *c)
{
    c->kernel.fd = ioctl(c->fd, KVM_GET_STATS_FD, NULL);
    if (c->kernel.fd >= 0 && !read_names(&c->kernel))
        kvm_stats_close(c);
}

void kvm_stats_close(struct kvm_cpu *c)
{
    if (c->kernel.fd >= 0)
        close(c->kernel.fd);
    c->kernel.fd = -1;
}

void kvm_stats(struct engine *g, unsigned cpu, struct cpu_stats *ret)
{
    const struct kvm_cpu *c = &((struct kvm *)g)->cpus[cpu];
    cpu_stats_copy(ret, &c->stats);
    for (unsigned i = 0; i < KVM_COUNTERS && c->kernel.fd >= 0; i++) {
        uint64_t n;
        if (c->kernel.at[i].offset &&
            pread(c->kernel.fd, &n, sizeof(n), (off_t)c->kernel.at[i].offset) == (ssize_t)sizeof(n))
            memcpy((uint8_t *)ret + c->kernel.at[i].counter, &n, sizeof(n));
    }
}

void kvm_cache_stats(struct engine *g, struct cpu_cache_stats *ret)
{
    (void)g;
    *ret = (struct cpu_cache_stats){0};
}

unsigned kvm_stepped(struct engine *g, struct cpu_stepped ret[CPU_STEPPED])
{
    (void)g, (void)ret;
    return 0;
}
