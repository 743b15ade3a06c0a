// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_block: a block on its way from guest to host code: what the files that write code share.
 */
#pragma once

#include "cpu/soft/jit_asm.h"
#include "cpu/soft/jit_decode.h"
#include "cpu/soft/jit_group.h"

#define SLOW_MAX (4 * BLOCK_INSNS + 16)

/* A jump out of line that is to be resolved when the block's body stands. */
struct slow {
    uint8_t *from;    /* its displacement */
    uint32_t site;    /* what to say in jit_site */
    uint8_t reg;      /* one of r9..r11 that carries it to a helper; 0: to the dispatcher */
    uint32_t add_tag; /* a miss: offset of the TLB array whose tag, at `reg`, makes the site's register an
                         address */
    bool call;        /* to C: site is a number of jit_call.h */
    bool store_rip;   /* r9 is the linear address to go on at */
};

/* A copied immediate of four bytes: where from the block's start, and in host code. */
struct number {
    uint16_t off;
    uint32_t code;
};

struct translation {
    struct jit *j;
    struct vcpu *v;
    struct out o;
    uint64_t gpa; /* of the block */
    uint32_t mode, block;
    const uint8_t *page;
    const uint8_t *next;          /* MODE_ACROSS: the next page */
    uint32_t tlb_read, tlb_write; /* offsets of the arrays in struct vcpu */
    bool vectors;                 /* already seen to be in the registers */
    bool in_slot;                 /* the guest's flags are in the slot, not in the host's */
    uint8_t holds[3];             /* r9..r11: jit_scratch.c */
    uint16_t guest_uses[3];       /* of the guest's r9..r11 in this block */
    uint32_t pinned;              /* of r9..r11: a loop's, see jit_loop.c */
    uint8_t loop_count, loop_spare, loop_kept, loop_keeps[2];
    unsigned nr_groups;
    uint8_t now;     /* instruction that is being written */
    int32_t rsp_off; /* the guest's RSP is the host's + this: between pushes and pops only */
    unsigned nr;
    struct guest_insn insns[BLOCK_INSNS];
    struct guest_insn ahead; /* of jit_flags_wanted */
    uint64_t lines_ahead;
    uint64_t hot; /* lines of the page in which places are patched */
    struct group groups[GROUPS];
    unsigned nr_numbers;
    struct number numbers[BLOCK_INSNS];
    unsigned nr_slow;
    struct slow slow[SLOW_MAX];
};

static inline uint32_t code_at(const struct translation *t, const uint8_t *at)
{
    return (uint32_t)(at - t->j->rw);
}

/* ---- jit_scratch.c ---- */
#define SCRATCH_REGS (1u << R9 | 1u << R10 | 1u << R11)
/* What one of r9..r11 holds: HOLDS_DELTA + a group's number, or one of these. */
enum { HOLDS_NOTHING, HOLDS_GUEST, HOLDS_DELTA };
/* One of the three but those in the mask; it holds nothing from now on. */
unsigned scratch_take(struct translation *t, uint32_t avoid);
void scratch_lose(struct translation *t, uint32_t mask);
/* Those of the mask may be overwritten after a label to which code goes back. */
void scratch_prepare(struct translation *t, uint32_t mask);
/* The guest's registers of the mask are in the host's; were set there. */
void scratch_guest(struct translation *t, uint32_t mask);
void scratch_written(struct translation *t, uint32_t mask);
/* A register with a group's delta; `reg` has it. */
unsigned scratch_delta(struct translation *t, unsigned group, uint32_t avoid);
void scratch_has_delta(struct translation *t, unsigned group, unsigned reg);
/* The guest's flags, if they are live, give way to a check; they return before who needs the host's; before
 * and after an instruction that may read or set them. */
void flags_away(struct translation *t, uint32_t live, uint32_t avoid);
void flags_back(struct translation *t, uint32_t avoid);
void flags_for(struct translation *t, const struct guest_insn *g, uint32_t avoid);
void flags_after(struct translation *t, const struct guest_insn *g);

