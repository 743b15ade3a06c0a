// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pci: a host bridge with bus 0 behind it.
 *
 * Source: PCI Local Bus Specification 3.0, 3.2.2.3.2 (configuration mechanism #1), 2.2.6 (interrupt pins);
 * PCI Express Base Specification, "PCI Express Enhanced Configuration Access Mechanism"; Intel 82371AB
 * (PIIX4) data sheet, "RC - Reset Control Register". Modelled: one bus of single-function devices. Left out:
 * bridges, extended configuration space (reads zero: no capability), hot plug. Threads: board lock held.
 */
#include "dev/pci.h"

#include "dev/pci_impl.h"

#define PORTS          0xcf8
#define CONFIG_ADDRESS 0 /* offsets from PORTS */
#define RESET_CONTROL  1
#define CONFIG_DATA    4

#define ADDRESS_ENABLE 0x80000000u
#define ADDRESS_VALID  0x80fffffcu
#define RESET_CPU      0x04

/* ---- configuration ---- */

/* at: as ECAM lays it out, bus << 20 | slot << 15 | function << 12 | register. */
static struct pci_device *device_at(const struct pci *p, uint64_t at)
{
    return at >> 20 || (at >> 12 & 7) ? NULL : p->slots[at >> 15 & 31];
}

static uint32_t config_read(struct pci *p, uint64_t at, unsigned size)
{
    struct pci_device *d = device_at(p, at);
    unsigned off = at & 0xfff;
    if (!d)
        return UINT32_MAX;
    return off + size <= PCI_CONFIG_BYTES ? pci_device_read(d, off, size) : 0;
}

static void config_write(struct pci *p, uint64_t at, unsigned size, uint32_t val)
{
    struct pci_device *d = device_at(p, at);
    unsigned off = at & 0xfff;
    if (d && off + size <= PCI_CONFIG_BYTES)
        pci_device_write(d, off, size, val);
}

static uint64_t ecam_read(void *dev, uint64_t off, unsigned size)
{
    if (size == 8)
        return config_read(dev, off, 4) | (uint64_t)config_read(dev, off + 4, 4) << 32;
    return config_read(dev, off, size);
}

static void ecam_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    config_write(dev, off, size == 8 ? 4 : size, (uint32_t)val);
    if (size == 8)
        config_write(dev, off + 4, 4, (uint32_t)(val >> 32));
}

/* What CONFIG_ADDRESS and the byte within CONFIG_DATA select. */
static uint64_t selected(const struct pci *p, uint64_t byte)
{
    uint64_t function = p->address >> 8 & 0xffff;
    return function << 12 | (p->address & 0xfc) | byte;
}

static uint64_t ports_read(void *dev, uint64_t off, unsigned size)
{
    struct pci *p = dev;
    if (off == CONFIG_ADDRESS && size == 4)
        return p->address;
    if (off == RESET_CONTROL && size == 1)
        return p->reset_control;
    if (off < CONFIG_DATA || !(p->address & ADDRESS_ENABLE))
        return UINT32_MAX;
    return config_read(p, selected(p, off - CONFIG_DATA), size);
}

static void write_reset_control(struct pci *p, uint8_t val)
{
    bool asserted = (val & ~p->reset_control) & RESET_CPU;
    p->reset_control = val & 0x0e;
    if (asserted && p->config.reset)
        p->config.reset(p->config.reset_ctx);
}

static void ports_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct pci *p = dev;
    if (off == CONFIG_ADDRESS && size == 4)
        p->address = (uint32_t)val & ADDRESS_VALID;
    else if (off == RESET_CONTROL && size == 1)
        write_reset_control(p, (uint8_t)val);
    else if (off >= CONFIG_DATA && (p->address & ADDRESS_ENABLE))
        config_write(p, selected(p, off - CONFIG_DATA), size, (uint32_t)val);
}

/* ---- wires ---- */

void pci_sync_wire(struct pci_device *d)
{
    struct pci *p = d->pci;
    unsigned wire = d->slot % PCI_WIRES;
    bool level = d->intx && !(pci_device_get(d, PCI_COMMAND, 2) & PCI_COMMAND_INTX_OFF);
    p->asserted[wire] = (p->asserted[wire] & ~(1u << d->slot)) | (uint32_t)level << d->slot;
    irq_set(&p->config.wires[wire], p->asserted[wire] != 0);
}

