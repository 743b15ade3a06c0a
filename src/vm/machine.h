// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * machine: a virtual machine put together: engine, board, devices, and one thread a CPU.
 *
 * All calls come from the loop's thread with the board lock held, or before the loop runs.
 */
#pragma once

#include "base/loop.h"
#include "board/port.h"
#include "cpu/cpu.h"

#define MACHINE_DISKS 8

struct machine_disk {
    struct disk_port *port; /* borrowed */
    char serial[21];        /* what the guest sees as the disk's id */
};

struct machine_config {
    const char *name;
    unsigned cpus;
    uint64_t memory; /* bytes, multiple of 2 MiB */
    const struct engine_ops *engine;
    uint32_t engine_debug; /* CPU_DEBUG_* */

    /* Boot: a whole kernel file and initramfs in memory (borrowed until machine_new returns). */
    const char *kernel_name; /* what errors call it; NULL: "kernel" */
    const void *kernel;
    size_t kernel_len;
    const void *initrd;
    size_t initrd_len;
    const char *cmdline;

    /* Far ends, borrowed until machine_free; NULL or 0: the device is not there. */
    struct char_port *serial;
    struct char_port *console;
    struct machine_disk disks[MACHINE_DISKS];
    unsigned nr_disks;
    struct net_port *net;
    uint8_t mac[6];
    struct entropy_port *entropy;
    struct share_port *share;
    uint32_t vsock_cid; /* 0: no vsock */
    bool balloon;       /* memory can be asked back while it runs */
};

enum machine_event {
    MACHINE_POWER_OFF,    /* the guest switched itself off */
    MACHINE_RESET,        /* the guest asked for a reset */
    MACHINE_PANIC,        /* the guest's kernel panicked */
    MACHINE_TRIPLE_FAULT, /* ... so did its exception handling */
    MACHINE_ENGINE_FAILED,
};

struct machine;
/*
 * Build it; CPUs stand still. on_event is called on the loop's thread, under the board lock; after any event
 * but PANIC the CPUs have stopped. text says more in one line.
 */
int machine_new(const struct machine_config *c, struct loop *loop, pthread_mutex_t *lock,
                void (*on_event)(void *ctx, enum machine_event event, const char *text), void *ctx,
                struct machine **ret, struct err *e);
void machine_free(struct machine *m); /* stops its CPUs first; lock not held */
OWN_TYPE(machine, machine_free)

int machine_start(struct machine *m, struct err *e); /* or go on after machine_pause */
void machine_pause(struct machine *m);               /* returns when every CPU stands still */

/* ---- machine_fork.c: it stands still, and its process forks. ---- */
/* First, in the original. -EOPNOTSUPP: not with this engine. */
int machine_before_fork(struct machine *m, struct err *e);
/* In the child, whose only thread this is, loop_after_fork done: machine_start lets it go on. */
int machine_after_fork(struct machine *m, struct err *e);

bool machine_is_running(const struct machine *m); /* started, and not paused since */
void machine_power_button(struct machine *m);

/* The device through which the monitor reaches the guest's agent; NULL without vsock. */
struct virtio_vsock;
struct virtio_vsock *machine_vsock(struct machine *m);

/* How much memory the guest shall give back, and how much it says it did; bytes, 0 without balloon. -ENODEV:
 * it has no balloon; -EINVAL: more than it has. */
int machine_balloon_ask(struct machine *m, uint64_t bytes, struct err *e);
uint64_t machine_balloon_given(const struct machine *m);

const char *machine_engine(const struct machine *m);
unsigned machine_cpus(const struct machine *m);
uint64_t machine_memory(const struct machine *m); /* bytes */

/* ---- machine_stats.c: what it has done since it was made ---- */
void machine_stats(struct machine *m, unsigned cpu, struct cpu_stats *ret);
unsigned machine_stepped(struct machine *m, struct cpu_stepped ret[CPU_STEPPED]);
void machine_cache_stats(struct machine *m, struct cpu_cache_stats *ret);
uint64_t machine_cpu_ns(const struct machine *m, unsigned cpu); /* processor time of that CPU's thread */
/* Bytes of guest RAM that are resident. Looks at every page: 0.1 ms and more for each GiB. */
uint64_t machine_memory_touched(const struct machine *m);

struct machine_device { /* in: to the guest, out: from it; of disks and network cards */
    char name[16];      /* "disk0", "net" */
    uint64_t notifications, interrupts;
    uint64_t in_ops, in_bytes, out_ops, out_bytes;
};
#define MACHINE_DEVICES (MACHINE_DISKS + 6)
unsigned machine_devices(const struct machine *m, struct machine_device ret[MACHINE_DEVICES]); /* how many */
