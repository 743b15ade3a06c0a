// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * step: one instruction at a time, whatever it is. What the parts of the stepper share.
 *
 *   step.c         cache of decoded instructions, who runs what
 *   step_native.c  ordinary instructions: the same instruction on host registers and a host address
 *   step_memory.c  what that address is
 *   step_flow.c    near jumps, calls, stack            step_string.c  string instructions
 *   step_rare.c    decimal arithmetic, gathers, ...    step_save.c    FXSAVE, XSAVE and their kin
 *   step_enter.S   in and out of native code        step_stats.c   which instructions it had to take
 */
#pragma once

#include "cpu/soft/sys.h"

struct stepped;
typedef void step_fn(struct vcpu *v, struct stepped *s);

/* What an instruction needs of the vector units. */
enum vec_need { NEED_NONE, NEED_X87, NEED_MMX, NEED_SSE, NEED_AVX, NEED_XSAVE, NEED_UD };

/* A decoded instruction, ready to run. */
struct stepped {
    uint64_t va;
    uint32_t mode;
    struct insn insn;
    step_fn *run;
    /* step_native.c */
    enum vec_need need;
    uint8_t addr_reg; /* the register that holds the host address instead of the guest's value */
    bool has_mem;
    bool x87;           /* or MMX */
    bool masked;        /* VMASKMOV and its kin */
    bool reads, writes; /* its memory operand */
    uint8_t mem_op;
    uint16_t mem_bytes;
    uint8_t hide_at, hide_bytes; /* host addresses in what is written, to be zeroed */
    const uint8_t *code;         /* in the executable mapping */
};

#define STEP_ENTRIES      1024u
#define STEP_CODE_BYTES   96u
#define STEP_BOUNCE       1024u
#define STEP_SCRATCH_ADDR 3 /* of v->scratch: the operand's host address */

struct stepper {
    uint8_t *code_rw, *code_rx; /* one memory, two mappings: never writable and executable at one address */
    struct stepped entries[STEP_ENTRIES];
    uint64_t counts[ZYDIS_MNEMONIC_MAX_VALUE + 1];
    uint8_t bounce[STEP_BOUNCE + 64] __attribute__((aligned(64)));
};

static inline struct stepper *stepper_of(struct vcpu *v)
{
    return v->stepper;
}

static inline void step_count(struct vcpu *v, unsigned mnemonic)
{
    cpu_count(&stepper_of(v)->counts[mnemonic]);
}

/* Who runs this mnemonic in C; NULL: natively. */
step_fn *flow_handler(const struct insn *i);
step_fn *string_handler(const struct insn *i);
step_fn *rare_handler(const struct insn *i);
step_fn *save_handler(const struct insn *i);

/* MOVS and STOS of 64-bit mode with flat segments, upwards, without a decoded instruction; rip stays. false:
 * not over, the registers say how far it came. Faults. */
bool string_plain(struct vcpu *v, bool is_movs, unsigned bytes, bool rep);

/* Make the code for a slot. */
void native_prepare(struct vcpu *v, struct stepped *s, unsigned slot);
step_fn native_run;
void native_check_pending(struct vcpu *v);                     /* #MF: an x87 exception waits */
void native_check_vectors(struct vcpu *v, enum vec_need need); /* #UD, #NM */
enum vec_need native_need(const struct insn *i);
bool native_is_special(
    const struct insn *i); /* it takes more than its operand's address: not for the translator */

/* VMASKMOVPS ... VPMASKMOVQ element by element: what the mask leaves out is not accessed. off is in its
 * segment. */
bool is_masked_move(const struct insn *i);
void masked_move(struct vcpu *v, const struct insn *i, uint64_t off);

/* rip past the instruction */
static inline void step_done(struct vcpu *v, const struct stepped *s)
{
    v->rip = sys_next_rip(v, &s->insn);
}
