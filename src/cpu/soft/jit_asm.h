// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_asm: the few host instructions that the translator makes itself. Source: Intel SDM vol. 2A, 2.
 *
 * Where a register's number is not checked for being below 8, it is one of r9, r10, r11.
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

#define NO_REG 16u
/* ModRM, SIB and displacement of [base + (index << scale) + disp]; either may be NO_REG. */
static inline void put_operand(struct out *o, unsigned reg, unsigned base, unsigned index, unsigned scale,
                               int32_t disp)
{
    bool sib = index != NO_REG || base == NO_REG || (base & 7) == RSP;
    unsigned mod = base == NO_REG ? 0 : !disp && (base & 7) != RBP ? 0 : disp == (int8_t)disp ? 1 : 2;
    put8(o, mod << 6 | (reg & 7) << 3 | (sib ? 4 : base & 7));
    if (sib)
        put8(o, scale << 6 | (index == NO_REG ? 4 : index & 7) << 3 | (base == NO_REG ? 5 : base & 7));
    if (mod == 1)
        put8(o, (uint32_t)disp & 0xff);
    else if (mod == 2 || base == NO_REG)
        put32(o, (uint32_t)disp);
}
/* REX bits X and B of such an operand. */
static inline unsigned rex_of(unsigned base, unsigned index)
{
    return (index == NO_REG ? 0 : index >> 3) << 1 | (base == NO_REG ? 0 : base >> 3);
}
/* op reg64, [base + index + disp] (or the other way round for OP_STORE; or LEA) */
static inline void op64(struct out *o, unsigned op, unsigned reg, unsigned base, unsigned index,
                        unsigned scale, int32_t disp)
{
    put8(o, 0x48 | (reg >> 3) << 2 | rex_of(base, index));
    put8(o, op);
    put_operand(o, reg, base, index, scale, disp);
}
static inline void lea(struct out *o, unsigned to, unsigned base, int32_t disp)
{
    op64(o, OP_LEA, to, base, NO_REG, 0, disp);
}
/* rorx reg, reg, by, one of the eight low registers: no flags. Needs BMI2. */
static inline void rorx_low64(struct out *o, unsigned reg, unsigned by)
{
    put8(o, 0xc4);
    put8(o, 0xe3);
    put8(o, 0xfb);
    put8(o, 0xf0);
    put8(o, 0xc0 | reg << 3 | reg);
    put8(o, by);
}
/* rorx to32, from32, by: no flags. Needs BMI2. */
static inline void rorx32(struct out *o, unsigned to, unsigned from, unsigned by)
{
    put8(o, 0xc4);
    put8(o, (to > 7 ? 0u : 0x80u) | 0x40 | (from > 7 ? 0u : 0x20u) | 3);
    put8(o, 0x7b);
    put8(o, 0xf0);
    put8(o, 0xc0 | (to & 7) << 3 | (from & 7));
    put8(o, by);
}
/* op to64, from64 */
static inline void op_reg64(struct out *o, unsigned op, unsigned to, unsigned from)
{
    put8(o, 0x48 | (to >> 3) << 2 | from >> 3);
    put8(o, op);
    put8(o, 0xc0 | (to & 7) << 3 | (from & 7));
}
/* test dword gs:[off], bits */
static inline void gs_test32(struct out *o, uint32_t off, uint32_t bits)
{
    put8(o, 0x65);
    put8(o, 0xf7);
    put8(o, 0x04);
    put8(o, 0x25);
    put32(o, off);
    put32(o, bits);
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
enum { CC_E = 4, CC_NE = 5, CC_A = 7, CC_S = 8, CC_NS = 9 };
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
/* jmp gs:[reg + off], r9..r11 */
static inline void jump_at(struct out *o, unsigned reg, uint32_t off)
{
    put8(o, 0x65);
    put8(o, 0x41);
    put8(o, 0xff);
    put8(o, 0xa0 | (reg & 7));
    put32(o, off);
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
