// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_block: a run of guest instructions becomes a block of host code. It ends at a jump, at an instruction
 * for the stepper, at the page's end, or after BLOCK_INSNS.
 *
 *     entry: for jumps by the jump cache; its first instruction becomes a jump too
 *     code:  nop, five bytes   the jump to `stale` goes here when the guest's bytes were written
 *            instructions, each with its TLB check; the end
 *            what was put out of line: where misses, polls and unlinked exits lead
 *     stale: leave
 */
#include "cpu/soft/jit_block.h"

#include "cpu/soft/copy.h"

#define BRANCHES    4  /* of a block, at most */
#define SKIP_BYTES  96 /* over which one may lead */
#define ENTRY_ALIGN 8  /* the first five bytes are replaced by one store */

/* Behind a short jump forwards: code that is skipped now and then. */
static bool goes_on(const struct translation *t, const struct guest_insn *g, unsigned *branches)
{
    return g->kind == KIND_JCC && g->near_target && g->target > g->off && g->target - g->off < SKIP_BYTES &&
           ++*branches < BRANCHES && !(t->v->soft->debug & (CPU_DEBUG_NO_CHAIN | CPU_DEBUG_NO_TRACES));
}

/* Who runs what the translator does not. */
static void choose_helper(const struct translation *t, struct guest_insn *g)
{
    if (g->high && !t->j->bmi2)
        sys_leave_to_c(g);
    bool no_sys = t->v->soft->debug & CPU_DEBUG_NO_SYS;
    if (g->needs_more && RAM_PAGE - g->off < 15u && !(t->mode & MODE_ACROSS) &&
        !(t->v->soft->debug & CPU_DEBUG_NO_ACROSS))
        g->kind = KIND_CUT;
    else if (no_sys && (g->kind == KIND_SYS || g->kind == KIND_BIT || g->kind == KIND_CALL_C))
        g->kind = KIND_STEP;
    else if (g->kind == KIND_STEP && !no_sys)
        sys_leave_to_c(g);
    else if (string_inline(g) && !(t->v->soft->debug & CPU_DEBUG_NO_TLB))
        g->kind = KIND_STRING;
}

/* An instruction in two pages. */
static void decode_across(struct translation *t)
{
    uint8_t bytes[32];
    unsigned off = (unsigned)(t->gpa & 0xfff), here = RAM_PAGE - off;
    copy_bytes(bytes, t->page + off, here);
    copy_bytes(bytes + here, t->next, sizeof(bytes) - here);
    jit_decode_at(&t->j->decoder, bytes, sizeof(bytes), off, t->mode, &t->insns[0]);
    choose_helper(t, &t->insns[0]);
    t->nr = 1;
}

static void decode_all(struct translation *t)
{
    unsigned branches = 0;
    unsigned off = (unsigned)(t->gpa & 0xfff);
    t->nr = 0;
    if (t->next) {
        decode_across(t);
        return;
    }
    while (t->nr < BLOCK_INSNS && off < RAM_PAGE) {
        struct guest_insn *g = &t->insns[t->nr++];
        jit_decode(&t->j->decoder, t->page, off, t->mode, g);
        choose_helper(t, g);
        off += g->insn.len;
        g->loose = loose_wanted(t, g);
        g->near_target = g->near_target && !g->loose;
        if (g->loose || (ends_block(g->kind) && !goes_on(t, g, &branches)))
            return;
    }
}

uint32_t block_flags_wanted(struct translation *t, int64_t off)
{
    uint64_t lines = 0;
    if (off < 0 || off >= (int64_t)RAM_PAGE)
        return FL_ARITH;
    uint32_t wanted = jit_flags_wanted(&t->j->decoder, t->page, (unsigned)off, t->mode, &t->ahead, &lines);
    if (lines & t->hot)
        return FL_ARITH;
    t->lines_ahead |= lines;
    return wanted;
}

static uint32_t live_after(struct translation *t)
{
    const struct guest_insn *g = &t->insns[t->nr - 1];
    int64_t next = g->off + g->insn.len;
    switch (g->kind) {
    case KIND_JCC:
    case KIND_JRCXZ:
        return block_flags_wanted(t, next) | (g->near_target ? block_flags_wanted(t, g->target) : FL_ARITH);
    case KIND_JMP:
        return g->near_target ? block_flags_wanted(t, g->target) : FL_ARITH;
    case KIND_CALL:
        return g->near_target ? block_flags_wanted(t, g->target) : FL_ARITH;
    case KIND_CALL_TO:
    case KIND_JMP_TO:
    case KIND_RET:
    case KIND_CALL_C:
    case KIND_CUT:
    case KIND_STEP:
        return FL_ARITH;
    default:
        return block_flags_wanted(t, next);
    }
}

