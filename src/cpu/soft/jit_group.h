// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_group: accesses of a block that go through the same registers need one look into the TLB together.
 *
 * A register keeps its version until it changes by an unknown amount; constant additions, pushes and pops
 * move its offset only. The accesses through one version of base and index form a group: at its first access
 * the bytes from the lowest to the highest are checked to lie in one page, and the delta from their linear
 * addresses to the host's goes into a slot, from where the others take it. If the check fails for good (two
 * pages, or not all may be accessed so) the block is left for one without groups (MODE_NO_GROUPS).
 */
#pragma once

#include "cpu/soft/jit_decode.h"

#define GROUPS      24u
#define GROUP_SLOTS 8u

/* A memory operand: base + (index << scale) + disp, in a segment or in the block's page. */
struct where {
    uint8_t base, index, scale; /* registers; NO_REG: none */
    uint8_t seg;                /* SEG_FS, SEG_GS, or 0 */
    bool page;                  /* disp counts from the page's address: RIP-relative */
    bool addr32;                /* cut to 32 bits */
    bool moffs;                 /* disp has 64 bits */
    int64_t disp;
};

/* Offsets count from the registers' values when their versions began. */
struct group {
    struct where key;
    unsigned version;  /* of base and index together */
    int32_t min, max;  /* bytes of all accesses by offset, max excluded */
    int32_t first_off; /* of the first access */
    uint16_t first_bytes, count;
    uint8_t first, last; /* instructions */
    uint8_t slot;        /* of v->jit_delta */
    int32_t stride;      /* of a loop: by how much it moves each round */
    bool write, first_write;
    bool open;   /* its check has been written */
    bool stored; /* the slot has the delta */
};

/* The operand of an instruction that has one; where its stack access goes. */
struct where where_operand(const struct guest_insn *g);
struct where where_stack(unsigned base, int32_t disp);
/* Sets groups[] of each instruction. at: GROUPS of them. split: see jit_split.c, or NULL. */
/* The same for a block that jumps back to its start: false if not all accesses are of groups whose registers
 * change by constants only. An operand with an index has a base that does not change. */
bool find_loop_groups(struct guest_insn *insns, unsigned nr, struct group *at, unsigned *ret_nr);
void find_groups(struct guest_insn *insns, unsigned nr, struct group *at, const struct split *split);
