// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_emit: bytes of host code, one function a form. Registers by their numbers; NONE: no base or index.
 * Source: Intel SDM vol. 2A, 2.1 (ModRM, SIB), 2.2.1 (REX), 2.3 (VEX).
 */
#pragma once

#include "cpu/soft/copy.h"

#define NONE 16u

struct emit {
    uint8_t *p; /* next byte, in the writable mapping */
};

static inline void e_byte(struct emit *e, unsigned b)
{
    *e->p++ = (uint8_t)b;
}

static inline void e_u32(struct emit *e, uint32_t v)
{
    __builtin_memcpy(e->p, &v, 4);
    e->p += 4;
}

/* [gs:off] as operand: 65 REX op modrm sib disp32. w: 64-bit. */
static inline void e_gs(struct emit *e, unsigned op, unsigned w, unsigned reg, uint32_t off)
{
    e_byte(e, 0x65);
    e_byte(e, 0x40 | w << 3 | (reg >> 3) << 2);
    e_byte(e, op);
    e_byte(e, 0x04 | (reg & 7) << 3);
    e_byte(e, 0x25);
    e_u32(e, off);
}

static inline void e_gs_load(struct emit *e, unsigned reg, uint32_t off)
{
    e_gs(e, 0x8b, 1, reg, off);
}

static inline void e_gs_store(struct emit *e, unsigned reg, uint32_t off)
{
    e_gs(e, 0x89, 1, reg, off);
}

/* op reg, gs:[base + off], base one of r8..r15 but r12 */
static inline void e_gs_at(struct emit *e, unsigned op, unsigned reg, unsigned base, uint32_t off)
{
    e_byte(e, 0x65);
    e_byte(e, 0x49 | (reg >> 3) << 2);
    e_byte(e, op);
    e_byte(e, 0x80 | (reg & 7) << 3 | (base & 7));
    e_u32(e, off);
}

/* op reg, gs:[index * 8 + off] */
static inline void e_gs_times8(struct emit *e, unsigned op, unsigned reg, unsigned index, uint32_t off)
{
    e_byte(e, 0x65);
    e_byte(e, 0x48 | (reg >> 3) << 2 | (index >> 3) << 1);
    e_byte(e, op);
    e_byte(e, 0x04 | (reg & 7) << 3);
    e_byte(e, 0xc5 | (index & 7) << 3);
    e_u32(e, off);
}

static inline void e_mov(struct emit *e, unsigned to, unsigned from)
{
    e_byte(e, 0x48 | (from >> 3) << 2 | to >> 3);
    e_byte(e, 0x89);
    e_byte(e, 0xc0 | (from & 7) << 3 | (to & 7));
}

static inline void e_mov_imm32(struct emit *e, unsigned reg, uint32_t imm)
{
    if (reg >> 3)
        e_byte(e, 0x41);
    e_byte(e, 0xb8 | (reg & 7));
    e_u32(e, imm);
}

/* op reg, [base + index * 2^scale + disp]; w: 64-bit */
static inline void e_mem(struct emit *e, unsigned op, unsigned w, unsigned reg, unsigned base, unsigned index,
                         unsigned scale, int32_t disp)
{
    unsigned x = index == NONE ? 0 : index >> 3, b = base == NONE ? 0 : base >> 3;
    unsigned rex = 0x40 | w << 3 | (reg >> 3) << 2 | x << 1 | b, r = (reg & 7) << 3;
    bool sib = index != NONE || base == NONE || (base & 7) == RSP;
    unsigned mod = base == NONE ? 0 : !disp && (base & 7) != RBP ? 0 : disp == (int8_t)disp ? 1 : 2;
    if (rex != 0x40)
        e_byte(e, rex);
    e_byte(e, op);
    e_byte(e, mod << 6 | r | (sib ? 4 : base & 7));
    if (sib)
        e_byte(e, scale << 6 | (index == NONE ? 4 : index & 7) << 3 | (base == NONE ? 5 : base & 7));
    if (base == NONE || mod == 2)
        e_u32(e, (uint32_t)disp);
    else if (mod == 1)
        e_byte(e, (uint8_t)disp);
}

static inline void e_lea(struct emit *e, unsigned reg, unsigned base, unsigned index, unsigned scale,
                         int32_t disp)
{
    e_mem(e, 0x8d, 1, reg, base, index, scale, disp);
}

enum shift { SHLX = 1, SARX = 2, SHRX = 3 }; /* by VEX.pp */
/* to = from shifted by count, flags left alone; 64-bit */
static inline void e_shift(struct emit *e, enum shift kind, unsigned to, unsigned from, unsigned count)
{
    e_byte(e, 0xc4);
    e_byte(e, (to >> 3 ? 0 : 0x80) | 0x40 | (from >> 3 ? 0 : 0x20) | 2);
    e_byte(e, 0x80 | (~count & 15) << 3 | kind);
    e_byte(e, 0xf7);
    e_byte(e, 0xc0 | (to & 7) << 3 | (from & 7));
}

/* to = low half of from, rotated right; flags left alone */
static inline void e_rorx32(struct emit *e, unsigned to, unsigned from, unsigned count)
{
    e_byte(e, 0xc4);
    e_byte(e, (to >> 3 ? 0 : 0x80) | 0x40 | (from >> 3 ? 0 : 0x20) | 3);
    e_byte(e, 0x7b);
    e_byte(e, 0xf0);
    e_byte(e, 0xc0 | (to & 7) << 3 | (from & 7));
    e_byte(e, count);
}

/* Short forward jump: returns where its displacement is; e_here closes it. */
static inline uint8_t *e_short(struct emit *e, unsigned op)
{
    e_byte(e, op);
    e_byte(e, 0);
    return e->p - 1;
}

static inline void e_here(struct emit *e, uint8_t *disp)
{
    BUG_ON(e->p - (disp + 1) > 127);
    *disp = (uint8_t)(e->p - (disp + 1));
}

/* Jump with a 32-bit displacement to a place known now; cc: condition code, or JMP. */
#define JMP 16u
static inline void e_jump(struct emit *e, unsigned cc, const uint8_t *to)
{
    if (cc == JMP) {
        e_byte(e, 0xe9);
    } else {
        e_byte(e, 0x0f);
        e_byte(e, 0x80 | cc);
    }
    e_u32(e, (uint32_t)(to - (e->p + 4)));
}

/* One that is set later: returns where its displacement is. */
static inline uint8_t *e_jump_later(struct emit *e, unsigned cc)
{
    e_jump(e, cc, e->p);
    return e->p - 4;
}

static inline void e_set(uint8_t *disp, const uint8_t *to)
{
    uint32_t d = (uint32_t)(to - (disp + 4));
    __builtin_memcpy(disp, &d, 4);
}

/* So that a displacement `skip` bytes ahead can be stored at once. */
static inline void e_align_disp(struct emit *e, unsigned skip)
{
    while (((uintptr_t)(e->p + skip) & 7) > 4)
        e_byte(e, 0x90);
}
