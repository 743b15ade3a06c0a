// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * soft: the software engine's parts and what each offers the others.
 *
 *   engine.c    ops table, run loop, requests          mmu.c   page walk, TLB fill, guest memory from C
 *   excp.c      exceptions, interrupts, iret           seg.c   descriptors, far transfers, TSS
 *   sys.c       privileged instructions                msr.c   model-specific registers, kvm-clock
 *   state.c     KVM structures in and out              vec.c   guest vector state in and out
 *   insn.c      Zydis' answer boiled down              step.c  one instruction, natively, on a bounce buffer
 *   jit*.c      translation                            smc.c   pages with code, cross-CPU invalidation
 *
 * A helper that faults does not return: soft_fault() unwinds to the run loop (or to the caller's
 * own fault_env), which delivers the exception with the state at the start of the instruction.
 */
#pragma once

#include "cpu/soft/vcpu.h"

struct jit;
struct soft {
    struct engine engine; /* first */
    struct ram *ram;
    struct bus *mem, *io;
    const struct cpu_intc *intc;
    unsigned nr_cpus;
    uint32_t debug;
    uint64_t tsc_khz;
    uint8_t *marks; /* ram_marks: pages with translated code */
    struct vcpu *cpus[CPU_MAX];
    struct jit *jit; /* shared by all CPUs; NULL under CPU_DEBUG_STEP */
};

/* ---- excp.c ---- */
_Noreturn void soft_fault(struct vcpu *v, unsigned vector);                      /* without error code */
_Noreturn void soft_fault_code(struct vcpu *v, unsigned vector, uint32_t error); /* with one */
_Noreturn void soft_page_fault(struct vcpu *v, uint64_t va, uint32_t error);
/* Deliver through the IDT (real mode: IVT). soft_int: INT n, INT3, INTO with next_rip as return address.
 * Both may meet further faults; false: triple fault. */
bool soft_deliver(struct vcpu *v, unsigned vector, bool has_error, uint32_t error, bool external);
void soft_int(struct vcpu *v, unsigned vector, uint64_t next_rip);
void soft_iret(struct vcpu *v, unsigned op_bytes);

/* ---- mmu.c: guest memory by linear address; all fault precisely ---- */
/* Fill the TLB for va and return its host address, or NULL for MMIO. Faults. access_user: CPL 3 rules. */
void *mmu_fill(struct vcpu *v, uint64_t va, enum access access);
/* Host address of [va, va+size) if it lies in one page of RAM and may be accessed now without further
 * ado (writes: page has no translated code), else NULL. Faults where the guest would. */
void *mmu_host(struct vcpu *v, uint64_t va, unsigned size, enum access access);
/* Any size up to 4096, page crossings and MMIO included; writes check all pages before the first byte. */
void mmu_read(struct vcpu *v, uint64_t va, void *buf, unsigned size);
void mmu_write(struct vcpu *v, uint64_t va, const void *buf, unsigned size);
void mmu_probe_write(struct vcpu *v, uint64_t va, unsigned size); /* fault now if a write would */
/* The same as the system sees it (descriptor tables, TSS): supervisor rights whatever the CPL. */
void mmu_read_sys(struct vcpu *v, uint64_t va, void *buf, unsigned size);
void mmu_write_sys(struct vcpu *v, uint64_t va, const void *buf, unsigned size);
/* Fetch up to 15 instruction bytes at rip (linear cs.base+rip); returns how many could be read (a fault
 * is raised only if the first byte cannot). */
unsigned mmu_fetch(struct vcpu *v, uint64_t va, uint8_t buf[15]);
/* Guest-physical address of a linear one for fetching; faults. UINT64_MAX: it is not RAM. */
uint64_t mmu_fetch_gpa(struct vcpu *v, uint64_t va);
void mmu_flush(struct vcpu *v, bool global_too); /* CR3 load; CR0/CR4 change */
void mmu_flush_page(struct vcpu *v, uint64_t va);
void mmu_drop_write(struct vcpu *v, uint64_t gpa_page); /* forget write entries of this physical page */
/* Linear address of seg:offset with limit, type and canonical checks (#GP, #SS). */
uint64_t mmu_linear(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size, enum access access);

/* ---- seg.c ---- */
void seg_load(struct vcpu *v, unsigned seg, uint16_t sel);     /* mov sreg, pop sreg, lds ... */
void seg_set_real(struct vcpu *v, unsigned seg, uint16_t sel); /* real and vm86 mode */
void seg_far_jmp(struct vcpu *v, uint16_t sel, uint64_t off, unsigned op_bytes, uint64_t next_rip);
void seg_far_call(struct vcpu *v, uint16_t sel, uint64_t off, unsigned op_bytes, uint64_t next_rip);
void seg_far_ret(struct vcpu *v, unsigned op_bytes, unsigned pop_bytes);
void seg_lldt(struct vcpu *v, uint16_t sel);
void seg_ltr(struct vcpu *v, uint16_t sel);
void mode_update(struct vcpu *v); /* recompute v->mode after CR0, CR4, EFER, XCR0, CS, SS, DS, ES changed */

/* ---- sys.c: an instruction that is neither user code nor a plain far transfer ---- */
struct insn;
/* Execute it wholly (rip too). false: not one of its own. Faults. */
bool sys_execute(struct vcpu *v, const struct insn *i);

/* ---- msr.c ---- */
bool msr_read(struct vcpu *v, uint32_t msr, uint64_t *ret); /* false: #GP */
bool msr_write(struct vcpu *v, uint32_t msr, uint64_t val);
uint64_t soft_tsc(const struct vcpu *v);

/* ---- vec.c ---- */
void vec_save(
    struct vcpu *v); /* guest vectors to v->xsave if they are live; host control words to defaults */
void vec_restore(struct vcpu *v); /* the other way, if they are not */
/* Memory or port that is not RAM: vec_save, then the bus. */
uint64_t soft_bus_read(struct vcpu *v, uint64_t gpa, unsigned size);
void soft_bus_write(struct vcpu *v, uint64_t gpa, unsigned size, uint64_t val);
uint64_t soft_io_read(struct vcpu *v, uint16_t port, unsigned size);
void soft_io_write(struct vcpu *v, uint16_t port, unsigned size, uint64_t val);

/* ---- step.c ---- */
void step(struct vcpu *v); /* execute the instruction at rip, whatever it is; faults */

/* ---- jit.c ---- */
int jit_new(struct soft *s, struct jit **ret, struct err *e);
void jit_free(struct jit *j);
/* Run translated code from v->rip until a request, a fault (unwinds), or an instruction for the stepper.
 * On return gpr, rip, rflags hold the state; true: the instruction at rip is for step(). */
bool jit_run(struct vcpu *v);
void jit_jcache_clear(struct vcpu *v); /* virtual mappings or the mode's meaning changed */
void jit_flush_all(struct soft *s);    /* all translations; takes every CPU out of them first */

/* ---- smc.c ---- */
/* The page gets translations: mark it, make other CPUs forget write entries. jit's lock held. */
void smc_mark(struct vcpu *v, uint64_t gpa_page);
/* Bytes of a marked page were or are being written (by this CPU, another, or a device: v NULL). */
void smc_written(struct soft *s, struct vcpu *v, uint64_t gpa, unsigned size);
void smc_requests(struct vcpu *v); /* what REQ_CODE asks of this CPU */