/* ---- jit_place.c ---- */
/* A host operand: [base + index + disp]. */
struct place {
    uint8_t base, index, scale;
    int32_t disp;
};
/* Where access `slot` of an instruction (0: its operand, 1: the stack) is in the host, after a check if none
 * has been made yet; its registers are none of those in g->uses or keep. */
struct place place_of(struct translation *t, const struct guest_insn *g, unsigned slot, const struct where *w,
                      unsigned bytes, bool write, uint32_t keep);
/* a := offset in its page of the lowest byte of a group, checked before its block does anything; x := TLB
 * slot. */
void place_ahead(struct translation *t, const struct group *k, const struct where *w, unsigned a, unsigned x);
/* x, a TLB slot, := the delta for operands like this. */
void place_delta(struct translation *t, const struct group *k, const struct where *w, unsigned x);
uint32_t scratch_bits(const struct where *w); /* of r9..r11, in its address */
uint32_t place_regs(const struct place *p);   /* of r9..r11 */
/* jit_encode.c; high: the low byte instead of AH, CH, DH, BH. */
void put_with_place(struct out *o, const struct insn *i, const struct place *p, bool high);

/* ---- jit_mem.c ---- */
/* Host RSP is the guest's; nothing to do unless pushes or pops came before. */
void settle_rsp(struct translation *t);
bool check_is_made(const struct translation *t, const struct guest_insn *g, unsigned slot);
struct place place_operand(struct translation *t, const struct guest_insn *g, unsigned bytes, bool write);
struct place place_stack(struct translation *t, const struct guest_insn *g, unsigned base, int32_t disp,
                         bool write, uint32_t keep);
void load_place(struct translation *t, unsigned reg, const struct place *p);
void store_place(struct translation *t, unsigned reg, const struct place *p);
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

/* ---- jit_string.c ---- */
bool string_inline(const struct guest_insn *g);
void emit_string(struct translation *t, const struct guest_insn *g);

/* ---- jit_bit.c ---- */
void emit_bit(struct translation *t, const struct guest_insn *g);
/* ---- jit_loose.c ---- */
uint64_t loose_lines(struct jit *j, uint64_t gpa_page);
void loose_hole(struct block *b, const struct guest_insn *g);
bool loose_wanted(struct translation *t, const struct guest_insn *g);
void emit_loose(struct translation *t, const struct guest_insn *g);
void loose_load(struct translation *t, const struct guest_insn *g,
                unsigned reg); /* reg := a jump's displacement */

/* ---- jit_shape.c ---- */
void shape_number(struct translation *t, const struct guest_insn *g); /* about to be copied */
void shape_note(struct translation *t);                               /* the block is made */

/* ---- jit_block.c ---- */
void emit_one(struct translation *t, const struct guest_insn *g);
void emit_loop_vectors(struct translation *t);
/* Arithmetic flags that the code at this page offset wants. */
uint32_t block_flags_wanted(struct translation *t, int64_t off);

/* ---- jit_loop.c ---- */
bool loop_plan(struct translation *t); /* can it be done so? Groups and registers are given then. */
void emit_loop(struct translation *t);
struct place loop_place(struct translation *t, unsigned number, const struct where *w, uint32_t busy);

/* ---- jit_jump.c ---- */
void emit_way_out(struct translation *t, const struct guest_insn *g); /* if a jump backwards is not taken */
void emit_side_exit(struct translation *t, const struct guest_insn *g);
void emit_end(struct translation *t, const struct guest_insn *g);
void emit_step(struct translation *t, unsigned off);
void emit_cut(struct translation *t, unsigned off);
void emit_page(struct translation *t);
/* Where jumps by the jump cache come in. If the flags may stay in the slot, the block is entered by a short
 * jump: returns where its displacement lies. */
uint8_t *emit_entry(struct translation *t, bool in_slot);
void make_beyond(struct translation *t); /* the code that all jumps out of their page share */
/* Go on at a page offset (may be 4096: the next page) or beyond it. */
void emit_goto(struct translation *t, int32_t disp, unsigned from_off, uint32_t live);
struct slow *slow_path(struct translation *t, uint8_t *from, uint32_t site, unsigned reg);