static void find_live(struct translation *t)
{
    if (t->v->soft->debug & CPU_DEBUG_NO_LIVE)
        return; /* all are, as decoded */
    uint32_t live = live_after(t);
    for (unsigned n = t->nr; n-- > 0;) {
        struct guest_insn *g = &t->insns[n];
        if (g->kind == KIND_JCC && n + 1 < t->nr)
            live |= block_flags_wanted(t, g->target);
        g->live_out = live;
        live = g->tested | (live & ~g->killed);
        g->live_in = live;
    }
}

static void groups(struct translation *t)
{
    const struct split *split = split_of(t->j, t->gpa, t->mode);
    if (!split_is_hopeless(split))
        find_groups(t->insns, t->nr, t->groups, split);
}

static void share_checks(struct translation *t)
{
    uint32_t off = CPU_DEBUG_NO_GROUPS | CPU_DEBUG_NO_TLB;
    t->pinned = 0;
    for (unsigned r = 0; r < 3; r++) {
        t->holds[r] = HOLDS_NOTHING;
        t->guest_uses[r] = 0;
    }
    for (unsigned n = 0; n < t->nr; n++)
        for (unsigned r = 0; r < 3; r++)
            t->guest_uses[r] = (uint16_t)(t->guest_uses[r] +
                                          ((t->insns[n].uses | t->insns[n].address_uses) >> (R9 + r) & 1));
    if (loop_plan(t))
        return;
    if (!(t->mode & (MODE_NO_GROUPS | MODE_ACROSS)) && !(t->v->soft->debug & off))
        groups(t);
}

void emit_one(struct translation *t, const struct guest_insn *g)
{
    if (g->kind != KIND_PUSH && g->kind != KIND_POP && g->kind != KIND_CALL)
        settle_rsp(t);
    if (g->vectors && !t->vectors)
        emit_vectors(t, g);
    switch (g->kind) {
    case KIND_JCC:
        if (t->now + 1u < t->nr)
            emit_side_exit(t, g);
        else
            emit_end(t, g);
        return;
    case KIND_COPY:
        if (g->loose)
            emit_loose(t, g);
        else
            emit_copy(t, g);
        return;
    case KIND_NOTHING:
        return;
    case KIND_LEA_RIP:
        emit_lea_rip(t, g);
        return;
    case KIND_MEM:
        emit_mem(t, g);
        return;
    case KIND_PUSH:
        emit_push(t, g);
        return;
    case KIND_POP:
        emit_pop(t, g);
        return;
    case KIND_LEAVE:
        emit_leave(t, g);
        return;
    case KIND_BIT:
        emit_bit(t, g);
        return;
    case KIND_STRING:
        emit_string(t, g);
        return;
    case KIND_SYS:
        emit_sys(t, g);
        return;
    default:
        emit_end(t, g);
    }
}

static void emit_out_of_line(struct translation *t)
{
    struct jit *j = t->j;
    for (unsigned n = 0; n < t->nr_slow; n++) {
        const struct slow *s = &t->slow[n];
        resolve(s->from, t->o.at);
        if (!s->call && SITE_REASON(s->site) == LEAVE_LINK)
            j->exits[SITE_NUMBER(s->site)].stub = code_at(t, t->o.at);
        if (s->add_tag)
            gs64_at(&t->o, OP_ADD, j->sites[SITE_NUMBER(s->site)].addr, s->reg, s->add_tag);
        if (s->store_rip)
            gs64(&t->o, OP_STORE, R9, VCPU_OFF(rip));
        set32(&t->o, s->reg ? s->reg : R11, s->site);
        if (s->call) {
            jump_to(&t->o, j->rw + j->call);
            continue;
        }
        jump_to(&t->o, j->rw + (s->reg ? j->miss[s->reg - R9] : j->leave));
    }
}

