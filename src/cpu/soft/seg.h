// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * seg: descriptors and stacks, as far transfers, interrupts and returns share them.
 *
 * Nothing here changes registers but what is named commit or set: all may fault, and a far transfer reads and
 * writes all its memory before it changes a register.
 */
#pragma once

#include "cpu/soft/arch.h"
#include "cpu/soft/copy.h"

struct desc {
    uint16_t sel;
    uint64_t va;  /* linear address of the descriptor */
    uint64_t raw; /* its first 8 bytes */
};

static inline uint16_t desc_attr(const struct desc *d)
{
    return (uint16_t)(d->raw >> 40 & 0xf0ff);
}
static inline unsigned desc_dpl(const struct desc *d)
{
    return (unsigned)(d->raw >> 45 & 3);
}
static inline bool desc_present(const struct desc *d)
{
    return d->raw >> 47 & 1;
}
static inline bool desc_is_code(const struct desc *d)
{
    return (desc_attr(d) & (ATTR_S | TYPE_CODE)) == (ATTR_S | TYPE_CODE);
}
static inline bool desc_conforms(const struct desc *d)
{
    return desc_attr(d) & TYPE_CONFORM;
}
/* System type, or 0 for code and data. */
static inline unsigned desc_system(const struct desc *d)
{
    return desc_attr(d) & ATTR_S ? 0 : desc_attr(d) & ATTR_TYPE;
}
static inline bool sel_is_null(uint16_t sel)
{
    return !(sel & ~3);
}
static inline bool long_mode(const struct vcpu *v)
{
    return v->efer & EFER_LMA;
}
/* Not protected mode proper: segments are base = selector * 16. */
static inline bool real_like(const struct vcpu *v)
{
    return !(v->mode & MODE_PE);
}
static inline bool va_canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

/* The descriptor that sel names. false: null or beyond its table. Page faults of the table fault. */
bool desc_find(struct vcpu *v, uint16_t sel, struct desc *ret);
/* The same, but raises vector(sel | ext) instead. */
void desc_read(struct vcpu *v, uint16_t sel, unsigned vector, unsigned ext, struct desc *ret);
uint64_t desc_read_high(struct vcpu *v, const struct desc *d); /* the second 8 bytes of a 16-byte one */
struct seg desc_seg(const struct desc *d);
void desc_set_accessed(struct vcpu *v, struct desc *d);

/* Checks of a code segment that control goes to by jmp, call or ret at privilege rpl of the new CPL. */
void seg_check_offset(struct vcpu *v, const struct desc *cs, uint64_t off);
/* Enter it: CS from d with RPL = cpl, rip. */
void seg_commit_cs(struct vcpu *v, struct desc *d, unsigned cpl, uint64_t rip);
/* Check a stack segment for privilege cpl; errors raise vector (#TS, #GP), absence #SS. */
void seg_check_ss(struct vcpu *v, uint16_t sel, unsigned cpl, unsigned vector, unsigned ext,
                  struct desc *ret);
/* SS without a segment, as long mode has it at privilege cpl. */
void seg_null_ss(struct vcpu *v, unsigned cpl, uint16_t sel);
/* Returns: the code segment of sel; the outer stack segment (false: null, as long mode allows); take both
 * over. */
void seg_check_return(struct vcpu *v, uint16_t sel, struct desc *ret);
bool seg_check_outer_ss(struct vcpu *v, uint16_t sel, const struct desc *cs, struct desc *ret);
void seg_commit_outer(struct vcpu *v, const struct desc *cs, const struct desc *ss, bool has_ss,
                      uint16_t ss_sel, uint64_t rsp);
/* Data segments that the outer privilege may not keep. */
void seg_drop_inner(struct vcpu *v, unsigned cpl);

/* A stack that is pushed to or popped from before RSP changes. */
struct stack {
    struct seg ss;
    uint64_t sp;
    uint64_t mask; /* which bits of RSP count */
    bool flat;     /* 64-bit: no limit, no base */
    bool sys;      /* with supervisor rights */
};
struct stack stack_now(const struct vcpu *v);
void stack_push(struct vcpu *v, struct stack *s, uint64_t val, unsigned bytes);
uint64_t stack_pop(struct vcpu *v, struct stack *s, unsigned bytes);
void stack_probe(struct vcpu *v, const struct stack *s, unsigned bytes); /* faults if a push would */
void stack_commit(struct vcpu *v, const struct stack *s);                /* RSP only */

/* A stack pointer from the current TSS: 32- and 16-bit form, with SS checked and read; #TS. */
struct stack tss_stack(struct vcpu *v, unsigned cpl, unsigned ext, struct desc *ret_ss);
/* 64-bit form: slot 0..2 is RSPn, 4..10 is IST1..7. */
uint64_t tss_rsp(struct vcpu *v, unsigned slot, unsigned ext);

/* task.c: why one task gives way to another. */
enum task_switch { TASK_JMP, TASK_CALL, TASK_IRET, TASK_EVENT };
void task_switch(struct vcpu *v, uint16_t sel, enum task_switch why, uint64_t next_rip, bool has_error,
                 uint32_t error);
