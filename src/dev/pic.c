// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pic: interrupts of systems that do not use their APICs, and of all while they start.
 *
 * Source: Intel 8259A data sheet, "Initialization Command Words", "Operation Command Words"; Intel 82371AB
 * (PIIX4) data sheet, "ELCR". Modelled: initialisation, masks, fixed priority, specific and automatic EOI,
 * rotation on EOI, poll, ELCR, special mask. Left out: the 8080 mode, buffered mode, special fully nested
 * mode. Threads: board lock held.
 */
#include "dev/pic.h"

#define ICW1_INIT   0x10
#define ICW1_ICW4   0x01
#define OCW3        0x08
#define ICW4_AEOI   0x02
#define CASCADE     2
#define ELCR_MASTER 0xf8 /* lines 0, 1, 2 are always edge */
#define ELCR_SLAVE  0xde /* so are 8 and 13 */

struct pic {
    /* saved; [0] master, [1] slave */
    uint8_t irr[2], isr[2], imr[2], base[2], elcr[2], levels[2], lowest[2];
    uint8_t init[2]; /* next ICW expected: 0 none, 2, 3, 4 */
    bool icw4[2], aeoi[2], rotate_aeoi[2], read_isr[2], poll[2], special_mask[2];
    /* wiring */
    void (*intr)(void *ctx, bool level);
    void *ctx;
    struct bus *io;
    bool out;
};

/* Highest priority among the bits set: 0 is the line after `lowest`; 8: none. */
static unsigned priority(const struct pic *p, unsigned chip, uint8_t bits)
{
    unsigned n = 0;
    if (bits == 0)
        return 8;
    while (!(bits >> ((p->lowest[chip] + 1u + n) & 7) & 1))
        n++;
    return n;
}

static unsigned line_of(const struct pic *p, unsigned chip, unsigned prio)
{
    return (p->lowest[chip] + 1u + prio) & 7;
}

/* The line that this chip would interrupt for, or -1. */
static int request(const struct pic *p, unsigned chip)
{
    uint8_t wanted = p->irr[chip] & (uint8_t)~p->imr[chip];
    unsigned prio = priority(p, chip, wanted);
    uint8_t in_service = p->special_mask[chip] ? p->isr[chip] & (uint8_t)~p->imr[chip] : p->isr[chip];
    if (prio == 8 || prio >= priority(p, chip, in_service))
        return -1;
    return (int)line_of(p, chip, prio);
}

static void set_line(struct pic *p, unsigned chip, unsigned line, bool level)
{
    uint8_t bit = (uint8_t)(1u << line);
    bool was = p->levels[chip] & bit;
    if (level)
        p->levels[chip] |= bit;
    else
        p->levels[chip] &= (uint8_t)~bit;
    if (p->elcr[chip] & bit)
        p->irr[chip] = (uint8_t)((p->irr[chip] & ~bit) | (level ? bit : 0));
    else if (level && !was)
        p->irr[chip] |= bit;
    else if (!level)
        p->irr[chip] &= (uint8_t)~bit; /* the request was taken back before it was acknowledged */
}

static void sync_intr(struct pic *p)
{
    set_line(p, 0, CASCADE, request(p, 1) >= 0);
    bool out = request(p, 0) >= 0;
    if (out == p->out)
        return;
    p->out = out;
    p->intr(p->ctx, out);
}

void pic_set(struct pic *p, unsigned line, bool level)
{
    if (line >= 16)
        return;
    set_line(p, line >> 3, line & 7, level);
    sync_intr(p);
}

static void accept(struct pic *p, unsigned chip, unsigned line)
{
    uint8_t bit = (uint8_t)(1u << line);
    if (!(p->elcr[chip] & bit))
        p->irr[chip] &= (uint8_t)~bit;
    if (!p->aeoi[chip])
        p->isr[chip] |= bit;
    else if (p->rotate_aeoi[chip])
        p->lowest[chip] = (uint8_t)line;
}

/* A request that is gone again is answered with line 7, the spurious interrupt. */
uint8_t pic_ack(struct pic *p)
{
    unsigned chip = 0;
    int line = request(p, 0);
    if (line >= 0)
        accept(p, 0, (unsigned)line);
    if (line == CASCADE) {
        chip = 1;
        line = request(p, 1);
        if (line >= 0)
            accept(p, 1, (unsigned)line);
    }
    uint8_t vector = (uint8_t)(p->base[chip] + (line < 0 ? 7 : line));
    sync_intr(p);
    return vector;
}

static void end_of_interrupt(struct pic *p, unsigned chip, uint8_t cmd)
{
    bool specific = cmd & 0x40, rotate = cmd & 0x80;
    unsigned prio = priority(p, chip, p->isr[chip]);
    unsigned line = specific ? cmd & 7 : line_of(p, chip, prio);
    if (!specific && prio == 8)
        return;
    p->isr[chip] &= (uint8_t)~(1u << line);
    if (rotate)
        p->lowest[chip] = (uint8_t)line;
}

