// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_block: a block on its way from guest to host code: what jit_block.c, jit_mem.c and jit_jump.c share.
 */
#pragma once

#include "cpu/soft/jit_asm.h"
#include "cpu/soft/jit_decode.h"

#define SLOW_MAX (3 * BLOCK_INSNS + 16)

/* A jump out of line that is to be resolved when the block's body stands. */
struct slow {
    uint8_t *from; /* its displacement */
    uint32_t site; /* what to say in jit_site */
    uint8_t reg;   /* one of r9..r11 that is free to carry it to a helper; 0: to the dispatcher */
};

struct translation {
    struct jit *j;
    struct vcpu *v;
    struct out o;
    uint64_t gpa; /* of the block */
    uint32_t mode, block;
    const uint8_t *page;
    uint32_t tlb_read, tlb_write; /* offsets of the arrays in struct vcpu */
    bool vectors;                 /* already seen to be in the registers */
    bool in_slot;                 /* the guest's flags are in the slot, not in the host's */
    unsigned nr;
    struct guest_insn insns[BLOCK_INSNS];
    struct guest_insn ahead; /* of jit_flags_wanted */
    uint64_t lines_ahead;
    unsigned nr_slow;
    struct slow slow[SLOW_MAX];
};

static inline uint32_t code_at(const struct translation *t, const uint8_t *at)
{
    return (uint32_t)(at - t->j->rw);
}

/* ---- jit_mem.c ---- */
/* reg := gs:[gpr] for every one of r9..r11 in the mask, and back. */
void load_scratch(struct translation *t, uint16_t mask);
void store_scratch(struct translation *t, uint16_t mask);
/* The guest's flags, if they are live, give way to a check; they return before who needs the host's. */
void flags_away(struct translation *t, uint32_t live, unsigned tmp);
void flags_back(struct translation *t, unsigned tmp);
/* Before the instruction itself: does it read flags, or leave some of the live ones alone? */
void flags_for(struct translation *t, const struct guest_insn *g, unsigned tmp);
/* After it: what it set, or nobody wants, is not in the slot. */
void flags_after(struct translation *t, const struct guest_insn *g);
/* addr := linear address of the memory operand; may use r9..r11 but those in keep. */
void emit_address(struct translation *t, const struct guest_insn *g, unsigned addr, unsigned tmp);
/* addr := host address of what it points to, or away to the slow path, from which `retry` is next. */
void emit_check(struct translation *t, const struct guest_insn *g, const uint8_t *retry, unsigned addr,
                unsigned tmp, unsigned bytes, bool write);
void emit_mem(struct translation *t, const struct guest_insn *g);
void emit_copy(struct translation *t, const struct guest_insn *g);
void emit_lea_rip(struct translation *t, const struct guest_insn *g);
void emit_push(struct translation *t, const struct guest_insn *g);
void emit_pop(struct translation *t, const struct guest_insn *g);
void emit_leave(struct translation *t, const struct guest_insn *g);
void emit_vectors(struct translation *t, const struct guest_insn *g);

/* ---- jit_sys.c ---- */
void emit_sys(struct translation *t, const struct guest_insn *g);
void emit_call_c(struct translation *t, const struct guest_insn *g);

/* ---- jit_bit.c ---- */
void emit_bit(struct translation *t, const struct guest_insn *g);

/* ---- jit_jump.c ---- */
void emit_end(struct translation *t, const struct guest_insn *g);
void emit_step(struct translation *t, unsigned off);
void make_beyond(struct translation *t); /* the code that all jumps out of their page share */
/* Go on at a page offset (may be 4096: the next page) or beyond it. */
void emit_goto(struct translation *t, int32_t disp, unsigned from_off, uint32_t live);
void slow_path(struct translation *t, uint8_t *from, uint32_t site, unsigned reg);
