// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * random: sequences of random user instructions, run by the host's own processor and by the soft engine.
 *
 *   random_gen.c     makes sequences of anything      random_host.c  runs them in a forked child
 *   random_shape.c   of what compilers write          random_soft.c  in a guest
 *   random_state.c   registers and memory             random.c       compares, shortens what differs, prints
 * it random_layout.c  code
 *
 * Both sides have the same few pages at the same addresses, and a sequence ends by INT3 or by whatever fault
 * it runs into.
 */
#pragma once

#include <Zydis/Zydis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CODE_VA    0x10000000u
#define COUNTER_VA 0x18000000u /* how often the sequence is still to be repeated */
#define DATA_VA    0x20000000u
#define PAGE       4096u
#define DATA_PAGES 4u /* written and read; one that is only read follows, then a hole */
#define DATA_BYTES ((DATA_PAGES + 1) * PAGE)
#define CODE_BYTES (2 * PAGE)
#define MAX_INSNS  64u

/* One instruction with what moves when the sequence is laid out. */
struct piece {
    uint8_t bytes[16];
    uint8_t len;
    int8_t skip;       /* a branch over so many pieces; -1: none; -1 - n: back by n */
    uint8_t rel_bytes; /* its displacement at the end of bytes: 1, 4, or 8 for an absolute address */
    uint8_t disp_at;   /* of a RIP-relative operand, 0: none */
    uint32_t rip_target;
    bool tested;  /* not mere preparation */
    bool glued;   /* to the one before: goes where that goes */
    bool patches; /* its RIP-relative operand is the last four bytes of the piece that skip leads to */
};

struct sequence {
    struct piece pieces[MAX_INSNS];
    unsigned nr;
    unsigned repeats;
    unsigned start; /* offset in the code's pages */
};

/* FXSAVE image, then the upper halves of YMM0..15. */
struct vectors {
    uint8_t fx[512];
    uint8_t high[256];
};

struct registers {
    uint64_t gpr[16]; /* rax rcx rdx rbx rsp rbp rsi rdi r8 .. r15 */
    uint64_t rip, flags;
    struct vectors v;
};

struct trial {
    uint8_t code[CODE_BYTES];
    unsigned start, code_len, repeats; /* code_len counts from the first page's begin */
    uint64_t data_seed;
    struct registers in;
};

struct outcome {
    unsigned vector; /* 3: came to its end */
    uint32_t error;  /* of page faults */
    uint64_t cr2;
    bool patched; /* the host's only: the code changed */
    struct registers out;
    uint8_t data[DATA_BYTES];
};

struct rng {
    uint64_t s;
};
static inline uint64_t rnd(struct rng *r) /* splitmix64 */
{
    uint64_t z = (r->s += 0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}
static inline unsigned rnd_below(struct rng *r, unsigned n)
{
    return (unsigned)(rnd(r) % n);
}
static inline bool one_in(struct rng *r, unsigned n)
{
    return rnd(r) % n == 0;
}

/* ---- random_gen.c ---- */
void gen_sequence(struct rng *r, struct sequence *s);
struct piece *gen_add(struct sequence *s);
void gen_mov(struct sequence *s, unsigned reg, uint64_t val);
/* What of the host's processor and of our decoder's opinion may be used. */
bool gen_usable(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *ops);
void gen_clear_undefined(struct sequence *s, const ZydisDecodedInstruction *z);

/* ---- random_shape.c ---- */
/* Many accesses through few registers which are pushed, popped, moved by constants and near pages' ends;
 * short branches; idioms on r9 to r11. */
void shape_sequence(struct rng *r, struct sequence *s, const ZydisDecoder *d);

/* ---- random_state.c ---- */
void gen_registers(struct rng *r, struct registers *in);
void gen_data(uint64_t seed, uint8_t *data); /* DATA_BYTES */

/* ---- random_layout.c ---- */
/* Code bytes of the pieces, with branches resolved. */
void gen_layout(const struct sequence *s, struct trial *t);

/* ---- random_host.c ---- */
/* Run nr trials in a child. Returns how many were finished: less if the child died or hung. */
unsigned host_run(const struct trial *t, struct outcome *o, unsigned nr);

/* ---- random_soft.c ---- */
struct soft_guest;
struct soft_guest *soft_new(uint32_t debug);
void soft_run(struct soft_guest *g, const struct trial *t, struct outcome *o);
void soft_delete(struct soft_guest *g);