static void write_command(struct pic *p, unsigned chip, uint8_t val)
{
    if (val & ICW1_INIT) {
        p->irr[chip] = p->isr[chip] = p->imr[chip] = 0;
        p->lowest[chip] = 7;
        p->read_isr[chip] = p->poll[chip] = p->special_mask[chip] = p->aeoi[chip] = p->rotate_aeoi[chip] =
            false;
        p->icw4[chip] = val & ICW1_ICW4;
        p->init[chip] = 2;
    } else if (val & OCW3) {
        p->poll[chip] = val & 4;
        if (val & 2)
            p->read_isr[chip] = val & 1;
        if (val & 0x40)
            p->special_mask[chip] = val & 0x20;
    } else if (val & 0x20) {
        end_of_interrupt(p, chip, val);
    } else if ((val & 0xe0) == 0xc0) {
        p->lowest[chip] = val & 7;
    } else {
        p->rotate_aeoi[chip] = val & 0x80;
    }
}

static void write_data(struct pic *p, unsigned chip, uint8_t val)
{
    switch (p->init[chip]) {
    case 2:
        p->base[chip] = val & 0xf8;
        p->init[chip] = 3;
        break;
    case 3:
        p->init[chip] = p->icw4[chip] ? 4 : 0;
        break;
    case 4:
        p->aeoi[chip] = val & ICW4_AEOI;
        p->init[chip] = 0;
        break;
    default:
        p->imr[chip] = val;
    }
}

static uint8_t read_poll(struct pic *p, unsigned chip)
{
    p->poll[chip] = false;
    int line = request(p, chip);
    if (line < 0)
        return 0;
    accept(p, chip, (unsigned)line);
    return (uint8_t)(0x80 | line);
}

static uint64_t chip_read(struct pic *p, unsigned chip, uint64_t off)
{
    uint8_t val;
    if (p->poll[chip])
        val = read_poll(p, chip);
    else if (off == 1)
        val = p->imr[chip];
    else
        val = p->read_isr[chip] ? p->isr[chip] : p->irr[chip];
    sync_intr(p);
    return val;
}

static void chip_write(struct pic *p, unsigned chip, uint64_t off, uint8_t val)
{
    if (off == 0)
        write_command(p, chip, val);
    else
        write_data(p, chip, val);
    sync_intr(p);
}

static uint64_t master_read(void *dev, uint64_t off, unsigned size)
{
    (void)size;
    return chip_read(dev, 0, off);
}

static void master_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    (void)size;
    chip_write(dev, 0, off, (uint8_t)val);
}

static uint64_t slave_read(void *dev, uint64_t off, unsigned size)
{
    (void)size;
    return chip_read(dev, 1, off);
}

static void slave_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    (void)size;
    chip_write(dev, 1, off, (uint8_t)val);
}

static uint64_t elcr_read(void *dev, uint64_t off, unsigned size)
{
    (void)size;
    return ((struct pic *)dev)->elcr[off];
}

static void elcr_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    (void)size;
    ((struct pic *)dev)->elcr[off] = (uint8_t)(val & (off ? ELCR_SLAVE : ELCR_MASTER));
}

static const struct bus_ops master_ops = {master_read, master_write};
static const struct bus_ops slave_ops = {slave_read, slave_write};
static const struct bus_ops elcr_ops = {elcr_read, elcr_write};
static const struct {
    uint16_t base;
    const struct bus_ops *ops;
} regions[] = {{0x20, &master_ops}, {0xa0, &slave_ops}, {0x4d0, &elcr_ops}};

int pic_new(struct bus *io, void (*intr)(void *ctx, bool level), void *ctx, struct pic **ret, struct err *e)
{
    struct pic *p = calloc(1, sizeof(*p));
    if (!p)
        return err_code(e, -ENOMEM, "interrupt controller");
    p->intr = intr;
    p->ctx = ctx;
    p->io = io;
    p->lowest[0] = p->lowest[1] = 7;
    p->imr[0] = p->imr[1] = 0xff;
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
        int rc = bus_attach(io, regions[i].base, 2, regions[i].ops, p, e);
        if (rc < 0) {
            pic_free(p);
            return err_wrap(e, "interrupt controller");
        }
    }
    *ret = p;
    return 0;
}

void pic_free(struct pic *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
        bus_detach(p->io, regions[i].base);
    free(p);
}

static const struct state_field fields[] = {
    STATE(pic, irr, STATE_U8),           STATE(pic, isr, STATE_U8),
    STATE(pic, imr, STATE_U8),           STATE(pic, base, STATE_U8),
    STATE(pic, elcr, STATE_U8),          STATE(pic, levels, STATE_U8),
    STATE(pic, lowest, STATE_U8),        STATE(pic, init, STATE_U8),
    STATE(pic, icw4, STATE_BOOL),        STATE(pic, aeoi, STATE_BOOL),
    STATE(pic, rotate_aeoi, STATE_BOOL), STATE(pic, read_isr, STATE_BOOL),
    STATE(pic, poll, STATE_BOOL),        STATE(pic, special_mask, STATE_BOOL),
};

static int check(const void *obj, struct err *e)
{
    const struct pic *p = obj;
    for (unsigned i = 0; i < 2; i++)
        if (p->lowest[i] > 7 || p->init[i] > 4)
            return err_set(e, -EINVAL, "chip %u: lowest priority %u, initialisation step %u", i, p->lowest[i],
                           p->init[i]);
    return 0;
}

static void loaded(void *obj)
{
    struct pic *p = obj;
    p->out = false;
    sync_intr(p);
}

const struct state_table pic_state = {
    "pic", 1, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct pic), check, loaded};
