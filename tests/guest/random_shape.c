// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * random_shape: sequences of the shape that compilers write and that the translator has ways of its own for:
 * many accesses through few registers (RSP, RBP, r9 to r11 among them, with an index or without,
 * RIP-relative, in GS), which are moved by constants, pushed and popped in between, often near a page's end;
 * short branches forwards; string instructions; numbers in code that are written.
 */
#include <string.h>

#include "random_ops.h"

#define NR_BASES 3u

struct shape {
    struct rng *r;
    struct sequence *s;
    const ZydisDecoder *d;
    uint8_t bases[NR_BASES], index; /* 16: none */
    bool near_end;                  /* all accesses, near the same page's */
    bool looping;                   /* LOOP_REG counts */
};

#define LOOP_REG 15u

/* ---- registers ---- */

static unsigned any_reg(struct shape *h)
{
    switch (rnd_below(h->r, 6)) {
    case 0:
    case 1:
        return 9 + rnd_below(h->r, 3);
    case 2:
        return rnd_below(h->r, 4); /* with a high byte */
    case 3:
        return h->bases[rnd_below(h->r, NR_BASES)];
    default:
        break;
    }
    unsigned reg = rnd_below(h->r, 16);
    return reg == 4 ? 0 : reg;
}

static unsigned some_reg(struct shape *h)
{
    unsigned reg = any_reg(h);
    return h->looping && reg == LOOP_REG ? 0 : reg;
}

/* Not to lose those that point somewhere too often. */
static unsigned some_target(struct shape *h)
{
    for (unsigned tries = 0; tries < 3; tries++) {
        unsigned reg = some_reg(h);
        bool used = reg == h->index || reg == 4;
        for (unsigned i = 0; i < NR_BASES; i++)
            used |= reg == h->bases[i];
        if (!used)
            return reg;
    }
    return some_reg(h);
}

static uint64_t some_place(struct shape *h)
{
    unsigned page = 1 + rnd_below(h->r, DATA_PAGES + 1); /* begin of the read-only one, of the hole too */
    if (h->near_end || one_in(h->r, 3))
        return DATA_VA + page * PAGE - 48 + 4 * rnd_below(h->r, 24);
    return DATA_VA + rnd_below(h->r, DATA_PAGES - 1) * PAGE + 256 + 8 * rnd_below(h->r, 448);
}

static void choose_bases(struct shape *h)
{
    static const uint8_t liked[] = {4, 5, 9, 10, 11, 3, 7, 12, 13};
    for (unsigned i = 0; i < NR_BASES; i++) {
        uint8_t reg = one_in(h->r, 4) ? (uint8_t)rnd_below(h->r, 16) : liked[rnd_below(h->r, sizeof(liked))];
        h->bases[i] = reg;
        if (reg != 4 || one_in(h->r, 3))
            gen_mov(h->s, reg, some_place(h));
    }
    h->index = 16;
    if (!one_in(h->r, 3))
        return;
    h->index = one_in(h->r, 2) ? (uint8_t)(9 + rnd_below(h->r, 3)) : (uint8_t)rnd_below(h->r, 16);
    for (unsigned i = 0; i < NR_BASES; i++)
        if (h->index == h->bases[i] || h->index == 4)
            h->index = 16;
    if (h->index < 16)
        gen_mov(h->s, h->index, rnd_below(h->r, 12));
}

/* ---- encoding ---- */

/* ModRM.rm and all behind it. */
struct operand {
    uint8_t bytes[6], len; /* SIB and displacement */
    uint8_t rm, mod;
    bool b, x; /* as in REX */
    bool rip;
};

static int32_t some_disp(struct shape *h)
{
    if (one_in(h->r, 40))
        return (int32_t)rnd_below(h->r, 3000) - 1500;
    return one_in(h->r, 2) ? 8 * (int32_t)rnd_below(h->r, 8) : (int32_t)rnd_below(h->r, 100) - 50;
}

static struct operand register_operand(struct shape *h)
{
    unsigned reg = some_target(h);
    return (struct operand){.mod = 3, .rm = reg & 7, .b = reg >> 3};
}

static struct operand memory_operand(struct shape *h)
{
    int32_t disp = some_disp(h);
    unsigned base = h->bases[rnd_below(h->r, NR_BASES)], index = one_in(h->r, 2) ? h->index : 16;
    bool is_short = disp == (int8_t)disp && !one_in(h->r, 8);
    if (one_in(h->r, 10))
        return (struct operand){.mod = 0, .rm = 5, .rip = true, .len = 4};
    struct operand o = {.rm = base & 7, .b = base >> 3, .mod = is_short ? 1 : 2};
    if (!disp && (base & 7) != 5)
        o.mod = 0;
    if (index < 16 || (base & 7) == 4) {
        o.rm = 4;
        o.bytes[o.len++] =
            (uint8_t)(rnd_below(h->r, 4) << 6 | (index < 16 ? index & 7 : 4u) << 3 | (base & 7));
        o.x = index < 16 && index >> 3;
    }
    memcpy(o.bytes + o.len, &disp, 4);
    o.len = (uint8_t)(o.len + (o.mod == 0 ? 0 : o.mod == 1 ? 1 : 4));
    return o;
}

