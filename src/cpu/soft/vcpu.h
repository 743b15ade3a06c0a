// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vcpu: one CPU of the soft engine, as translated code, the stepper and the C helpers share it.
 *
 * Translated code runs with the host's GS base at this struct: the head is a fixed layout. Guest GPRs
 * live in the host registers of the same name but for r9, r10, r11, which stay in gpr[] (they are the
 * translator's scratch). Guest RSP is host RSP. Guest arithmetic flags and DF are the host's. Guest vector
 * and x87 state stays in the host's registers while vec_live is set: all of cpu/soft is built with
 * -mgeneral-regs-only and may run then; whoever calls other code (devices, libc, Zydis) calls vec_save first.
 * In C all registers are here, rip too, and flags are in rflags.
 *
 * Threads: its own, but for `request` and the fields marked any-thread (atomics).
 */
#pragma once

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "board/ram.h"
#include "cpu/cpu.h"
#include "cpu/cpuid.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

/* RFLAGS. Source: Intel SDM vol. 1, 3.4.3. */
#define FL_CF    (1u << 0)
#define FL_PF    (1u << 2)
#define FL_AF    (1u << 4)
#define FL_ZF    (1u << 6)
#define FL_SF    (1u << 7)
#define FL_TF    (1u << 8)
#define FL_IF    (1u << 9)
#define FL_DF    (1u << 10)
#define FL_OF    (1u << 11)
#define FL_IOPL  (3u << 12)
#define FL_NT    (1u << 14)
#define FL_RF    (1u << 16)
#define FL_VM    (1u << 17)
#define FL_AC    (1u << 18)
#define FL_ID    (1u << 21)
#define FL_ARITH (FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF)

enum {
    EXC_DE,
    EXC_DB,
    EXC_NMI,
    EXC_BP,
    EXC_OF,
    EXC_BR,
    EXC_UD,
    EXC_NM,
    EXC_DF,
    EXC_TS = 10,
    EXC_NP,
    EXC_SS,
    EXC_GP,
    EXC_PF,
    EXC_MF = 16,
    EXC_AC,
    EXC_MC,
    EXC_XM
};

/* A segment register with its hidden part. attr: bits 8..15 and 20..23 of the descriptor's second
 * word, shifted down by 8 (type, S, DPL, P | AVL, L, D/B, G at bits 12..15). limit is in bytes. */
struct seg {
    uint64_t base;
    uint32_t limit;
    uint16_t sel;
    uint16_t attr;
    bool unusable;
};

/*
 * TLB entry in the form that one compare tests: t = va - tag; hit if t <= 4096 - size (unsigned), then
 * the bytes are at host + t, and at va + delta. An empty entry's tag differs from every address of its slot
 * in the index bits. A page with MMIO has no entry; a page with translated code has no write entry.
 */
struct tlb_entry {
    uint64_t tag;
    uint64_t host;
    uint64_t delta; /* host - tag */
    uint64_t unused;
};
#define TLB_BITS      12 /* kernels use few pages, far apart: 10 cost a system call five misses */
#define TLB_SIZE      (1u << TLB_BITS)
#define TLB_INDEX(va) (((va) >> 12) & (TLB_SIZE - 1))
#define TLB_OPENED    16
struct tlb {
    struct tlb_entry read[TLB_SIZE];
    struct tlb_entry write[TLB_SIZE];
};
/* Which slots of one array are in use, and which of these hold (a piece of) a global or a large page: flushes
 * look here only. */
struct tlb_used {
    uint64_t used[TLB_SIZE / 64];
    uint64_t global[TLB_SIZE / 64];
    uint64_t large[TLB_SIZE / 64];
    uint64_t words; /* of used[]: those that may have a bit set */
    uint64_t gibs;  /* no large page's piece is of a GiB whose bit (30..35 of the address) is not set */
};
enum { BANK_KERNEL, BANK_USER, BANK_COUNT }; /* by CPL < 3; SMAP is hidden from guests */

/* Why a vCPU shall leave translated code: bits of `request`, polled as one 32-bit word. */
#define REQ_KICK      (1u << 0) /* run returns CPU_EXIT_STOPPED */
#define REQ_INTERRUPT (1u << 1) /* ask intc->pending */
#define REQ_NMI       (1u << 2)
#define REQ_INIT      (1u << 3)
#define REQ_SIPI      (1u << 4)
#define REQ_CODE      (1u << 5) /* pages became code or were written: see smc.h */
#define REQ_QUIESCE   (1u << 6) /* wait outside of translated code until the code cache was emptied */
#define REQ_TRAP      (1u << 7) /* own thread: TF or a debug condition, one step at a time */

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH, ACCESS_COUNT };

