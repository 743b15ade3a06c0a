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
    bool leaves;   /* to the dispatcher; else to a helper */
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
    unsigned nr;
    struct guest_insn insns[BLOCK_INSNS];
    struct guest_insn ahead; /* of jit_flags_wanted */
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
/* From here on the instruction at off may fault natively. */
void mark_here(struct translation *t, unsigned off);
/* addr := linear address of the memory operand; may use r9..r11 but those in keep. */
void emit_address(struct translation *t, const struct guest_insn *g, unsigned addr, unsigned tmp);
/* addr := host address of what it points to, or away to the slow path, from which `retry` is next. */
void emit_check(struct translation *t, const struct guest_insn *g, const uint8_t *retry, unsigned addr,
                unsigned tmp, unsigned bytes, bool write, bool in_slot);
void emit_mem(struct translation *t, const struct guest_insn *g);
void emit_copy(struct translation *t, const struct guest_insn *g);
void emit_lea_rip(struct translation *t, const struct guest_insn *g);
void emit_push(struct translation *t, const struct guest_insn *g);
void emit_pop(struct translation *t, const struct guest_insn *g);
void emit_leave(struct translation *t, const struct guest_insn *g);
void emit_vectors(struct translation *t, const struct guest_insn *g);

/* ---- jit_jump.c ---- */
void emit_end(struct translation *t, const struct guest_insn *g);
void emit_step(struct translation *t, unsigned off, bool in_slot);
/* Go on at a page offset (may be 4096: the next page) or beyond it. */
void emit_goto(struct translation *t, int32_t disp, unsigned from_off, uint32_t live);
void slow_path(struct translation *t, uint8_t *from, uint32_t site, bool leaves);