static void put(struct piece *p, unsigned byte)
{
    p->bytes[p->len++] = (uint8_t)byte;
}

static void put_head(struct piece *p, const struct op *op, unsigned width, unsigned reg,
                     const struct operand *o, bool rex)
{
    unsigned bits = (width == 8 ? 8u : 0) | (reg >> 3) << 2 | (unsigned)o->x << 1 | o->b;
    if (width == 2)
        put(p, 0x66);
    if (op->prefix)
        put(p, op->prefix);
    if (bits || rex)
        put(p, 0x40 | bits);
    if (op->map)
        put(p, 0x0f);
    if (op->map > 1)
        put(p, op->map == 2 ? 0x38 : 0x3a);
    put(p, op->code | (op->how & SIZED && width > 1));
}

static void put_vex(struct shape *h, struct piece *p, const struct op *op, unsigned width, unsigned reg,
                    const struct operand *o)
{
    unsigned v = op->map == 3 ? 0 : some_target(h);
    put(p, 0xc4);
    put(p, (reg >> 3 ? 0 : 0x80) | (o->x ? 0 : 0x40) | (o->b ? 0 : 0x20) | op->map);
    put(p, (width == 8 ? 0x80 : 0) | (~v & 15) << 3 | op->prefix);
    put(p, op->code);
}

static unsigned some_width(struct shape *h, const struct op *op)
{
    static const uint8_t widths[] = {1, 4, 4, 8, 8, 8, 2, 4};
    unsigned w = widths[rnd_below(h->r, sizeof(widths))];
    if (op->how & VECTOR)
        return op->code == 0x2a || op->code == 0x2c || op->code == 0x6e || op->code == 0x7e ? w / 8 * 8 : 0;
    if (op->how & VEX)
        return w < 8 ? 4 : 8;
    return !(op->how & (SIZED | WIDE)) ? 1 : op->how & WIDE && w == 1 ? 8 : w;
}

/* Takes what was put together, if it is an instruction. */
static void take_piece(struct shape *h, struct piece *p)
{
    ZydisDecodedInstruction z;
    ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(h->d, p->bytes, p->len, &z, o)) || z.length != p->len ||
        !gen_usable(&z, o))
        return;
    p->tested = true;
    h->s->pieces[h->s->nr++] = *p;
    switch (z.mnemonic) {
    case ZYDIS_MNEMONIC_AND: /* of the same outcome everywhere, and clearing would end the block */
    case ZYDIS_MNEMONIC_OR:
    case ZYDIS_MNEMONIC_XOR:
    case ZYDIS_MNEMONIC_TEST:
    case ZYDIS_MNEMONIC_ANDN:
        return;
    default:
        gen_clear_undefined(h->s, &z);
    }
}

static void add_op(struct shape *h)
{
    const struct op *op = &shape_ops[rnd_below(h->r, nr_shape_ops)];
    struct piece p = {.skip = -1};
    if (op->how & RARE && !one_in(h->r, 4))
        return;
    unsigned width = some_width(h, op);
    bool vector = op->how & VECTOR && op->digit < 0;
    unsigned reg = op->digit >= 0 ? (unsigned)op->digit : vector ? rnd_below(h->r, 16) : some_target(h);
    struct operand o = one_in(h->r, 5) ? register_operand(h) : memory_operand(h);
    if (one_in(h->r, 60) && o.mod < 3 && !(op->how & VEX))
        put(&p, one_in(h->r, 2) ? 0xf0 : 0x67);
    if (op->how & VEX)
        put_vex(h, &p, op, width, reg, &o);
    else
        put_head(&p, op, width, reg, &o, width == 1 && !one_in(h->r, 3));
    put(&p, (unsigned)o.mod << 6 | (reg & 7) << 3 | o.rm);
    if (o.rip) {
        p.disp_at = p.len;
        p.rip_target = (uint32_t)some_place(h);
    }
    memcpy(p.bytes + p.len, o.bytes, o.len);
    p.len = (uint8_t)(p.len + o.len);
    unsigned imm = op->imm == 4 && width < 4 ? width : op->imm;
    for (unsigned n = 0; n < imm && p.len < 15; n++)
        put(&p, (unsigned)rnd(h->r) & 0xff);
    take_piece(h, &p);
}

