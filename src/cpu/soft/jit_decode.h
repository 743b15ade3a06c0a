// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_decode: what a guest instruction is to the translator, and which flags must survive it.
 */
#pragma once

#include "cpu/soft/jit.h"
#include "cpu/soft/operand.h"

enum kind {
    KIND_COPY,    /* no memory: as it is */
    KIND_NOTHING, /* hints */
    KIND_LEA_RIP,
    KIND_MEM,  /* one memory operand by ModRM or moffs */
    KIND_PUSH, /* register, immediate or memory */
    KIND_POP,
    KIND_LEAVE,
    KIND_SYS,    /* jit_sys.c, inline */
    KIND_STRING, /* REP MOVS, REP STOS */
    KIND_BIT,    /* BT and its kin with a bit number that reaches beyond the operand */
    /* ends of blocks */
    KIND_JCC,
    KIND_JRCXZ,
    KIND_JMP,
    KIND_CALL,
    KIND_JMP_TO, /* register or memory */
    KIND_CALL_TO,
    KIND_RET,
    KIND_CALL_C, /* jit_call.c */
    KIND_CUT,    /* goes on in the next page */
    KIND_STEP,   /* the stepper's */
};

#define NO_GROUP (-1)

struct guest_insn {
    struct insn insn;
    enum kind kind;
    uint16_t off; /* in its page */
    uint8_t mem;  /* operand number, if it has one */
    uint16_t mem_bytes;
    bool has_mem, writes; /* memory */
    bool needs_more;      /* no instruction yet: it goes on behind what there was */
    bool faults;          /* natively: #DE, #GP, #XM, ... */
    bool vectors;         /* needs them in the registers */
    uint8_t op;           /* of KIND_SYS and KIND_CALL_C: jit_call.h */
    uint32_t op_arg;
    uint16_t uses, loads, sets;        /* r9..r11 as data, read, written: bits 9..11 */
    uint16_t address_uses;             /* ... in its address */
    uint32_t tested, modified, killed; /* arithmetic flags; killed: modified whatever happens */
    uint32_t live_in, live_out;
    uint16_t target; /* direct jumps within the page: its offset */
    bool near_target;
    bool high;           /* its register operand is AH, CH, DH or BH, beside one in memory */
    bool loose;          /* jit_loose.c */
    int8_t groups[2];    /* of its operand, of its stack access: jit_group.h */
    int32_t target_disp; /* else: from the page's address */
};

/* Decode the instruction at page offset off of a page (host address); mode as of the block. A page's end in
 * the middle of an instruction, or nonsense, is KIND_STEP with insn.len 0. Saves vectors if it must. */
void jit_decode(const struct decoder *d, const uint8_t *page, unsigned off, uint32_t mode,
                struct guest_insn *ret);
/* The same of bytes that lie elsewhere; room: how many there are. */
void jit_decode_at(const struct decoder *d, const uint8_t *bytes, unsigned room, unsigned off, uint32_t mode,
                   struct guest_insn *ret);
static inline bool ends_block(enum kind k)
{
    return k >= KIND_JCC;
}
/* What the stepper has to run otherwise: may be KIND_SYS or KIND_CALL_C instead (jit_sys.c). */
void sys_classify(struct guest_insn *g, uint32_t mode, const uint8_t *next, unsigned room);
void sys_leave_to_c(struct guest_insn *g); /* KIND_STEP becomes KIND_CALL_C */
/* Arithmetic flags that code at this offset may read before it sets them: looks a few instructions ahead,
 * whose lines it adds to *lines. */
uint32_t jit_flags_wanted(const struct decoder *d, const uint8_t *page, unsigned off, uint32_t mode,
                          struct guest_insn *tmp, uint64_t *lines);
