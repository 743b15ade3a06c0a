// SPDX-License-Identifier: GPL-2.0-or-later
/* jit_group: see jit_group.h. */
#include "cpu/soft/jit_group.h"

#include "cpu/soft/copy.h"
#include "cpu/soft/jit_asm.h"
#include "cpu/soft/jit_call.h"

#define REGS       17u /* NO_REG has a version too: of segments */
#define MAX_SPREAD 1024
#define MAX_OFFSET (1 << 20)

struct scan {
    unsigned version, nr;
    unsigned versions[REGS];
    int32_t offs[REGS];
    uint32_t moved; /* registers that constants were added to */
    struct group *at;
    bool split; /* no group of this key has bytes on both sides of an offset */
    struct where split_key;
    unsigned split_version;
    int32_t split_off;
};

/* ---- operands ---- */

struct where where_operand(const struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    const ZydisDecodedOperand *op = &i->ops[g->mem];
    unsigned bytes, shift;
    bool page = op->mem.base == ZYDIS_REGISTER_RIP;
    bool seg = op->mem.segment == ZYDIS_REGISTER_FS || op->mem.segment == ZYDIS_REGISTER_GS;
    struct where w = {
        .base = (uint8_t)operand_gpr(op->mem.base, &bytes, &shift),
        .index = (uint8_t)operand_gpr(op->mem.index, &bytes, &shift),
        .seg = (uint8_t)(seg ? operand_seg(op->mem.segment) : 0),
        .page = page,
        .addr32 = i->addr_bytes == 4,
        .moffs = i->z.raw.modrm.offset == 0,
        .disp = op->mem.disp.value,
    };
    if (page)
        w.disp += g->off + i->len;
    w.scale = op->mem.scale == 8 ? 3 : op->mem.scale / 2;
    return w;
}

struct where where_stack(unsigned base, int32_t disp)
{
    return (struct where){.base = (uint8_t)base, .index = NO_REG, .disp = disp};
}

/* ---- groups ---- */

static bool same(const struct where *a, const struct where *b)
{
    return a->base == b->base && a->index == b->index && a->seg == b->seg && a->page == b->page &&
           (a->index == NO_REG || a->scale == b->scale);
}

/* On which side of the boundary; 2: it has one foot on either. */
static unsigned side(const struct scan *s, int32_t off, int32_t end)
{
    return off >= s->split_off ? 1 : end <= s->split_off ? 0 : 2;
}

static bool fits(const struct scan *s, const struct group *g, int32_t off, unsigned bytes)
{
    int32_t end = off + (int32_t)bytes, min = off < g->min ? off : g->min, max = end > g->max ? end : g->max;
    if (s->split && g->version == s->split_version && same(&g->key, &s->split_key) && side(s, min, max) == 2)
        return false;
    return max - min <= MAX_SPREAD;
}

static struct group *group_of(struct scan *s, const struct where *w, int32_t off, unsigned bytes)
{
    unsigned version =
        s->versions[w->base] > s->versions[w->index] ? s->versions[w->base] : s->versions[w->index];
    for (unsigned n = s->nr; n-- > 0;)
        if (s->at[n].version == version && same(&s->at[n].key, w) && fits(s, &s->at[n], off, bytes))
            return &s->at[n];
    if (s->nr == GROUPS)
        return NULL;
    struct group *g = &s->at[s->nr++];
    *g = (struct group){
        .key = *w, .version = version, .min = off, .max = off + (int32_t)bytes, .first_off = off};
    return g;
}

/* One access of instruction n; returns its group. */
static int join(struct scan *s, unsigned n, const struct where *w, unsigned bytes, bool write)
{
    if (w->addr32 || w->moffs || w->disp > MAX_OFFSET || w->disp < -MAX_OFFSET)
        return NO_GROUP;
    int32_t moved = s->offs[w->base] + (w->index == NO_REG ? 0 : s->offs[w->index] * (1 << w->scale));
    int32_t off = moved + (int32_t)w->disp, end = off + (int32_t)bytes;
    struct group *g = group_of(s, w, off, bytes);
    if (!g)
        return NO_GROUP;
    if (!g->count) {
        g->first = (uint8_t)n;
        g->first_bytes = (uint16_t)bytes;
        g->first_write = write;
    }
    g->min = off < g->min ? off : g->min;
    g->max = end > g->max ? end : g->max;
    g->write = g->write || write;
    g->last = (uint8_t)n;
    g->count++;
    return (int)(g - s->at);
}

