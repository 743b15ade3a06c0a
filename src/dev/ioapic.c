// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ioapic: the redirection table.
 *
 * Source: Intel 82093AA I/O Advanced Programmable Interrupt Controller data sheet, "Register description".
 * Modelled: edge and level pins, remote IRR, masks, EOI by broadcast.
 * Left out: polarity (wires here say asserted or not), the arbitration bus.
 * Threads: board lock held.
 */
#include "dev/ioapic.h"

enum { IOREGSEL = 0x00, IOWIN = 0x10 };
enum { IOAPICID, IOAPICVER, IOAPICARB, IOREDTBL = 0x10 };

#define RTE_STATUS     0x1000ull /* read only */
#define RTE_REMOTE_IRR 0x4000ull /* read only */
#define RTE_LEVEL      0x8000ull
#define RTE_MASKED     0x10000ull

struct ioapic {
    /* saved */
    uint8_t select, id;
    uint32_t levels; /* what the wires say */
    uint64_t rte[IOAPIC_PINS];
    /* wiring */
    struct msi_sink sink;
    struct bus *mem;
    uint64_t base;
};

/* The entry as an MSI: destination and its mode into the address, the low 16 bits are the data. */
static void deliver(struct ioapic *a, uint64_t rte)
{
    uint64_t addr = 0xfee00000u | (rte >> 56) << 12 | (rte >> 11 & 1) << 2;
    uint32_t data = (uint32_t)(rte & 0x7ff) | (rte & RTE_LEVEL ? 0xc000 : 0);
    msi_send(&a->sink, addr, data);
}

/* A level pin that is asserted and not yet in service somewhere is sent. */
static void sync_pin(struct ioapic *a, unsigned pin)
{
    uint64_t *rte = &a->rte[pin];
    if (!(*rte & RTE_LEVEL) || !(a->levels >> pin & 1) || (*rte & (RTE_MASKED | RTE_REMOTE_IRR)))
        return;
    *rte |= RTE_REMOTE_IRR;
    deliver(a, *rte);
}

void ioapic_set(struct ioapic *a, unsigned pin, bool level)
{
    if (pin >= IOAPIC_PINS)
        return;
    bool rose = level && !(a->levels >> pin & 1);
    a->levels = (a->levels & ~(1u << pin)) | (uint32_t)level << pin;
    if (a->rte[pin] & RTE_LEVEL)
        sync_pin(a, pin);
    else if (rose && !(a->rte[pin] & RTE_MASKED))
        deliver(a, a->rte[pin]);
}

void ioapic_eoi(struct ioapic *a, uint8_t vector)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if ((uint8_t)a->rte[pin] != vector || !(a->rte[pin] & RTE_REMOTE_IRR))
            continue;
        a->rte[pin] &= ~RTE_REMOTE_IRR;
        sync_pin(a, pin);
    }
}

static uint32_t read_register(const struct ioapic *a)
{
    unsigned i = a->select - IOREDTBL;
    if (a->select >= IOREDTBL && i < 2 * IOAPIC_PINS)
        return (uint32_t)(a->rte[i / 2] >> (i % 2 ? 32 : 0));
    switch (a->select) {
    case IOAPICID:
    case IOAPICARB:
        return (uint32_t)a->id << 24;
    case IOAPICVER:
        return (IOAPIC_PINS - 1) << 16 | 0x11;
    default:
        return 0;
    }
}

static void write_rte(struct ioapic *a, unsigned pin, bool high, uint32_t val)
{
    uint64_t *rte = &a->rte[pin], kept = RTE_STATUS | RTE_REMOTE_IRR;
    if (high)
        *rte = (*rte & UINT32_MAX) | (uint64_t)val << 32;
    else
        *rte = (*rte & (~(uint64_t)UINT32_MAX | kept)) | (val & ~kept & 0x1ffff);
    if (!(*rte & RTE_LEVEL))
        *rte &= ~RTE_REMOTE_IRR;
    sync_pin(a, pin);
}

static void write_register(struct ioapic *a, uint32_t val)
{
    unsigned i = a->select - IOREDTBL;
    if (a->select >= IOREDTBL && i < 2 * IOAPIC_PINS)
        write_rte(a, i / 2, i % 2, val);
    else if (a->select == IOAPICID)
        a->id = val >> 24 & 0x0f;
}

static uint64_t ioapic_read(void *dev, uint64_t off, unsigned size)
{
    struct ioapic *a = dev;
    (void)size;
    if (off == IOREGSEL)
        return a->select;
    return off == IOWIN ? read_register(a) : 0;
}

static void ioapic_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct ioapic *a = dev;
    (void)size;
    if (off == IOREGSEL)
        a->select = (uint8_t)val;
    else if (off == IOWIN)
        write_register(a, (uint32_t)val);
}

static const struct bus_ops ops = {ioapic_read, ioapic_write};

int ioapic_new(struct bus *mem, uint64_t base, const struct msi_sink *sink, struct ioapic **ret,
               struct err *e)
{
    struct ioapic *a = calloc(1, sizeof(*a));
    if (!a)
        return err_code(e, -ENOMEM, "I/O APIC");
    a->sink = *sink;
    a->mem = mem;
    a->base = base;
    for (unsigned i = 0; i < IOAPIC_PINS; i++)
        a->rte[i] = RTE_MASKED;
    int rc = bus_attach(mem, base, 4096, &ops, a, e);
    if (rc < 0) {
        free(a);
        return err_wrap(e, "I/O APIC");
    }
    *ret = a;
    return 0;
}

void ioapic_free(struct ioapic *a)
{
    if (!a)
        return;
    bus_detach(a->mem, a->base);
    free(a);
}

static const struct state_field fields[] = {
    STATE(ioapic, select, STATE_U8),
    STATE(ioapic, id, STATE_U8),
    STATE(ioapic, levels, STATE_U32),
    STATE(ioapic, rte, STATE_U64),
};

const struct state_table ioapic_state = {
    "ioapic", 1, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct ioapic), NULL, NULL};
