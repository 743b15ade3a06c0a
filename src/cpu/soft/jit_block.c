// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_block: one block: decode up to the first jump, find out where flags are needed, write the code.
 *
 * A block lies in one page; an instruction that straddles two is the stepper's. Layout: entry for indirect
 * jumps (r9 is the address: it gives the page's), entry for links, code, then what is rarely run. Blocks
 * whose end may close a loop poll once, where no flags are needed if there is such a place.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "cpu/soft/jit_tr.h"

int tr_new(struct tr **ret, struct err *e)
{
    struct tr *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (t == MAP_FAILED)
        return err_sys(e, "translator");
    *ret = t;
    return 0;
}

void tr_free(struct tr *t)
{
    if (t)
        munmap(t, sizeof(*t));
}

/* ---- decode ---- */

static bool decode_one(struct tr *t, unsigned off)
{
    struct item *it = &t->items[t->nr_items++];
    bool more;
    it->off = (uint16_t)off;
    it->mem = NULL;
    it->writes = false;
    it->need = NEED_NONE;
    it->spilled = it->read = it->written = 0;
    it->use = (struct flag_use){0, 0};
    if (!insn_decode(t->mode, t->page + off, RAM_PAGE - off, &it->i, &more)) {
        it->kind = K_STEP;
        it->i.len = 0;
        it->i.mnemonic = ZYDIS_MNEMONIC_INVALID;
        it->next = (uint16_t)(off + 15 < RAM_PAGE ? off + 15 : RAM_PAGE);
        return false;
    }
    it->next = (uint16_t)(off + it->i.len);
    classify(it, t->mode);
    it->use = flags_of(&it->i.z, it->i.bytes);
    return it->kind != K_STEP && it->kind < K_JCC;
}

static void decode(struct tr *t, unsigned off)
{
    t->nr_items = 0;
    while (t->nr_items < JIT_MAX_INSNS && off < RAM_PAGE && decode_one(t, off))
        off = t->items[t->nr_items - 1].next;
}

/* ---- order of things ---- */

static bool in_page(int64_t to)
{
    return to >= 0 && to < RAM_PAGE;
}

static int64_t jump_target(const struct item *it)
{
    return it->off + it->i.len + it->i.z.raw.imm[0].value.s;
}

static uint16_t ahead(struct tr *t, unsigned off)
{
    if (off >= RAM_PAGE)
        return FL_ARITH;
    return flags_ahead(t->b->page, t->page, off, t->mode, 2, &t->b->ahead);
}

static uint16_t needed_at_end(struct tr *t, const struct item *last)
{
    bool relative = last->i.z.raw.imm[0].is_relative;
    switch (last->kind) {
    case K_STEP:
    case K_CALL:
    case K_RET:
        return FL_ARITH;
    case K_JCC:
    case K_LOOP:
        return (in_page(jump_target(last)) ? ahead(t, (unsigned)jump_target(last)) : FL_ARITH) |
               ahead(t, last->next);
    case K_JMP:
        return relative && in_page(jump_target(last)) ? ahead(t, (unsigned)jump_target(last)) : FL_ARITH;
    default:
        return ahead(t, last->next);
    }
}

static void find_live(struct tr *t)
{
    uint16_t live = FL_ARITH;
    bool off = t->debug & CPU_DEBUG_NO_LIVE;
    if (!off)
        live = needed_at_end(t, &t->items[t->nr_items - 1]);
    for (unsigned n = t->nr_items; n-- > 0;) {
        struct item *it = &t->items[n];
        if (it->kind == K_STEP)
            live = FL_ARITH;
        else if (!off)
            live = (uint16_t)((live & ~it->use.writes) | it->use.reads);
        it->live = live;
    }
    t->b->live = live;
}

/* Every loop has a jump that goes back, indirectly, or to another page. */
static bool closes_loop(const struct tr *t)
{
    const struct item *last = &t->items[t->nr_items - 1];
    if (last->kind == K_STEP)
        return false;
    if (last->kind < K_JCC)
        return last->next == RAM_PAGE;
    if (!last->i.z.raw.imm[0].is_relative || last->next == RAM_PAGE)
        return true;
    int64_t to = jump_target(last);
    return !in_page(to) || to <= last->off;
}

static unsigned poll_place(const struct tr *t)
{
    for (unsigned n = 0; n < t->nr_items; n++)
        if (!t->items[n].live)
            return n;
    return 0;
}

/* ---- write ---- */

static void entries(struct tr *t)
{
    struct emit *e = &t->e;
    e_byte(e, 0x4d), e_byte(e, 0x8d), e_byte(e, 0x89); /* lea r9, [r9 - start], long enough to be replaced */
    e_u32(e, (uint32_t)-t->b->start);
    e_gs_store(e, R9, VCPU_OFF(page_va));
    t->b->body = (uint32_t)(e->p - t->j->rw);
}

static void note_site(struct tr *t, const struct item *it)
{
    struct site *s = &t->j->sites[t->j->nr_sites++];
    s->host = (uint16_t)(t->e.p - (t->j->rw + t->b->code));
    s->guest = it->off;
    t->b->nr_sites++;
}

static void write_item(struct tr *t, const struct item *it)
{
    note_site(t, it);
    if (it->need != NEED_NONE && !t->vec_checked && !(t->mode & MODE_USER)) {
        flow_vec_check(t, it);
        t->vec_checked = true;
    }
    if (it->kind == K_PLAIN)
        plain(t, it);
    else if (it->kind != K_NOTHING)
        flow(t, it);
}

static void write_block(struct tr *t)
{
    unsigned poll = closes_loop(t) ? poll_place(t) : JIT_MAX_INSNS;
    const struct item *last = &t->items[t->nr_items - 1];
    entries(t);
    t->b->sites = t->j->sites + t->j->nr_sites;
    for (unsigned n = 0; n < t->nr_items; n++) {
        if (n == poll)
            flow_poll(t, &t->items[n]);
        write_item(t, &t->items[n]);
    }
    if (last->kind < K_JCC && last->kind != K_STEP)
        flow_to(t, last->next);
    for (unsigned n = 0; n < t->nr_colds; n++) {
        const struct cold *c = &t->colds[n];
        if (c->kind == COLD_SLOW || c->kind == COLD_SLOW_LIVE)
            mem_cold(t, c);
        else
            flow_cold(t, c);
    }
}

static void link_known(struct tr *t)
{
    for (unsigned n = 0; n < t->b->nr_out && !(t->debug & CPU_DEBUG_NO_CHAIN); n++) {
        struct link *l = &t->b->out[n];
        struct block *to = cache_find_locked(t->b->page, l->off, t->mode & ~MODE_NO_GROUPS);
        if (to)
            cache_link_locked(t->j, l, to);
    }
}

static void insert(struct jpage *p, struct block *b)
{
    b->next = p->by_line[b->start / 64];
    p->by_line[b->start / 64] = b;
    p->lines |= lines_of(b->start, b->end) | b->ahead;
    p->starts[b->start / 64] |= 1ull << b->start % 64;
    p->nr_blocks++;
}

struct block *block_translate_locked(struct vcpu *v, struct jit *j, struct jpage *p, unsigned off,
                                     uint32_t mode)
{
    struct tr *t = j->tr;
    t->j = j;
    t->mode = mode;
    t->debug = v->soft->debug;
    t->page = soft_ram(v->soft, p->gpa, RAM_PAGE);
    t->vec_checked = false;
    t->active = NULL;
    t->r11_lost = false;
    t->nr_colds = 0;
    smc_mark(v, p->gpa);
    vec_save(v);
    struct block *b = t->b = cache_add_locked(j, p);
    t->e.p = j->rw + b->code;
    b->start = (uint16_t)off;
    b->mode = mode;
    decode(t, off);
    b->end = t->items[t->nr_items - 1].next;
    find_live(t);
    find_groups(t);
    write_block(t);
    j->used = b->code_end = (uint32_t)(t->e.p - j->rw);
    insert(p, b);
    link_known(t);
    v->stats.blocks++;
    v->stats.code_bytes += b->code_end - b->code;
    return b;
}