/* ---- what instructions do to registers ---- */

static void forget(struct scan *s, unsigned reg)
{
    s->versions[reg] = ++s->version;
    s->offs[reg] = 0;
}

static void move_by(struct scan *s, unsigned reg, int64_t by)
{
    int64_t to = s->offs[reg] + by;
    s->moved |= 1u << reg;
    if (to > MAX_OFFSET || to < -MAX_OFFSET)
        forget(s, reg);
    else
        s->offs[reg] = (int32_t)to;
}

/* reg += constant, 64 bits? */
static bool constant_step(const struct guest_insn *g, unsigned *ret_reg, int64_t *ret_by)
{
    const struct insn *i = &g->insn;
    unsigned bytes, shift;
    if (g->kind != KIND_COPY || i->op_bytes != 8 || i->ops[0].type != ZYDIS_OPERAND_TYPE_REGISTER)
        return false;
    *ret_reg = operand_gpr(i->ops[0].reg.value, &bytes, &shift);
    if (*ret_reg > R15 || bytes != 8)
        return false;
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_INC:
    case ZYDIS_MNEMONIC_DEC:
        *ret_by = i->mnemonic == ZYDIS_MNEMONIC_INC ? 1 : -1;
        return true;
    case ZYDIS_MNEMONIC_ADD:
    case ZYDIS_MNEMONIC_SUB:
        *ret_by = i->mnemonic == ZYDIS_MNEMONIC_ADD ? i->ops[1].imm.value.s : -i->ops[1].imm.value.s;
        return i->ops[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
    case ZYDIS_MNEMONIC_LEA:
        *ret_by = i->ops[1].mem.disp.value;
        return i->addr_bytes == 8 && i->ops[1].mem.index == ZYDIS_REGISTER_NONE &&
               i->ops[1].mem.base == i->ops[0].reg.value;
    default:
        return false;
    }
}

