// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * soft: the software engine's parts and what each offers the others.
 *
 *   engine.c    ops table, life, requests from outside run.c   the run loop of one CPU
 *   walk.c      page walk                              mmu.c   guest memory from C        tlb.c   its cache
 *   excp.c      exceptions, interrupts                 iret.c  the way back               try.c   unwinding
 *   seg.c       descriptors, segment registers         far.c   far transfers              task.c  TSS
 *   sys*.c      privileged instructions                msr.c   model-specific registers   pvclock.c
 *   state.c     KVM structures in and out              vec.c   guest vector state in and out
 *   insn.c      Zydis' answer boiled down              step.c  one instruction, natively, on a bounce buffer
 *   hostsig.c   native faults of guest code            debug.c  breakpoints
 *   jit*.c      translation                            smc.c   pages with code, cross-CPU invalidation
 *
 * A helper that faults does not return: soft_fault() unwinds to the run loop (or to the caller's
 * own fault_env), which delivers the exception with the state at the start of the instruction.
 */
#pragma once

#include "cpu/soft/vcpu.h"

struct jit;
#define MARK_OPEN    2 /* RAM_MARKED was set before, and write TLB entries made since are in vcpu.opened */
#define HOST_SIGNALS 4
struct soft {
    struct engine engine; /* first */
    struct ram *ram;
    struct bus *mem, *io;
    const struct cpu_intc *intc;
    unsigned nr_cpus;
    uint32_t debug;
    uint64_t tsc_khz;
    const struct ram_slot *slots; /* ram_slots */
    unsigned nr_slots;
    uint8_t *marks;         /* ram_marks: pages with translated code, or MARK_OPEN */
    uint64_t xsave_mask;    /* components a guest may use on this host: x87, SSE, AVX */
    uint64_t tsc_offset;    /* guest TSC at power on is 0, on all CPUs */
    atomic_flag split_lock; /* locked accesses across pages, one at a time */
    uint64_t paused_tsc;    /* host TSC when pause was called */
    struct vcpu *cpus[CPU_MAX];
    struct sigaction old_action[HOST_SIGNALS]; /* who had the signals that hostsig.c catches */
    struct jit *jit;                           /* shared by all CPUs; NULL under CPU_DEBUG_STEP */
};

/* ---- try.c ---- */
/* Call fn; false: it faulted, v->exc says how. gpr, rip, rflags are as fn left them. Nests. */
bool soft_try(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg), void *arg);
_Noreturn void soft_fault_again(struct vcpu *v); /* what soft_try met, for who stands further out */
_Noreturn void soft_fault(struct vcpu *v, unsigned vector);                      /* without error code */
_Noreturn void soft_fault_code(struct vcpu *v, unsigned vector, uint32_t error); /* with one */
_Noreturn void soft_debug_fault(struct vcpu *v, uint32_t dr6);                   /* before an instruction */
_Noreturn void soft_page_fault(struct vcpu *v, uint64_t va, uint32_t error);
/* ---- excp.c ---- */
/* Deliver through the IDT (real mode: IVT). soft_int: INT n, INT3, INTO with next_rip as return address.
 * Both may meet further faults; false: triple fault. */
bool soft_deliver(struct vcpu *v, unsigned vector, bool has_error, uint32_t error, bool external);
void soft_int(struct vcpu *v, unsigned vector, uint64_t next_rip);
void soft_iret(struct vcpu *v, unsigned op_bytes, uint64_t next_rip); /* where a task that returns goes on */

/* ---- mmu.c: guest memory by linear address; all fault precisely ---- */
/* Fill the TLB for va by the rights of the CPL and return its host address. Faults. NULL: use mmu_read or
 * mmu_write, as it is MMIO or (write) a page with translated code. */
void *mmu_fill(struct vcpu *v, uint64_t va, enum access access);
/* The same, but false instead of a fault. */
bool mmu_try_fill(struct vcpu *v, uint64_t va, enum access access);
/* Host address of [va, va+size) if it lies in one page of RAM and may be accessed now without further
 * ado (writes: page has no translated code), else NULL. Faults where the guest would. */
void *mmu_host(struct vcpu *v, uint64_t va, unsigned size, enum access access);
/* Any size up to 4096, page crossings and MMIO included; writes check all pages before the first byte. */
void mmu_read(struct vcpu *v, uint64_t va, void *buf, unsigned size);
void mmu_write(struct vcpu *v, uint64_t va, const void *buf, unsigned size);
/* For locked instructions, which cannot go through a copy: also a page with translated code. If *ret_gpa is
 * not UINT64_MAX, call smc_written for it afterwards. NULL: crosses a page or is MMIO. */