/* Where a fault goes: what __builtin_setjmp fills, no libc that might touch vectors. See soft_try. */
struct fault_env {
    void *regs[5];
    struct fault_env *outer;
};

struct exception {
    uint8_t vector;
    bool has_error;
    bool fault; /* #DB: before the instruction, which shall not meet it again */
    uint32_t error;
    uint64_t addr; /* #PF: what CR2 becomes; #DB: what DR6 gains */
};

struct jcache_entry {
    uint64_t va;
    uint64_t code;
};
#define JCACHE_BITS  16 /* for each of kernel and user code: compilers have tens of thousands of targets */
#define JCACHE_WORDS ((1u << JCACHE_BITS) / 64)
#define JCACHE_PAGES 8192
/* What a bank of the jump cache holds, so that clearing costs what is in use. pages, gibs and halves are
 * filters: no entry is of a page (large page, half of the address space) whose bit is not set. */
struct jcache_used {
    uint64_t slots[JCACHE_WORDS];
    uint64_t words[JCACHE_WORDS / 64]; /* of slots[]: those with a bit set */
    uint64_t pages[JCACHE_PAGES / 64]; /* by their lowest bits */
    uint64_t gibs;                     /* by bits 30..35 */
    uint8_t halves;                    /* 1: lower, 2: upper */
    bool local;                        /* of pages that are not global */
};

/* A page table of the guest's, found before: see walk_fast.c. */
struct walk_table {
    uint64_t tag; /* address >> 21 */
    uint64_t table, rights;
    uint64_t generation;
};
#define WALK_TABLES 64u

struct soft;
struct stepper;

struct vcpu {
    /* ---- fixed layout: translated code knows these offsets (asserted in state.c) ---- */
    uint64_t gpr[16];         /* 0x000 */
    uint64_t rip;             /* 0x080 */
    uint64_t rflags;          /* 0x088 IF, IOPL, ... always; arithmetic flags and DF only in C */
    _Atomic uint32_t request; /* 0x090 any-thread */
    uint32_t mode;            /* 0x094 MODE_* bits: part of a translation's key */
    uint64_t host_rsp;        /* 0x098 the C stack while guest code runs natively: free below (hostsig.c) */
    uint64_t page_va;         /* 0x0a0 virtual address of the page whose code runs (position independence) */
    uint64_t scratch[8];      /* 0x0a8 the translator's */
    uint64_t seg_base[8];     /* 0x0e8 = seg[i].base, kept equal by seg.c */
    uint64_t host_tsc_offset; /* 0x128 guest TSC = host TSC + this */
    uint8_t vec_live;         /* 0x130 guest vectors are in host registers */
    uint8_t pad[3];
    int32_t apart_left;    /* 0x134 rounds of a loop without groups, see jit_jump.c */
    uint64_t self;         /* 0x138 this struct */
    uint64_t jit_leave;    /* 0x140 where code goes that leaves, ... */
    uint64_t jit_miss;     /* 0x148 ... or that needs a helper: jit_enter.S */
    uint64_t jit_retry;    /* 0x150 where it goes on */
    uint32_t jit_site;     /* 0x158 why it left: see jit.h */
    uint32_t jit_flags;    /* 0x15c saved arithmetic flags */
    uint64_t jit_tmp[3];   /* 0x160 r9..r11 of code that needs a helper */
    uint64_t jit_delta[8]; /* 0x178 of groups, see jit_group.h */
    uint64_t jit_call;     /* 0x1b8 where code goes that wants C to run an instruction */
    struct tlb tlb[BANK_COUNT] __attribute__((aligned(64))); /* 0x1c0 */
    struct jcache_entry jcache[BANK_COUNT][1u << JCACHE_BITS];

