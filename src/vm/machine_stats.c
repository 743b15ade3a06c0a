// SPDX-License-Identifier: GPL-2.0-or-later
/* machine_stats: what a machine has done: its CPUs, devices and memory. Threads: see machine.h. */
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "vm/machine_impl.h"

void machine_stats(struct machine *m, unsigned cpu, struct cpu_stats *ret)
{
    m->engine->ops->stats(m->engine, cpu, ret);
}

void machine_cache_stats(struct machine *m, struct cpu_cache_stats *ret)
{
    m->engine->ops->cache_stats(m->engine, ret);
}

unsigned machine_stepped(struct machine *m, struct cpu_stepped ret[CPU_STEPPED])
{
    return m->engine->ops->stepped(m->engine, ret);
}

uint64_t machine_cpu_ns(const struct machine *m, unsigned cpu)
{
    clockid_t clock;
    struct timespec t;
    if (!m->cpus[cpu].started || pthread_getcpuclockid(m->cpus[cpu].thread, &clock) ||
        clock_gettime(clock, &t) < 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- devices ---- */

struct devices {
    struct machine_device *at;
    unsigned nr;
};

static void add(struct devices *d, const char *name, const struct virtio_stats *s)
{
    struct machine_device *to = &d->at[d->nr++];
    *to = (struct machine_device){
        .notifications = s->notifications,
        .interrupts = s->interrupts,
        .in_ops = s->in_ops,
        .in_bytes = s->in_bytes,
        .out_ops = s->out_ops,
        .out_bytes = s->out_bytes,
    };
    snprintf(to->name, sizeof(to->name), "%s", name);
}

unsigned machine_devices(const struct machine *m, struct machine_device ret[MACHINE_DEVICES])
{
    struct devices d = {ret, 0};
    for (unsigned i = 0; i < MACHINE_DISKS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "disk%u", i);
        if (m->disks[i])
            add(&d, name, virtio_blk_stats(m->disks[i]));
    }
    if (m->net)
        add(&d, "net", virtio_net_stats(m->net));
    if (m->console)
        add(&d, "console", virtio_console_stats(m->console));
    if (m->fs)
        add(&d, "fs", virtio_fs_stats(m->fs));
    if (m->rng)
        add(&d, "rng", virtio_rng_stats(m->rng));
    if (m->balloon)
        add(&d, "balloon", virtio_balloon_stats(m->balloon));
    if (m->vsock)
        add(&d, "vsock", virtio_vsock_stats(m->vsock));
    return d.nr;
}

/* ---- memory ---- */

static uint64_t touched(const uint8_t *at, uint64_t bytes)
{
    unsigned char here[4096];
    uint64_t pages = bytes / RAM_PAGE, sum = 0;
    if (mincore((void *)(uintptr_t)at, bytes, here) < 0)
        return 0;
    for (uint64_t p = 0; p < pages; p++)
        sum += here[p] & 1;
    return sum * RAM_PAGE;
}

uint64_t machine_memory_touched(const struct machine *m)
{
    const uint64_t stride = 4096 * RAM_PAGE;
    unsigned nr;
    const struct ram_slot *slots = ram_slots(m->ram, &nr);
    uint64_t sum = 0;
    for (unsigned i = 0; i < nr; i++)
        for (uint64_t at = 0; at < slots[i].bytes; at += stride) {
            uint64_t left = slots[i].bytes - at;
            sum += touched(slots[i].host + at, left < stride ? left : stride);
        }
    return sum;
}