/* ---- BARs ---- */

static uint64_t bar_address(const struct pci_device *d, unsigned i)
{
    uint32_t low = pci_device_get(d, PCI_BAR0 + 4 * i, 4);
    switch (d->bars[i].kind) {
    case PCI_BAR_IO:
        return low & ~3u;
    case PCI_BAR_MEM64:
        return (low & ~15u) | (uint64_t)pci_device_get(d, PCI_BAR0 + 4 * i + 4, 4) << 32;
    default:
        return low & ~15u;
    }
}

/* false: the device does not decode this BAR now. 0 is how firmware marks a BAR that found no place. */
static bool decoded_at(const struct pci_device *d, unsigned i, uint64_t *ret)
{
    const struct pci_bar *b = &d->bars[i];
    bool io = b->kind == PCI_BAR_IO;
    if (!(pci_device_get(d, PCI_COMMAND, 2) & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)))
        return false;
    *ret = bar_address(d, i);
    return *ret != 0 && (!io || *ret + b->bytes <= 0x10000);
}

static void unmap_moved(struct pci_device *d, unsigned i)
{
    struct pci_bar *b = &d->bars[i];
    uint64_t at;
    if (!b->mapped || (decoded_at(d, i, &at) && at == b->at))
        return;
    bus_detach(b->kind == PCI_BAR_IO ? d->pci->config.io : d->pci->config.mem, b->at);
    b->mapped = false;
}

/* The guest may put a BAR where something else is: then it stays off until there is room. */
static void map(struct pci_device *d, unsigned i)
{
    struct pci_bar *b = &d->bars[i];
    uint64_t at;
    if (b->mapped || b->bytes == 0 || !decoded_at(d, i, &at))
        return;
    struct bus *bus = b->kind == PCI_BAR_IO ? d->pci->config.io : d->pci->config.mem;
    b->mapped = bus_attach(bus, at, b->bytes, b->ops, b->dev, NULL) == 0;
    b->at = at;
}

/* All that moved leave before any moves in, so that two devices can change places. */
void pci_sync_bars(struct pci *p)
{
    for (unsigned n = 0; n < PCI_SLOTS * PCI_BARS; n++)
        if (p->slots[n / PCI_BARS])
            unmap_moved(p->slots[n / PCI_BARS], n % PCI_BARS);
    for (unsigned n = 0; n < PCI_SLOTS * PCI_BARS; n++)
        if (p->slots[n / PCI_BARS])
            map(p->slots[n / PCI_BARS], n % PCI_BARS);
}

/* ---- the bus itself ---- */

static const struct bus_ops ecam_ops = {ecam_read, ecam_write};
static const struct bus_ops ports_ops = {ports_read, ports_write};

int pci_new(const struct pci_config *c, struct pci **ret, struct err *e)
{
    /* Red Hat's generic host bridge: no driver expects registers behind it */
    static const struct pci_id bridge = {.vendor = 0x1b36, .device = 0x0008, .class_code = 0x060000};
    struct pci *p = calloc(1, sizeof(*p));
    if (!p)
        return err_code(e, -ENOMEM, "PCI bus");
    p->config = *c;
    int rc;
    struct pci_device *host;
    if ((rc = bus_attach(c->mem, c->ecam_at, 1 << 20, &ecam_ops, p, e)) < 0 ||
        (rc = bus_attach(c->io, PORTS, 8, &ports_ops, p, e)) < 0 ||
        (rc = pci_slot_take(p, 0, &bridge, &host, e)) < 0) {
        pci_free(p);
        return err_wrap(e, "PCI bus");
    }
    *ret = p;
    return 0;
}

void pci_free(struct pci *p)
{
    if (!p)
        return;
    pci_device_free(p->slots[0]);
    bus_detach(p->config.mem, p->config.ecam_at);
    bus_detach(p->config.io, PORTS);
    free(p);
}

static const struct state_field fields[] = {
    STATE(pci, address, STATE_U32),
    STATE(pci, reset_control, STATE_U8),
};

const struct state_table pci_state = {
    "pci", 1, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct pci), NULL, NULL};