void *mmu_host_locked(struct vcpu *v, uint64_t va, unsigned size, uint64_t *ret_gpa);
void mmu_probe_write(struct vcpu *v, uint64_t va, unsigned size); /* fault now if a write would */
/* The same as the system sees it (descriptor tables, TSS): supervisor rights whatever the CPL. */
void mmu_read_sys(struct vcpu *v, uint64_t va, void *buf, unsigned size);
void mmu_write_sys(struct vcpu *v, uint64_t va, const void *buf, unsigned size);
/* Fetch up to 15 instruction bytes at rip (linear cs.base+rip); returns how many could be read (a fault
 * is raised only if the first byte cannot). */
unsigned mmu_fetch(struct vcpu *v, uint64_t va, uint8_t buf[15]);
/* Guest-physical address of a linear one for fetching; faults. UINT64_MAX: it is not RAM. */
uint64_t mmu_fetch_gpa(struct vcpu *v, uint64_t va);
/* Linear address of seg:offset with limit, type and canonical checks (#GP, #SS). */
uint64_t mmu_linear(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size, enum access access);

/* ---- walk.c ---- */
struct walk {
    uint64_t gpa;  /* of va itself */
    bool writable; /* for this privilege, and dirty already */
    bool global, large;
};
/* Translate, setting accessed and dirty bits. false: *ret_error is the page fault's error code. */
bool walk_fast(struct vcpu *v, uint64_t va, enum access access, bool user,
               struct walk *ret); /* false: mmu_walk */
bool mmu_walk(struct vcpu *v, uint64_t va, enum access access, bool user, struct walk *ret,
              uint32_t *ret_error);

/* ---- tlb.c ---- */
void tlb_init(struct vcpu *v);
void tlb_insert(struct vcpu *v, unsigned bank, enum access access, uint64_t va, void *host,
                const struct walk *w);
void mmu_flush(struct vcpu *v, bool global_too); /* CR3 load; CR0/CR4 change. Clears the jump cache too */
void mmu_flush_page(struct vcpu *v, uint64_t va);
void mmu_drop_write(struct vcpu *v, uint64_t gpa_page); /* forget write entries of this physical page */
/* The same for a page that was open: they are in v->opened. */
void tlb_drop_opened(struct vcpu *v, uint64_t gpa_page);
/* A write entry for a page that is open is about to be made: whoever closes the page looks here afterwards.
 */
void tlb_note_opened(struct vcpu *v, unsigned bank, uint64_t va, const void *host);
bool tlb_has_opened(const struct vcpu *v, uint64_t gpa_page); /* any thread */
/* Forget all write entries of pages with translated code; fn is told of each such page. */
void tlb_drop_marked(struct vcpu *v, void (*fn)(struct vcpu *v, uint64_t gpa_page));

/* ---- seg.c ---- */
void seg_load(struct vcpu *v, unsigned seg, uint16_t sel);     /* mov sreg, pop sreg, lds ... */
void seg_set_real(struct vcpu *v, unsigned seg, uint16_t sel); /* real and vm86 mode */
void seg_far_jmp(struct vcpu *v, uint16_t sel, uint64_t off, unsigned op_bytes, uint64_t next_rip);
void seg_far_call(struct vcpu *v, uint16_t sel, uint64_t off, unsigned op_bytes, uint64_t next_rip);
void seg_far_ret(struct vcpu *v, unsigned op_bytes, unsigned pop_bytes);
void seg_lldt(struct vcpu *v, uint16_t sel);
void seg_ltr(struct vcpu *v, uint16_t sel);

/* ---- mode.c ---- */
/* Recompute v->mode and seg_base after CR0, CR4, EFER, XCR0, RFLAGS.VM or a segment changed. Leaves the jump
 * cache alone: its entries must tell modes apart. */
void mode_update(struct vcpu *v);

/* ---- sys.c: an instruction that is neither user code nor a plain far transfer ---- */
struct insn;
/* Execute it wholly (rip too). false: not one of its own. Faults. */
bool sys_execute(struct vcpu *v, const struct insn *i);
/* Is it, or may it be, one of its own? MOV only with registers of the system; PUSH, POP, jumps always. */
bool sys_owns(const struct insn *i);

/* ---- state.c ---- */
void state_reset(struct vcpu *v); /* after power on; also by INIT */
int state_get(struct vcpu *v, struct cpu_state *ret, struct err *e);
int state_set(struct vcpu *v, const struct cpu_state *s, struct err *e);

/* ---- msr.c ---- */
bool msr_read(struct vcpu *v, uint32_t msr, uint64_t *ret); /* false: #GP */
bool msr_write(struct vcpu *v, uint32_t msr, uint64_t val);
uint64_t soft_tsc(const struct vcpu *v);

/* ---- pvclock.c: KVM's clock for guests; both run with vectors saved ---- */
void pvclock_update(struct vcpu *v);     /* write the CPU's page where pv_system_time says */
void pvclock_wall_clock(struct vcpu *v); /* write the wall clock where pv_wall_clock says */

/* ---- vec.c ---- */
void vec_save(
    struct vcpu *v); /* guest vectors to v->xsave if they are live; host control words to defaults */
