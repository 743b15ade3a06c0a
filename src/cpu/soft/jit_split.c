// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_split: groups that keep crossing the same page boundary, as those of a stack frame may do that lies
 * there each time. The block is translated again with the group in two parts, on either side of the boundary;
 * if that does not help either, without groups. What walks through memory crosses another boundary each time,
 * and stays as it is. Threads: jit's lock is held.
 */
#include "cpu/soft/jit_block.h"

#define OFTEN 16 /* times in a row at one boundary */
#define TRIES 3  /* of one block */

static struct split *entry_of(struct jit *j, uint64_t gpa)
{
    return &j->splits[(gpa * 0x9e3779b97f4a7c15ull) >> 56 & (JIT_SPLITS - 1)];
}

/* The block whose code this is: they lie in the order of their numbers. */
static struct block *block_at(struct jit *j, uint32_t code)
{
    uint32_t low = 1, high = j->nr_blocks;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (j->blocks[mid].entry <= code)
            low = mid;
        else
            high = mid;
    }
    return &j->blocks[low];
}

static void split(struct jit *j, const struct site *s, unsigned below)
{
    struct block *b = block_at(j, s->retry);
    struct split *e = entry_of(j, b->gpa);
    if (b->dead)
        return;
    if (e->gpa != b->gpa || e->mode != b->mode)
        *e = (struct split){.gpa = b->gpa, .mode = b->mode};
    e->off = s->off;
    e->below = (uint16_t)below;
    e->tries++;
    b->sum = 0; /* not to wake up */
    cache_take_off_page(j, (uint32_t)(b - j->blocks));
    cache_sleep(j, b);
    cache_set_lines(j, cache_page(j, b->gpa));
}

void split_note(struct jit *j, uint32_t number, uint64_t va)
{
    struct crossing *c = &j->crossings[number % JIT_CROSSINGS];
    const struct site *s = &j->sites[number];
    if (c->site != number || c->page != va >> 12)
        *c = (struct crossing){.site = number, .page = va >> 12};
    if (++c->times < OFTEN)
        return;
    *c = (struct crossing){0};
    split(j, s, (unsigned)(RAM_PAGE - (va & 0xfff)));
}

const struct split *split_of(struct jit *j, uint64_t gpa, uint32_t mode)
{
    const struct split *e = entry_of(j, gpa);
    return e->gpa == gpa && e->mode == mode && e->tries ? e : NULL;
}

bool split_is_hopeless(const struct split *e)
{
    return e && e->tries > TRIES;
}
