// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvm: the parts of the KVM engine and what they share. Outside, the engine is `engine_kvm` (cpu/cpu.h).
 *
 *   kvm.c        machine, CPUs, run loop      kvm_state.c  KVM structures in and out
 *   kvm_cpuid.c  the CPU that guests see, cut to what this KVM offers
 *   kvm_stats.c  what happened on it
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "cpu/cpu.h"

#define KVM_COUNTERS 8 /* of the kernel's that we show */

/* The kernel's own counters of a CPU. */
struct kvm_counters {
    int fd; /* -1: this kernel has none */
    struct {
        uint64_t offset;  /* in fd; 0: not counted */
        uint32_t counter; /* byte offset in struct cpu_stats */
    } at[KVM_COUNTERS];
};

struct kvm_cpu {
    int fd;
    unsigned index;
    struct kvm_run *run; /* shared with the kernel */
    pthread_mutex_t lock;
    bool inside; /* a thread is in run: kick may signal it (under lock) */
    pthread_t thread;
    _Atomic bool kicked;
    struct cpu_stats stats; /* what this process sees */
    struct kvm_counters kernel;
};

struct kvm {
    struct engine engine; /* first */
    struct cpu_config config;
    int dev, vm; /* /dev/kvm and the machine */
    size_t run_bytes;
    struct kvm_cpu cpus[CPU_MAX];
};

/* Tell KVM what CPUID shows on this CPU. -errno. */
int kvm_cpuid_set(struct kvm *k, unsigned cpu, struct err *e);

/* Once the CPU is there and does not run yet: later its thread holds what the kernel locks. Never fails. */
void kvm_stats_open(struct kvm_cpu *c);
void kvm_stats_close(struct kvm_cpu *c);
void kvm_stats(struct engine *g, unsigned cpu, struct cpu_stats *ret);
void kvm_cache_stats(struct engine *g, struct cpu_cache_stats *ret);
unsigned kvm_stepped(struct engine *g, struct cpu_stepped ret[CPU_STEPPED]);

int kvm_state_get(struct engine *g, unsigned cpu, struct cpu_state *ret, struct err *e);
int kvm_state_set(struct engine *g, unsigned cpu, const struct cpu_state *s, struct err *e);
