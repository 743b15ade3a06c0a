// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu: what executes guest instructions, behind one table: `kvm` or `soft`.
 *
 * One architectural state for both: the KVM UAPI structures (<linux/kvm.h>), in memory and in
 * snapshots. With in_kernel_irqchip (kvm) the engine owns PIC, PIT, I/O APIC and local APICs and takes
 * wires and MSIs itself; without it (soft) vm/ builds them from dev/ and plugs a cpu_intc in.
 */
#pragma once

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "board/bus.h"
#include "board/ram.h"

/*
 * The interrupt controllers as a CPU sees them; implemented by dev/lapic.c, plugged in by vm/.
 * Threads: called on the vCPU's own thread, no lock held; implementations take what they need.
 */
struct cpu_intc {
    void *ctx;
    /* Highest vector that may be delivered to this CPU now: pending only looks, ack takes it. -1: none. */
    int (*pending)(void *ctx, unsigned cpu);
    int (*ack)(void *ctx, unsigned cpu);
    /* Local APIC register by its x2APIC number (MSR 0x800+reg, MMIO offset reg<<4). The ICR is one
     * 64-bit register (0x30). false: no such register or reserved bits set, the access faults (#GP, x2APIC).
     */
    bool (*apic_read)(void *ctx, unsigned cpu, unsigned reg, uint64_t *ret);
    bool (*apic_write)(void *ctx, unsigned cpu, unsigned reg, uint64_t val);
    uint64_t (*base_read)(void *ctx, unsigned cpu); /* IA32_APIC_BASE */
    bool (*base_write)(void *ctx, unsigned cpu, uint64_t val);
    uint8_t (*tpr_read)(void *ctx, unsigned cpu); /* CR8: 0..15 */
    void (*tpr_write)(void *ctx, unsigned cpu, uint8_t cr8);
    /* IA32_TSC_DEADLINE in guest TSC ticks, 0 disarms; deadline_ns is the same on CLOCK_MONOTONIC. */
    void (*deadline_write)(void *ctx, unsigned cpu, uint64_t tsc, uint64_t deadline_ns);
    uint64_t (*deadline_read)(void *ctx, unsigned cpu);
    /* INIT reset this CPU's local APIC. */
    void (*reset)(void *ctx, unsigned cpu);
    bool (*state_get)(void *ctx, unsigned cpu, struct kvm_lapic_state *ret);
    bool (*state_set)(void *ctx, unsigned cpu, const struct kvm_lapic_state *s);
};

struct cpu_config {
    unsigned nr_cpus; /* 1..CPU_MAX */
    struct ram *ram;
    struct bus *mem, *io;        /* whatever is not RAM; accesses are 1, 2, 4 or 8 bytes */
    const struct cpu_intc *intc; /* NULL for an engine with in_kernel_irqchip */
    uint32_t debug;              /* CPU_DEBUG_* */
};
#define CPU_MAX 64

/* Debug options (--engine-debug): switch one optimisation off, so that a failure can be bisected. */
enum cpu_debug {
    CPU_DEBUG_STEP = 1 << 0,        /* no translation: every instruction through the stepper */
    CPU_DEBUG_NO_CHAIN = 1 << 1,    /* blocks return to the dispatcher */
    CPU_DEBUG_NO_TLB = 1 << 2,      /* every access takes the slow path */
    CPU_DEBUG_SMALL_CACHE = 1 << 3, /* little room for translations: thrown away all the time */
    CPU_DEBUG_NO_LIVE = 1 << 4,     /* flags count as live everywhere */
    CPU_DEBUG_NO_JCACHE = 1 << 5,   /* indirect jumps go to the dispatcher */
    CPU_DEBUG_NO_GROUPS = 1 << 6,   /* every access has its own check */
    CPU_DEBUG_NO_TRACES = 1 << 7,   /* blocks end at every jump */
    CPU_DEBUG_NO_SYS = 1 << 8,      /* system and string instructions go to the dispatcher */
    CPU_DEBUG_NO_WALK = 1 << 9,     /* every walk of page tables goes the long way */
    CPU_DEBUG_NO_FORMS = 1 << 11,   /* every instruction is decoded by Zydis */
    CPU_DEBUG_NO_OPEN = 1 << 12,    /* every write into a page with translated code goes by itself */
    CPU_DEBUG_NO_LOOPS = 1 << 15,   /* loops are checked in every round */
    CPU_DEBUG_NO_ACROSS = 1 << 14,  /* instructions in two pages go to the stepper */
    CPU_DEBUG_NO_LOOSE = 1 << 13,   /* numbers in code that are written often are translated like any */
};

enum cpu_exit {
    CPU_EXIT_STOPPED,  /* cpu_kick was called */
    CPU_EXIT_SHUTDOWN, /* triple fault */
    CPU_EXIT_FAILED,   /* the engine cannot go on; the error says why */
};

