// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_call: system and string instructions in translated code: what is emitted for them, and who runs those
 * that C does.
 */
#pragma once

#include "cpu/soft/jit_decode.h"
#include "cpu/soft/step.h"

/* What C does for translated code. */
enum op {
    OP_ANY,  /* as the stepper would */
    OP_MOVS, /* arg: bytes of an element, OP_REPEATED */
    OP_STOS,
    /* Emitted inline from here on. */
    OP_INLINE,
    OP_SWAPGS = OP_INLINE,
    OP_CLI,
    OP_STI,
    OP_PUSHFQ,
    OP_RDTSC,
    OP_RDTSCP,
    OP_READ_SEG, /* arg: register, segment << 4 */
    OP_READ_CR,  /* arg: register, number << 4 */
    OP_CLD,
    OP_READ_BASE, /* arg: register, SEG_FS or SEG_GS << 4, OP_WIDE */
    OP_WRITE_BASE,
};
#define OP_REPEATED 16u
#define OP_WIDE     256u /* 64 bits, else 32 */
#define OP_NARROW   512u /* 16 */

#define CALL_GOTO 0u /* a call that runs nothing: v->rip is where to go on */

/* A place in translated code that calls C. */
struct call {
    struct stepped *s; /* NULL: step() decodes it */
    uint16_t off;      /* in its page */
    uint8_t op, len;
    uint32_t arg;
};

/* ---- jit_call.c ---- */
uint32_t call_add(struct jit *j, const struct guest_insn *g); /* lock held */
/* From jit_call_entry: run it; where to go on, flags in the slot. NULL: to the dispatcher, flags in
 * scratch[1]. */
const void *jit_call(struct vcpu *v);