    /* ---- C only ---- */
    struct soft *soft;
    unsigned index;
    struct seg seg[SEG_COUNT];
    struct {
        uint64_t base;
        uint16_t limit;
    } gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, xcr0, efer;
    uint64_t dr[8];
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, misc_enable, tsc_aux, mtrr_def;
    uint64_t mtrr_phys[16], mtrr_fixed[11];
    uint64_t spec_ctrl;
    uint64_t pv_system_time, pv_wall_clock; /* kvm-clock MSRs */

    struct tlb_entry fetch[BANK_COUNT][TLB_SIZE]; /* host is 0 for code that is not in RAM */
    struct tlb_used tlb_used[BANK_COUNT][ACCESS_COUNT];
    struct tlb_entry code_write[BANK_COUNT]; /* the last writable page with translated code, for C */
    _Atomic uint64_t opened[TLB_OPENED];     /* pages that held code with a write entry: host address, bank */
    uint16_t opened_slot[TLB_OPENED];
    unsigned next_opened;

    struct walk_table walk_tables[WALK_TABLES];
    uint64_t walk_generation; /* of those that count; 0 is none's */

    /* The page of the local APIC's registers, UINT64_MAX while they are not in memory (x2APIC, disabled). */
    uint64_t apic_page;
    uint32_t apic_icr_high; /* xAPIC: destination written before the command */

    /* Interruptibility: sti and mov ss shadow one instruction; NMIs are masked until iret. */
    bool shadow, shadow_ss; /* the latter: of mov ss, where single step keeps quiet too */
    bool nmi_masked, halted, wait_sipi;
    bool ask_intc; /* an interrupt may be pending, but IF was 0: whoever sets IF raises REQ_INTERRUPT */
    _Atomic uint8_t sipi_vector;
    _Atomic bool sleeping; /* in the futex wait of HLT on `request` */

    /* A fault inside a C helper unwinds here (soft_fault); the instruction's start state is in gpr/rip. */
    struct fault_env *fault_env;
    struct exception exc;
    bool event_taken;   /* this instruction went into a handler: INT n and its kin */
    uint32_t pauses;    /* PAUSE instructions so far */
    uint32_t crossings; /* groups that met a page's end */
    uint32_t db_bits;   /* DR6 gains them after this instruction (step, data breakpoint); 0: no trap is due */

    bool nmi_pending;
    bool injected; /* set_state asked for this event to be delivered first; it is in exc */

    struct stepper *stepper;

    _Atomic bool in_code; /* translated code runs, or a helper that returns to it: jit_cache.c */
    uint32_t code_generation;
    struct jcache_used jcache_used[BANK_COUNT];

    void *sig_stack; /* host signals arrive here: the guest owns RSP */
    stack_t old_sig_stack;
    sigset_t old_sig_mask;

    struct cpuid_table cpuid;
    struct cpu_stats stats;
    uint8_t xsave[4096] __attribute__((aligned(64))); /* guest's, valid while !vec_live */
};

/* Translation mode: what else a translation depends on besides its bytes. */
#define MODE_USER   (1u << 0) /* CPL 3: picks the TLB bank */
#define MODE_LONG64 (1u << 1) /* 64-bit code segment */
#define MODE_CODE32 (1u << 2) /* 32-bit default operand size (else 16, if not LONG64) */
#define MODE_FLAT   (1u << 3) /* DS, ES, SS have base 0 and no limits to check */
#define MODE_PE     (1u << 4) /* protected mode, not virtual-8086 */
#define MODE_SSE    (1u << 5) /* CR0.TS, EM and CR4.OSFXSR let SSE run */
#define MODE_AVX    (1u << 6) /* CR4.OSXSAVE and XCR0 let AVX run */
#define MODE_X87    (1u << 7) /* CR0.EM and TS let x87/MMX run */

#define VCPU_OFF(m) ((uint32_t)offsetof(struct vcpu, m))

/* Breakpoints are enabled: instructions go one by one, through the stepper. */
static inline bool vcpu_watched(const struct vcpu *v)
{
    return v->dr[7] & 0xff;
}

static inline unsigned vcpu_cpl(const struct vcpu *v)
{
    return v->mode & MODE_USER ? 3 : v->seg[SEG_SS].attr >> 5 & 3;
}