/* Everything of one CPU, as the KVM UAPI has it. xsave is the standard (not compacted) format. */
struct cpu_state {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_xsave xsave;
    struct kvm_xcrs xcrs;
    struct kvm_vcpu_events events;
    struct kvm_debugregs debugregs;
    struct kvm_mp_state mp_state;
    struct kvm_lapic_state lapic;
    unsigned nr_msrs;
    struct kvm_msr_entry msrs[96];
};

/*
 * Counters of one CPU since its machine was made; what each means: the table in cpu/stats.c. 0 where an
 * engine does not count. Only the CPU's own thread writes them (cpu_count), any may read.
 */
struct cpu_stats {
    uint64_t mmio_reads, mmio_writes, io_reads, io_writes;
    uint64_t halts, interrupts, requests, tlb_flushes;
    /* soft */
    uint64_t blocks, code_bytes, steps, lookups, invalidations;
    uint64_t tlb_misses[3]; /* of reads, writes, fetches */
    uint64_t page_flushes, page_faults, exceptions, syscalls;
    /* kvm */
    uint64_t exits, memory_faults, host_interrupts, emulations;
};

static inline void cpu_count_by(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void cpu_count(uint64_t *counter)
{
    cpu_count_by(counter, 1);
}

/* A reader's copy. */
static inline void cpu_stats_copy(struct cpu_stats *ret, const struct cpu_stats *from)
{
    for (size_t i = 0; i < sizeof(*ret) / sizeof(uint64_t); i++)
        ((uint64_t *)ret)[i] = __atomic_load_n((const uint64_t *)from + i, __ATOMIC_RELAXED);
}

struct cpu_cache_stats {  /* of the soft engine's translations, which all CPUs share; all 0: there are none */
    uint64_t used, bytes; /* of host code: taken now, and at most */
    uint64_t blocks;      /* made since it was emptied the last time */
    uint64_t flushes;     /* how often it was emptied because it was full */
};

/* What the soft engine's stepper had to take one by one: an instruction's name, all CPUs together. */
struct cpu_stepped {
    const char *name; /* "iretq" */
    uint64_t count;
};
#define CPU_STEPPED 12

struct engine; /* one a machine; its struct begins with a pointer to its ops */
struct engine_ops {
    const char *name; /* "kvm", "soft" */
    bool in_kernel_irqchip;

    /* All CPUs are in their state after reset, CPU 0 runnable, the others wait for SIPI. */
    int (*new)(const struct cpu_config *c, struct engine **ret, struct err *e);
    void (*free)(struct engine *g);

    /*
     * Run CPU number cpu on the calling thread until it exits; HLT waits inside. Once per thread; a CPU
     * stays with the thread that ran it first. *e is filled for CPU_EXIT_FAILED only.
     */
    enum cpu_exit (*run)(struct engine *g, unsigned cpu, struct err *e);

    /* Any thread. kick: run returns CPU_EXIT_STOPPED soon, also when it is not inside yet. */
    void (*kick)(struct engine *g, unsigned cpu);
    void (*interrupt)(struct engine *g, unsigned cpu); /* ask intc->pending again (soft) */
    void (*nmi)(struct engine *g, unsigned cpu);
    void (*init)(struct engine *g, unsigned cpu);                 /* INIT IPI (soft) */
    void (*sipi)(struct engine *g, unsigned cpu, uint8_t vector); /* start-up IPI (soft) */

    /* in_kernel_irqchip only, board lock held. */
    void (*irq_line)(struct engine *g, unsigned gsi, bool level);
    void (*msi)(struct engine *g, uint64_t addr, uint32_t data);

    /* While the CPU is not inside run. set checks first and changes nothing on -EINVAL. */
    int (*get_state)(struct engine *g, unsigned cpu, struct cpu_state *ret, struct err *e);
    int (*set_state)(struct engine *g, unsigned cpu, const struct cpu_state *s, struct err *e);

    /* Whole machine stopped / about to run: the clock stands still in between. */
    void (*pause)(struct engine *g);
    void (*resume)(struct engine *g);

    /*
     * The process is about to be forked while the machine stands still; then, in the child, before any CPU
     * runs: from there on each has a machine of its own. NULL: this engine's machines cannot be forked so.
     */
    int (*before_fork)(struct engine *g, struct err *e);
    int (*after_fork)(struct engine *g, struct err *e);

    /* Any thread, while the CPUs run. */
    void (*stats)(struct engine *g, unsigned cpu, struct cpu_stats *ret);
    void (*cache_stats)(struct engine *g, struct cpu_cache_stats *ret);
    unsigned (*stepped)(struct engine *g, struct cpu_stepped ret[CPU_STEPPED]); /* the most first; how many */
};
struct engine {
    const struct engine_ops *ops;
};

extern const struct engine_ops engine_kvm;
extern const struct engine_ops engine_soft;

/* CPU state for a boot protocol: fills regs and sregs of *s, which get_state filled after reset. */
/* (vm/boot writes them; here only what both engines agree on.) */

/* cpu/tsc.c: the host's TSC frequency; measured once and kept. */
uint64_t tsc_khz(void);