/* ---- what happens to registers and the flow ---- */

/* Short codes whose operand bytes follow at random; r: a base. */
static void add_step(struct shape *h)
{
    unsigned base = h->bases[rnd_below(h->r, NR_BASES)], by = 8 * rnd_below(h->r, 8),
             kind = rnd_below(h->r, 10);
    unsigned rex = 0x48 | base >> 3, rm = base & 7;
    if (one_in(h->r, 10))
        rex &= ~8u;
    if (one_in(h->r, 4))
        by = rnd_below(h->r, 64) + 200; /* negative */
    struct piece p = {.skip = -1, .len = 4, .bytes = {(uint8_t)rex, 0x83, 0, (uint8_t)by}};
    if (kind < 5) {
        p.bytes[2] = (uint8_t)((kind < 3 ? 0xc0 : 0xe8) | rm);
    } else if (kind < 8) { /* lea base, [base + by] */
        p.bytes[0] = (uint8_t)(rex | (base >> 3) << 2);
        p.bytes[1] = 0x8d;
        p.bytes[2] = (uint8_t)(0x40 | rm << 3 | rm);
        if (rm == 4) {
            p.bytes[3] = 0x24, p.bytes[4] = (uint8_t)by;
            p.len = 5;
        }
    } else {
        p.bytes[1] = 0xff;
        p.bytes[2] = (uint8_t)((kind == 8 ? 0xc0 : 0xc8) | rm);
        p.len = 3;
    }
    take_piece(h, &p);
}

static void add_stack(struct shape *h)
{
    unsigned reg = one_in(h->r, 4)   ? h->bases[0]
                   : one_in(h->r, 3) ? 9 + rnd_below(h->r, 3)
                                     : rnd_below(h->r, 16);
    struct piece p = {.skip = -1};
    switch (rnd_below(h->r, 9)) {
    case 0:
        put(&p, 0x6a);
        put(&p, (unsigned)rnd(h->r) & 0xff);
        break;
    case 1:
        put(&p, 0x68);
        for (unsigned n = 0; n < 4; n++)
            put(&p, (unsigned)rnd(h->r) & 0xff);
        break;
    case 2:
        if (one_in(h->r, 3))
            put(&p, 0xc9);
        else
            put(&p, 0x55);
        break;
    case 3:
    case 4:
    case 5:
        if (reg == 4 && one_in(h->r, 2))
            reg = 0;
        if (reg > 7)
            put(&p, 0x41);
        put(&p, 0x58 | (reg & 7));
        break;
    default:
        if (reg > 7)
            put(&p, 0x41);
        put(&p, 0x50 | (reg & 7));
    }
    take_piece(h, &p);
}

/* Between registers, r9 to r11 among them. */
static void add_idiom(struct shape *h)
{
    static const uint8_t codes[] = {0x31, 0x29, 0x19, 0x33, 0x2b, 0x89, 0x8b, 0x01, 0x39, 0x85, 0x87, 0x11};
    unsigned a = some_target(h), b = one_in(h->r, 2) ? a : some_target(h);
    struct piece p = {.skip = -1};
    unsigned rex = 0x40 | (one_in(h->r, 2) ? 8u : 0) | (a >> 3) << 2 | b >> 3;
    put(&p, rex);
    put(&p, codes[rnd_below(h->r, sizeof(codes))]);
    put(&p, 0xc0 | (a & 7) << 3 | (b & 7));
    take_piece(h, &p);
}

static void add_branch(struct shape *h)
{
    struct piece p = {.skip = (int8_t)rnd_below(h->r, 6), .rel_bytes = 1};
    switch (rnd_below(h->r, 16)) {
    case 0:
        put(&p, 0xe3);
        break;
    case 1:
        put(&p, 0xeb);
        break;
    case 2:
        put(&p, 0xe8);
        p.rel_bytes = 4;
        break;
    case 3:
        put(&p, 0xe2);
        break;
    case 4:
    case 5:
        put(&p, 0x0f);
        put(&p, 0x80 | rnd_below(h->r, 16));
        p.rel_bytes = 4;
        break;
    default:
        put(&p, 0x70 | rnd_below(h->r, 16));
    }
    p.len = (uint8_t)(p.len + p.rel_bytes);
    take_piece(h, &p);
}

