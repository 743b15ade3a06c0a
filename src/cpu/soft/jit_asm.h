// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_asm: the few host instructions that the translator makes itself. Source: Intel SDM vol. 2A, 2.
 *
 * Only r9, r10, r11 are ever addresses here, so that [reg] needs neither SIB nor displacement.
 */
#pragma once

#include "cpu/soft/jit.h"

struct out {
    uint8_t *at, *start; /* in the writable mapping */
};

static inline void put8(struct out *o, unsigned byte)
{
    *o->at++ = (uint8_t)byte;
}
static inline void put32(struct out *o, uint32_t val)
{
    for (unsigned i = 0; i < 4; i++)
        put8(o, val >> 8 * i & 0xff);
}
static inline void put64(struct out *o, uint64_t val)
{
    put32(o, (uint32_t)val);
    put32(o, (uint32_t)(val >> 32));
}

enum { OP_ADD = 0x03, OP_SUB = 0x2b, OP_CMP = 0x3b, OP_LOAD = 0x8b, OP_STORE = 0x89, OP_LEA = 0x8d };

/* op reg64, gs:[off] (or the other way round for OP_STORE) */
static inline void gs64(struct out *o, unsigned op, unsigned reg, uint32_t off)
{
    put8(o, 0x65);
    put8(o, 0x48 | (reg >> 3) << 2);
    put8(o, op);
    put8(o, 0x04 | (reg & 7) << 3);
    put8(o, 0x25);
    put32(o, off);
}
static inline void gs32(struct out *o, unsigned op, unsigned reg, uint32_t off)
{
    put8(o, 0x65);
    if (reg > 7)
        put8(o, 0x44);
    put8(o, op);
    put8(o, 0x04 | (reg & 7) << 3);
    put8(o, 0x25);
    put32(o, off);
}
/* op reg64, gs:[base + off], base r9..r11 */
static inline void gs64_at(struct out *o, unsigned op, unsigned reg, unsigned base, uint32_t off)
{
    put8(o, 0x65);
    put8(o, 0x48 | (reg >> 3) << 2 | base >> 3);
    put8(o, op);
    put8(o, 0x80 | (reg & 7) << 3 | (base & 7));
    put32(o, off);
}
/* mov reg32, imm; r9..r11 */
static inline void set32(struct out *o, unsigned reg, uint32_t val)
{
    put8(o, 0x41);
    put8(o, 0xb8 | (reg & 7));
    put32(o, val);
}
/* cmp dword gs:[off], 0 */
static inline void gs_is_zero32(struct out *o, uint32_t off)
{
    put8(o, 0x65);
    put8(o, 0x83);
    put8(o, 0x3c);
    put8(o, 0x25);
    put32(o, off);
    put8(o, 0);
}
/* cmp byte gs:[off], 0 */
static inline void gs_is_zero8(struct out *o, uint32_t off)
{
    put8(o, 0x65);
    put8(o, 0x80);
    put8(o, 0x3c);
    put8(o, 0x25);
    put32(o, off);
    put8(o, 0);
}
/* mov to64, from64 */
static inline void move(struct out *o, unsigned to, unsigned from)
{
    put8(o, 0x48 | (from >> 3) << 2 | to >> 3);
    put8(o, 0x89);
    put8(o, 0xc0 | (from & 7) << 3 | (to & 7));
}
static inline void move32(struct out *o, unsigned to, unsigned from)
{
    put8(o, 0x40 | (from >> 3) << 2 | to >> 3);
    put8(o, 0x89);
    put8(o, 0xc0 | (from & 7) << 3 | (to & 7));
}
/* lea to, [base + disp]; any base */
static inline void lea(struct out *o, unsigned to, unsigned base, int32_t disp)
{
    put8(o, 0x48 | (to >> 3) << 2 | base >> 3);
    put8(o, 0x8d);
    put8(o, 0x80 | (to & 7) << 3 | (base & 7));
    if ((base & 7) == RSP)
        put8(o, 0x24);
    put32(o, (uint32_t)disp);
}
/* lea to, [base + index], r9..r11 all */
static inline void lea_sum(struct out *o, unsigned to, unsigned base, unsigned index)
{
    put8(o, 0x4f);
    put8(o, 0x8d);
    put8(o, 0x04 | (to & 7) << 3);
    put8(o, (index & 7) << 3 | (base & 7));
}
/* op reg64, [addr] (or the other way round), addr r9..r11 */
static inline void mem64(struct out *o, unsigned op, unsigned reg, unsigned addr)
{
    put8(o, 0x49 | (reg >> 3) << 2);
    put8(o, op);
    put8(o, (reg & 7) << 3 | (addr & 7));
}
/* and / shr / cmp with an immediate on r9..r11 */
static inline void and32(struct out *o, unsigned reg, uint32_t val)
{
    put8(o, 0x41);
    put8(o, 0x81);
    put8(o, 0xe0 | (reg & 7));
    put32(o, val);
}
static inline void shift32(struct out *o, bool left, unsigned reg, unsigned by)
{
    put8(o, 0x41);
    put8(o, 0xc1);
    put8(o, (left ? 0xe0u : 0xe8u) | (reg & 7));
    put8(o, by);
}
static inline void cmp64(struct out *o, unsigned reg, uint32_t val)
{
    put8(o, 0x49);
    put8(o, 0x81);
    put8(o, 0xf8 | (reg & 7));
    put32(o, val);
}
/* Condition codes as in Jcc. */
enum { CC_E = 4, CC_NE = 5, CC_A = 7 };
/* jcc rel32 to be resolved later: returns where the displacement lies */
static inline uint8_t *jump_if(struct out *o, unsigned cc)
{
    put8(o, 0x0f);
    put8(o, 0x80 | cc);
    put32(o, 0);
    return o->at - 4;
}
static inline uint8_t *jump(struct out *o)
{
    put8(o, 0xe9);
    put32(o, 0);
    return o->at - 4;
}
static inline void resolve(uint8_t *at, const uint8_t *target)
{
    int32_t rel = (int32_t)(target - (at + 4));
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)((uint32_t)rel >> 8 * i);
}
static inline void jump_to(struct out *o, const uint8_t *target)
{
    resolve(jump(o), target);
}
/* jmp reg, r9..r11 */
static inline void jump_reg(struct out *o, unsigned reg)
{
    put8(o, 0x41);
    put8(o, 0xff);
    put8(o, 0xe0 | (reg & 7));
}

/* Arithmetic flags into the slot and back, by way of RAX; tmp is free. LAHF and SETO, then ADD 7f and SAHF.
 */
static inline void flags_save(struct out *o, unsigned tmp)
{
    move(o, tmp, RAX);
    put8(o, 0x9f);
    put8(o, 0x0f);
    put8(o, 0x90);
    put8(o, 0xc0);
    gs32(o, OP_STORE, RAX, VCPU_OFF(jit_flags));
    move(o, RAX, tmp);
}
static inline void flags_restore(struct out *o, unsigned tmp)
{
    move(o, tmp, RAX);
    gs32(o, OP_LOAD, RAX, VCPU_OFF(jit_flags));
    put8(o, 0x04);
    put8(o, 0x7f);
    put8(o, 0x9e);
    move(o, RAX, tmp);
}