/* Where those go who come to a dead block. */
static void emit_stale(struct translation *t, struct block *b)
{
    struct jit *j = t->j;
    b->stale_entry = code_at(t, t->o.at);
    emit_page(t);
    set32(&t->o, R11, SITE(LEAVE_STALE, t->gpa & 0xfff, true));
    jump_to(&t->o, j->rw + j->leave);
    b->stale = code_at(t, t->o.at);
    set32(&t->o, R11, SITE(LEAVE_STALE, t->gpa & 0xfff, false));
    jump_to(&t->o, j->rw + j->leave);
}

static void align_entry(struct translation *t)
{
    static const uint8_t nop7[] = {0x0f, 0x1f, 0x80, 0, 0, 0, 0}; /* that before code with flags restored */
    if (code_at(t, t->o.at) % ENTRY_ALIGN == 1)
        for (unsigned n = 0; n < sizeof(nop7); n++)
            put8(&t->o, nop7[n]);
    while (code_at(t, t->o.at) % ENTRY_ALIGN)
        put8(&t->o, 0x90);
}

/* Flags that live through the block's start: does the first who cares want them out of the way, or in their
 * place? */
static bool wants_slot(const struct translation *t)
{
    for (unsigned n = 0; n < t->nr; n++) {
        const struct guest_insn *g = &t->insns[n];
        if (g->tested || g->modified)
            return false;
        if (g->vectors && !(t->mode & MODE_USER))
            return true;
        switch (g->kind) {
        case KIND_MEM:
        case KIND_PUSH:
        case KIND_POP:
        case KIND_LEAVE:
        case KIND_STRING:
        case KIND_BIT:
        case KIND_CALL:
        case KIND_JMP_TO:
        case KIND_CALL_TO:
        case KIND_RET:
        case KIND_CALL_C:
        case KIND_STEP:
        case KIND_CUT:
            return true;
        case KIND_JMP:
            return !g->near_target;
        case KIND_JCC:
        case KIND_JRCXZ:
            return false;
        default:
            break;
        }
    }
    return false;
}

static void emit_body(struct translation *t)
{
    for (unsigned n = 0; n < t->nr; n++) {
        t->now = (uint8_t)n;
        emit_one(t, &t->insns[n]);
    }
    const struct guest_insn *last = &t->insns[t->nr - 1];
    if (ends_block(last->kind))
        return;
    settle_rsp(t);
    flags_back(t, 0);
    emit_goto(t, last->off + last->insn.len, last->off, last->live_out);
}

/* Before a loop, not in it. */
void emit_loop_vectors(struct translation *t)
{
    for (unsigned n = 0; n < t->nr && !t->vectors; n++)
        if (t->insns[n].vectors)
            emit_vectors(t, &t->insns[0]);
}

static void emit_all(struct translation *t)
{
    struct block *b = &t->j->blocks[t->block];
    align_entry(t);
    b->entry = code_at(t, t->o.at);
    bool in_slot = t->insns[0].live_in && wants_slot(t);
    uint8_t *over = emit_entry(t, in_slot);
    b->entry_was = *(const loose64 *)(const void *)(t->j->rw + b->entry);
    align_entry(t);
    b->code = code_at(t, t->o.at);
    for (unsigned n = 0; n < 5; n++)
        put8(&t->o, (unsigned)(ENTRY_NOP >> 8 * n & 0xff));
    if (in_slot) {
        flags_away(t, FL_ARITH, 0);
        *over = (uint8_t)(t->o.at - (over + 1));
    }
    if (t->pinned)
        emit_loop(t);
    else
        emit_body(t);
    emit_out_of_line(t);
    emit_stale(t, b);
    b->code_end = code_at(t, t->o.at);
}

/* Where the code starts that all blocks share: that for jumps beyond the page. */
void block_make_shared(struct jit *j, struct vcpu *v)
{
    struct translation *t = j->work;
    for (unsigned bank = 0; bank < BANK_COUNT; bank++) {
        zero_bytes(t, sizeof(*t));
        t->j = j;
        t->v = v;
        t->mode = bank == BANK_USER ? MODE_USER : 0;
        t->in_slot = true;
        t->o.at = t->o.start = j->rw + j->base;
        j->beyond[bank] = j->base;
        make_beyond(t);
        emit_out_of_line(t);
        j->base = j->used = (code_at(t, t->o.at) + ENTRY_ALIGN - 1) & ~(ENTRY_ALIGN - 1u);
    }
}