/* mov reg, target; and there by JMP, CALL or RET. */
static void add_far_branch(struct shape *h)
{
    unsigned reg = rnd_below(h->r, 4), kind = rnd_below(h->r, 3);
    gen_mov(h->s, reg, 0);
    struct piece *mov = &h->s->pieces[h->s->nr - 1];
    mov->skip = (int8_t)(rnd_below(h->r, 4) + (kind == 0 ? 2 : 1));
    mov->rel_bytes = 8;
    struct piece p = {.skip = -1, .len = 1, .bytes = {(uint8_t)(0x50 | reg)}};
    if (kind == 0) {
        take_piece(h, &p);
        p.bytes[0] = 0xc3;
    } else {
        p.bytes[0] = 0xff;
        p.bytes[1] = (uint8_t)((kind == 1 ? 0xe0 : 0xd0) | reg);
        p.len = 2;
    }
    take_piece(h, &p);
}

static void add_string(struct shape *h)
{
    static const uint8_t codes[] = {0xa4, 0xa5, 0xa4, 0xa5, 0xaa, 0xab, 0xaa, 0xab, 0xac, 0xae, 0xaf};
    struct piece p = {.skip = -1};
    gen_mov(h->s, 6, some_place(h));
    gen_mov(h->s, 7, some_place(h));
    gen_mov(h->s, 1, rnd_below(h->r, one_in(h->r, 6) ? 700 : 12));
    if (!one_in(h->r, 3))
        put(&p, one_in(h->r, 5) ? 0xf2 : 0xf3);
    if (one_in(h->r, 2))
        put(&p, 0x48);
    put(&p, codes[rnd_below(h->r, sizeof(codes))]);
    take_piece(h, &p);
}

/* mov [rip + number], reg, further behind mov reg, number. */
static void add_patch(struct shape *h)
{
    unsigned reg = rnd_below(h->r, 8);
    struct piece p = {.skip = (int8_t)rnd_below(h->r, 3), .patches = true, .disp_at = 2, .len = 6};
    p.bytes[0] = one_in(h->r, 4) ? 0x88 : 0x89; /* one byte of the number, or all of it */
    p.bytes[1] = (uint8_t)(reg << 3 | 5);
    take_piece(h, &p);
    for (int n = p.skip; n-- > 0;)
        add_idiom(h);
    p = (struct piece){.skip = -1, .len = 5, .bytes = {(uint8_t)(0xb8 | rnd_below(h->r, 4))}};
    take_piece(h, &p);
}

/* mov r15d, n; ...; a few that do not change the bases but by constants; dec or sub; jnz back. */
static void add_loop(struct shape *h)
{
    gen_mov(h->s, LOOP_REG, 1 + rnd_below(h->r, one_in(h->r, 3) ? 700 : 40));
    h->looping = true;
    unsigned first = h->s->nr, body = 1 + rnd_below(h->r, 8);
    for (unsigned n = 0; n < body; n++) {
        unsigned kind = rnd_below(h->r, 10);
        if (kind < 6)
            add_op(h);
        else if (kind < 9)
            add_step(h);
        else
            add_idiom(h);
    }
    struct piece p = {.skip = -1, .len = 3, .bytes = {0x49, 0xff, 0xcf}};
    if (one_in(h->r, 2))
        p = (struct piece){.skip = -1, .len = 4, .bytes = {0x49, 0x83, 0xef, 1}};
    take_piece(h, &p);
    p = (struct piece){.len = 2, .rel_bytes = 1, .bytes = {one_in(h->r, 4) ? 0x7f : 0x75}};
    p.skip = (int8_t)(-1 - (int)(h->s->nr - first));
    take_piece(h, &p);
    h->looping = false;
}

void shape_sequence(struct rng *r, struct sequence *s, const ZydisDecoder *d)
{
    struct shape h = {.r = r, .s = s, .d = d, .near_end = one_in(r, 3)};
    unsigned want = 4 + rnd_below(r, 44);
    bool patches = one_in(r, 10), branches = !one_in(r, 3);
    s->repeats = one_in(r, 2) ? 0 : one_in(r, 4) ? 30 + rnd_below(r, 20) : rnd_below(r, 4);
    s->start = one_in(r, 3) ? PAGE - 1 - rnd_below(r, 160) : 0;
    choose_bases(&h);
    bool loops = one_in(r, 3);
    while (s->nr < want) {
        if (loops && s->nr + 24 < want && one_in(r, 8))
            add_loop(&h);
        unsigned kind = rnd_below(r, 100);
        if (kind < 62)
            add_op(&h);
        else if (kind < 70)
            add_step(&h);
        else if (kind < 80)
            add_stack(&h);
        else if (kind < 88)
            add_idiom(&h);
        else if (kind < 95 && branches)
            add_branch(&h);
        else if (kind < 97 && branches)
            add_far_branch(&h);
        else if (kind < 98)
            add_string(&h);
        else if (patches)
            add_patch(&h);
    }
}
