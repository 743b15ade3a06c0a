// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_shape: code that is made from a template again and again, with other numbers in it. Where a page has
 * been written after it was translated, the bytes of a block and the places of its copied 32-bit immediates
 * are kept; if other bytes differ in nothing but these, they are put into the host code that is there. An
 * immediate that the translator looked at (it moves a register that groups count from, it is a jump's) is not
 * among them. Threads: jit's lock is held.
 */
#include "cpu/soft/copy.h"
#include "cpu/soft/jit_block.h"

#define SHAPES      128u
#define SHAPE_BYTES 512u

struct shape {
    uint64_t gpa;
    uint32_t mode, block;
    uint16_t len, nr;
    uint8_t bytes[SHAPE_BYTES];
    struct number numbers[BLOCK_INSNS];
};

struct shapes {
    struct shape at[SHAPES];
};

size_t shapes_bytes(void)
{
    return sizeof(struct shapes);
}

static struct shape *shape_of(const struct jit *j, uint64_t gpa)
{
    return &j->shapes->at[(gpa * 0x9e3779b97f4a7c15ull) >> 57];
}

void shape_number(struct translation *t, const struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    if (i->op_bytes != 4 || i->z.raw.imm[0].size != 32 || i->z.raw.imm[1].size ||
        t->nr_numbers == BLOCK_INSNS)
        return;
    t->numbers[t->nr_numbers++] = (struct number){
        .off = (uint16_t)(g->off - (t->gpa & 0xfff) + i->z.raw.imm[0].offset),
        .code = code_at(t, t->o.at) + i->z.raw.imm[0].offset,
    };
}

void shape_note(struct translation *t)
{
    const struct block *b = &t->j->blocks[t->block];
    struct shape *s = shape_of(t->j, t->gpa);
    if (!t->nr_numbers || !cache_page(t->j, t->gpa)->written || !b->sum || b->ahead || b->hole_bytes ||
        b->bytes > SHAPE_BYTES || t->v->soft->debug & CPU_DEBUG_NO_LOOSE)
        return;
    s->gpa = t->gpa;
    s->mode = t->mode;
    s->block = t->block;
    s->len = 0;
    s->nr = (uint16_t)t->nr_numbers;
    for (unsigned n = 0; n < t->nr; n++) {
        copy_bytes(s->bytes + s->len, t->insns[n].insn.bytes, t->insns[n].insn.len);
        s->len = (uint16_t)(s->len + t->insns[n].insn.len);
    }
    copy_bytes(s->numbers, t->numbers, t->nr_numbers * sizeof(t->numbers[0]));
}

static bool same_bytes(const uint8_t *a, const uint8_t *b, unsigned n)
{
    for (; n >= 8; n -= 8, a += 8, b += 8)
        if (*(const loose64 *)(const void *)a != *(const loose64 *)(const void *)b)
            return false;
    for (; n; n--)
        if (*a++ != *b++)
            return false;
    return true;
}

/* But for the numbers. */
static bool same_shape(const struct shape *s, const uint8_t *now)
{
    unsigned at = 0;
    for (unsigned n = 0; n < s->nr; n++) {
        if (!same_bytes(s->bytes + at, now + at, s->numbers[n].off - at))
            return false;
        at = s->numbers[n].off + 4u;
    }
    return same_bytes(s->bytes + at, now + at, s->len - at);
}

uint32_t shape_renew(struct jit *j, uint64_t gpa, uint32_t mode)
{
    const struct shape *s = shape_of(j, gpa);
    struct block *b = &j->blocks[s->block];
    if (s->gpa != gpa || s->mode != mode || !s->len || !b->asleep || b->gpa != gpa)
        return 0;
    uint8_t now[SHAPE_BYTES]; /* others may write meanwhile */
    copy_bytes(now, soft_ram(j->soft, gpa, s->len), s->len);
    if (!same_shape(s, now))
        return 0;
    for (unsigned n = 0; n < s->nr; n++) {
        code_own(j, s->numbers[n].code, 4);
        copy_bytes(j->rw + s->numbers[n].code, now + s->numbers[n].off, 4);
    }
    b->sum = page_sum(j, b, now);
    return s->block;
}

void shapes_forget(struct jit *j)
{
    for (unsigned n = 0; n < SHAPES; n++)
        j->shapes->at[n].len = 0;
}