void vec_restore(struct vcpu *v); /* the other way, if they are not */
/* Memory or port that is not RAM: vec_save, then the bus. */
uint64_t soft_bus_read(struct vcpu *v, uint64_t gpa, unsigned size);
void soft_bus_write(struct vcpu *v, uint64_t gpa, unsigned size, uint64_t val);
uint64_t soft_io_read(struct vcpu *v, uint16_t port, unsigned size);
void soft_io_write(struct vcpu *v, uint16_t port, unsigned size, uint64_t val);

/* ---- hostcall.c: system calls of the host that leave guest vectors alone ---- */
long soft_futex(void *word, int op, uint32_t val);
void soft_yield(void);
long soft_syscall(long nr, long a, long b, long c, long d, long e, long f);

/* ---- step.c ---- */
int step_new(struct vcpu *v, struct err *e); /* its memory; step_free takes half-built ones */
void step_free(struct vcpu *v);
void step(struct vcpu *v); /* execute the instruction at rip, whatever it is; faults */
int step_after_fork(struct vcpu *v, struct err *e); /* in the child: its native code anew */
unsigned step_stats(const struct soft *s, struct cpu_stepped ret[CPU_STEPPED]); /* any thread; how many */

/* ---- jit.c ---- */
int jit_new(struct soft *s, struct jit **ret, struct err *e);
void jit_free(struct jit *j);
/* Run translated code from v->rip until a request, a fault (unwinds), or an instruction for the stepper.
 * On return gpr, rip, rflags hold the state; true: the instruction at rip is for step(). */
bool jit_run(struct vcpu *v);
void jit_jcache_clear(struct vcpu *v);                   /* virtual mappings or the mode's meaning changed */
void jit_jcache_clear_local(struct vcpu *v);             /* ... but those of global pages did not */
void jit_jcache_clear_page(struct vcpu *v, uint64_t va); /* ... this page's only, be it 4 KiB or larger */
void jit_flush_all(struct soft *s); /* all translations; takes every CPU out of them first */
void jit_stats(const struct soft *s, struct cpu_cache_stats *ret);
int jit_before_fork(struct jit *j, struct err *e); /* no CPU runs: what there is will be shared */
int jit_after_fork(struct jit *j, struct err *e);  /* in the child */
void jit_quiesce(struct vcpu *v); /* what REQ_QUIESCE asks: wait outside until the cache was emptied */
/* Bytes were written: no translation of them may be entered again. v: the CPU that wrote, or NULL.
 * Unmarks the page (ram_mark) when it has no translations left. Takes jit's lock, so translate addresses
 * (which sets accessed bits in guest memory) before taking that. */
void jit_invalidate(struct soft *s, struct vcpu *v, uint64_t gpa, unsigned size);
/* This CPU is about to write into a marked page, not for the first time, or into code. true: the page is no
 * longer marked, all of its translations sleep. Takes jit's lock. */
bool jit_open_page(struct vcpu *v, uint64_t gpa);

/* ---- hostsig.c: a native fault (SIGFPE, SIGSEGV, SIGILL, SIGBUS) of guest code ---- */
struct host_fault {
    uint64_t pc;      /* host */
    uint64_t gpr[16]; /* host registers at the fault, by the numbers of vcpu.h */
    uint64_t rflags;
    unsigned vector; /* the CPU's: EXC_DE, EXC_GP, ... */
};
/* Is pc guest code of this part? Then put the guest's state at the start of the faulting instruction into
 * gpr, rip, rflags and return true: the fault is raised as soft_fault(vector) on the C stack. Signal context.
 */
bool jit_host_fault(struct vcpu *v, const struct host_fault *f);
bool step_host_fault(struct vcpu *v, const struct host_fault *f);
int hostsig_enter(struct vcpu *v, struct err *e); /* this thread's faults from now on; GS base = v */
void hostsig_leave(struct vcpu *v);
void hostsig_fini(struct vcpu *v);

/* ---- debug.c ---- */
void debug_code(struct vcpu *v); /* raises #DB if there is a breakpoint at rip */
void debug_data(struct vcpu *v, uint64_t va, unsigned size, enum access access); /* notes what is hit */

/* ---- smc.c ---- */
void smc_unmark(struct soft *s,
                uint64_t gpa_page); /* it has no translations that are awake. jit's lock held */
/* The page gets translations: mark it, make other CPUs forget write entries. jit's lock held. */
void smc_mark(struct vcpu *v, uint64_t gpa_page);
/* Bytes of a marked page were or are being written (by this CPU, another, or a device: v NULL). */
void smc_written(struct soft *s, struct vcpu *v, uint64_t gpa, unsigned size);
/* No CPU writes any more to a page that was marked before by an entry from earlier times. */
bool smc_settled(const struct soft *s);
void smc_requests(struct vcpu *v); /* what REQ_CODE asks of this CPU */