/* Of the bytes that were decoded. A block of nonsense, or in two pages, has none: it does not sleep, it dies.
 */
static void set_sum(struct translation *t)
{
    struct block *b = &t->j->blocks[t->block];
    const struct guest_insn *last = &t->insns[t->nr - 1];
    uint8_t bytes[(BLOCK_INSNS + 1) * 16];
    unsigned len = 0;
    if (t->next || (!last->insn.len && last->kind != KIND_CUT))
        return;
    for (unsigned n = 0; n < t->nr; n++) {
        insn_copy(bytes + len, &t->insns[n].insn);
        len += t->insns[n].insn.len;
    }
    b->sum = page_sum(t->j, b, bytes);
}

/* Guest code in the block's own page; to the end of what was looked at if that is no instruction. */
static unsigned bytes_of(const struct translation *t)
{
    const struct guest_insn *last = &t->insns[t->nr - 1];
    unsigned from = (unsigned)(t->gpa & 0xfff), to = last->off + last->insn.len;
    return (last->insn.len && to < RAM_PAGE ? to : RAM_PAGE) - from;
}

static unsigned bytes_beyond(const struct translation *t)
{
    unsigned len = t->insns[0].insn.len, here = RAM_PAGE - t->insns[0].off;
    return len > here ? len - here : 15;
}

static uint32_t translate(struct jit *j, struct vcpu *v, uint64_t gpa, uint64_t next_gpa, uint32_t mode)
{
    struct translation *t = j->work;
    uint32_t bank = (uint32_t)(mode & MODE_USER ? BANK_USER : BANK_KERNEL) * (uint32_t)sizeof(struct tlb);
    t->j = j;
    t->v = v;
    j->decoder = (struct decoder){v->soft->debug & CPU_DEBUG_NO_FORMS ? NULL : j->forms, v};
    t->gpa = gpa;
    t->mode = mode;
    t->block = j->nr_blocks++;
    t->tlb_read = VCPU_OFF(tlb) + bank;
    t->tlb_write = t->tlb_read + (uint32_t)offsetof(struct tlb, write);
    t->vectors = t->in_slot = false;
    t->now = 0;
    t->rsp_off = 0;
    t->nr_slow = t->nr_numbers = 0;
    t->lines_ahead = 0;
    t->hot = v->soft->debug & CPU_DEBUG_NO_LOOSE ? 0 : loose_lines(j, gpa & ~0xfffull);
    t->o.at = t->o.start = j->rw + j->used;
    cache_watch_page(j, v, gpa & ~0xfffull);
    t->page = soft_ram(j->soft, gpa & ~0xfffull, RAM_PAGE);
    t->next = NULL;
    if (mode & MODE_ACROSS) {
        cache_watch_page(j, v, next_gpa);
        t->next = soft_ram(j->soft, next_gpa, RAM_PAGE);
        t->hot = 0;
    }
    decode_all(t);
    find_live(t);
    share_checks(t);
    const struct guest_insn *last = &t->insns[t->nr - 1];
    j->blocks[t->block] = (struct block){
        .gpa = gpa,
        .mode = mode,
        .bytes = (uint16_t)bytes_of(t),
        .step = t->insns[0].kind == KIND_STEP,
        .cut = t->insns[0].kind == KIND_CUT,
    };
    if (last->loose)
        loose_hole(&j->blocks[t->block], last);
    emit_all(t);
    j->blocks[t->block].ahead = t->lines_ahead;
    set_sum(t);
    shape_note(t);
    j->used = code_at(t, t->o.at);
    cpu_count(&v->stats.blocks);
    cpu_count_by(&v->stats.code_bytes, j->blocks[t->block].code_end - j->blocks[t->block].code);
    cache_add(j, t->block);
    if (t->next)
        cache_add_twin(j, t->block, next_gpa, bytes_beyond(t));
    return t->block;
}

uint32_t block_translate(struct jit *j, struct vcpu *v, uint64_t gpa, uint32_t mode)
{
    return translate(j, v, gpa, 0, mode);
}

uint32_t block_translate_across(struct jit *j, struct vcpu *v, uint64_t gpa, uint64_t next_gpa, uint32_t mode)
{
    return translate(j, v, gpa, next_gpa, mode);
}