static void forget_written(struct scan *s, const struct guest_insn *g)
{
    unsigned bytes, shift;
    for (unsigned n = 0; n < g->insn.z.operand_count; n++) {
        const ZydisDecodedOperand *op = &g->insn.ops[n];
        if (op->type != ZYDIS_OPERAND_TYPE_REGISTER || !(op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
            continue;
        unsigned reg = operand_gpr(op->reg.value, &bytes, &shift);
        if (reg <= R15)
            forget(s, reg);
    }
}

/* System instructions may change segments' bases too. */
static void forget_all(struct scan *s)
{
    for (unsigned reg = 0; reg < REGS; reg++)
        forget(s, reg);
}

static void after_string(struct scan *s)
{
    forget(s, RCX);
    forget(s, RSI);
    forget(s, RDI);
}

static void step_over(struct scan *s, const struct guest_insn *g)
{
    unsigned reg, bytes, shift;
    int64_t by;
    switch (g->kind) {
    case KIND_PUSH:
        move_by(s, RSP, -8);
        return;
    case KIND_POP:
        move_by(s, RSP, 8);
        forget(s, operand_gpr(g->insn.ops[0].reg.value, &bytes, &shift));
        return;
    case KIND_STRING:
        after_string(s);
        return;
    case KIND_LEAVE:
        forget(s, RSP);
        forget(s, RBP);
        return;
    default:
        if (g->kind == KIND_SYS && (g->op == OP_SWAPGS || g->op == OP_WRITE_BASE)) /* a segment's base */
            forget_all(s);
        if (constant_step(g, &reg, &by))
            move_by(s, reg, by);
        else
            forget_written(s, g);
    }
}

/* Its operand, that is; a hint does not. */
static bool accesses(const struct guest_insn *g)
{
    return g->has_mem &&
           (g->kind == KIND_MEM || g->kind == KIND_PUSH || g->kind == KIND_JMP_TO || g->kind == KIND_CALL_TO);
}

static void note(struct scan *s, unsigned n, struct guest_insn *g)
{
    struct where w;
    if (accesses(g)) {
        w = where_operand(g);
        g->groups[0] =
            (int8_t)join(s, n, &w, g->kind == KIND_MEM ? g->mem_bytes : 8, g->writes && g->kind == KIND_MEM);
    }
    switch (g->kind) {
    case KIND_PUSH:
    case KIND_CALL:
    case KIND_CALL_TO:
        w = where_stack(RSP, -8);
        g->groups[1] = (int8_t)join(s, n, &w, 8, true);
        break;
    case KIND_POP:
    case KIND_RET:
        w = where_stack(RSP, 0);
        g->groups[1] = (int8_t)join(s, n, &w, 8, false);
        break;
    case KIND_LEAVE:
        w = where_stack(RBP, 0);
        g->groups[1] = (int8_t)join(s, n, &w, 8, false);
        break;
    default:
        break;
    }
    step_over(s, g);
}

/* Slots go to groups of at least two accesses, in the order of their first ones, and are free after the last.
 */
static void give_slots(struct scan *s, struct guest_insn *insns, unsigned nr)
{
    uint8_t until[GROUP_SLOTS] = {0}; /* instruction after the last that uses it */
    for (unsigned n = 0; n < nr; n++)
        for (unsigned a = 0; a < 2; a++) {
            if (insns[n].groups[a] == NO_GROUP)
                continue;
            struct group *g = &s->at[insns[n].groups[a]];
            if (g->open)
                continue;
            unsigned slot = 0;
            while (slot < GROUP_SLOTS && until[slot] > n)
                slot++;
            if (g->count < 2 || slot == GROUP_SLOTS) {
                g->count = 0; /* for the others too */
                insns[n].groups[a] = NO_GROUP;
                continue;
            }
            g->slot = (uint8_t)slot;
            g->open = true;
            until[slot] = (uint8_t)(g->last + 1);
        }
    for (unsigned n = 0; n < s->nr; n++)
        s->at[n].open = false;
}

static void scan(struct scan *s, struct guest_insn *insns, unsigned nr)
{
    s->version = s->nr = s->moved = 0;
    zero_bytes(s->versions, sizeof(s->versions));
    zero_bytes(s->offs, sizeof(s->offs));
    for (unsigned n = 0; n < nr; n++) {
        insns[n].groups[0] = insns[n].groups[1] = NO_GROUP;
        note(s, n, &insns[n]);
    }
}

/* Look for the group that is to be split, and scan again. */
static void scan_split(struct scan *s, struct guest_insn *insns, unsigned nr, const struct split *split)
{
    for (unsigned n = 0; n < s->nr; n++) {
        const struct group *g = &s->at[n];
        if (insns[g->first].off != split->off || split->below >= g->max - g->min)
            continue;
        s->split = true;
        s->split_key = g->key;
        s->split_version = g->version;
        s->split_off = g->min + split->below;
        scan(s, insns, nr);
        return;
    }
}

void find_groups(struct guest_insn *insns, unsigned nr, struct group *at, const struct split *split)
{
    struct scan s;
    s.at = at;
    s.split = false;
    scan(&s, insns, nr);
    if (split)
        scan_split(&s, insns, nr, split);
    give_slots(&s, insns, nr);
}

static bool moves_steadily(const struct scan *s, struct group *k)
{
    const struct where *w = &k->key;
    if (k->version || s->versions[w->base] || s->versions[w->index] ||
        (w->index != NO_REG && w->base != NO_REG && s->moved >> w->base & 1) ||
        (w->index != NO_REG && w->base == NO_REG))
        return false;
    k->stride = s->offs[w->base] + (w->index == NO_REG ? 0 : s->offs[w->index] * (1 << w->scale));
    return true;
}

bool find_loop_groups(struct guest_insn *insns, unsigned nr, struct group *at, unsigned *ret_nr)
{
    struct scan s;
    s.at = at;
    s.split = false;
    scan(&s, insns, nr);
    *ret_nr = s.nr;
    for (unsigned n = 0; n < nr; n++)
        if (accesses(&insns[n]) && insns[n].groups[0] == NO_GROUP)
            return false;
    for (unsigned k = 0; k < s.nr; k++) {
        at[k].slot = (uint8_t)k;
        if (k >= GROUP_SLOTS || !moves_steadily(&s, &at[k]))
            return false;
    }
    return s.nr;
}
