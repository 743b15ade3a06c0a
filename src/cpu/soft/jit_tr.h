// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_tr: the translator's work space for one block. All of it runs with jit's lock held and vectors saved.
 */
#pragma once

#include "cpu/soft/jit.h"
#include "cpu/soft/jit_emit.h"
#include "cpu/soft/step.h"

enum kind {
    K_STEP, /* ends the block: the stepper or jit_sys.c runs it */
    K_PLAIN,
    K_NOTHING,
    K_LEA_RIP,
    K_PUSH,
    K_POP,
    K_LEAVE,
    K_JCC, /* from here on: ends the block */
    K_LOOP,
    K_JMP,
    K_CALL,
    K_RET,
};

#define MAX_GROUPS 24u
/* Accesses through one base, see jit_group.c. Offsets count from the base's value when its version began. */
struct group {
    unsigned version, count;
    int32_t min, max;            /* bytes of all accesses, max excluded */
    int32_t first_off, base_off; /* of the first access; of the register then */
    uint16_t first_size;
    uint8_t base, first, last, first_slot; /* first, last: items */
    bool write, first_write, chosen;
};
struct touch {
    struct group *group; /* or NULL */
    int32_t off;
};

struct item {
    struct insn i;
    struct touch access[2]; /* the operand's, the stack's */
    enum kind kind;
    enum vec_need need;
    uint16_t off;
    uint16_t next; /* RAM_PAGE: the next page's start */
    uint16_t live; /* arithmetic flags needed before it */
    struct flag_use use;
    const ZydisDecodedOperand *mem; /* or NULL */
    bool writes;
    uint8_t spilled, read, written; /* of r9, r10, r11 as operands: bits 0..2 */
};

/* Code out of the way, emitted behind the block. */
enum cold_kind { COLD_SLOW, COLD_SLOW_LIVE, COLD_POLL, COLD_LINK, COLD_AWAY };
struct cold {
    enum cold_kind kind;
    uint8_t *from; /* displacement that leads here */
    uint8_t *back; /* slow: where to go on */
    uint64_t info;
    bool reload; /* slow: r11 is a group's */
    int32_t to;  /* COLD_AWAY: target from the page's start */
};

struct tr {
    struct emit e; /* first byte at rw + block's code */
    struct jit *j;
    struct block *b;
    const uint8_t *page;
    uint32_t mode;
    uint32_t debug;
    bool vec_checked;
    const struct group *active; /* r11 holds its address */
    bool r11_lost;              /* no longer, but its slot does */
    unsigned nr_groups;
    struct group groups[MAX_GROUPS];
    unsigned nr_items, nr_colds;
    struct item items[JIT_MAX_INSNS];
    struct cold colds[4 * JIT_MAX_INSNS];
};

static inline struct cold *tr_cold(struct tr *t, enum cold_kind kind, uint8_t *from, uint64_t info)
{
    struct cold *c = &t->colds[t->nr_colds++];
    *c = (struct cold){.kind = kind, .from = from, .info = info};
    return c;
}

static inline const uint8_t *tr_stub(const struct tr *t, uint32_t off)
{
    return t->j->rw + off;
}

/* jit_class.c: kind, memory operand, registers in use. */
void classify(struct item *it, uint32_t mode);

/* ---- jit_mem.c ---- */
/* r9 = linear address of the operand. */
void mem_address(struct tr *t, const struct item *it, const ZydisDecodedOperand *op);
/* r9 = host address of [r9, r9+size), which may be accessed so; r10, r11 lost; flags if none are needed. */
void mem_check(struct tr *t, const struct item *it, unsigned size, bool write);
/* Where an operand of at least one access is in the host. */
struct place {
    unsigned reg;
    int32_t disp;
};
/* The memory operand (slot 0) or the stack's word (slot 1), checked. r9, r10 lost; r9 too is the place if no
 * group has it. */
struct place mem_place(struct tr *t, const struct item *it, unsigned slot, unsigned size, bool write);
void mem_cold(struct tr *t, const struct cold *c);
/* reg = page's address + off */
void mem_page_va(struct tr *t, unsigned reg, int32_t off);
bool mem_fits(const struct item *it,
              const ZydisDecodedOperand *op); /* displacement from the page in 32 bits */

/* ---- jit_reenc.c ---- */
void plain(struct tr *t, const struct item *it);
bool plain_bit_number(const struct insn *i); /* BT and its kin with the number in a register */

/* ---- jit_group.c ---- */
void find_groups(struct tr *t);

/* ---- jit_flow.c ---- */
void flow(struct tr *t, const struct item *it); /* all kinds but K_PLAIN, K_NOTHING */
void flow_to(struct tr *t, int32_t to);         /* jump to an offset from the page's start */
void flow_step(struct tr *t, unsigned off, uint32_t op, unsigned len);
void flow_poll(struct tr *t, const struct item *it);
void flow_cold(struct tr *t, const struct cold *c);
void flow_vec_check(struct tr *t, const struct item *it);
