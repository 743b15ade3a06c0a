// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pci_device: configuration space of one device: header, BARs, capabilities.
 *
 * Source: PCI Local Bus Specification 3.0, chapter 6 "Configuration Space": header 6.1, command and status
 * 6.2.2, 6.2.3, BARs 6.2.5, capabilities 6.7. Modelled: type 0 headers. Left out: expansion ROMs, parity and
 * error bits (writable, without effect). Threads: board lock held.
 */
#include <string.h>

#include "dev/pci_impl.h"

#define VENDOR_ID           0x00
#define DEVICE_ID           0x02
#define REVISION_ID         0x08
#define CACHE_LINE_SIZE     0x0c
#define SUBSYSTEM_VENDOR_ID 0x2c
#define SUBSYSTEM_ID        0x2e
#define FIRST_CAPABILITY    0x40

#define BAR_IO    0x1u
#define BAR_MEM64 0x4u

#define COMMAND_WRITABLE                                                                                     \
    (PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF | 0x0140 /* errors */)

/* ---- bytes ---- */

static uint32_t load(const uint8_t *bytes, unsigned size)
{
    uint32_t val = 0;
    memcpy(&val, bytes, size);
    return val;
}

uint32_t pci_device_get(const struct pci_device *d, unsigned off, unsigned size)
{
    return load(d->rw + off, size) | load(d->ro + off, size);
}

void pci_device_put(struct pci_device *d, unsigned off, unsigned size, uint32_t val)
{
    for (unsigned i = off; i < off + size; i++, val >>= 8) {
        d->rw[i] = (uint8_t)val & d->writable[i];
        d->ro[i] = (uint8_t)val & (uint8_t)~d->writable[i];
    }
}

void pci_device_writable(struct pci_device *d, unsigned off, unsigned len, uint32_t mask)
{
    uint32_t val = pci_device_get(d, off, len);
    memcpy(d->writable + off, &mask, len);
    pci_device_put(d, off, len, val);
}

static bool touches(const struct pci_watch *w, unsigned off, unsigned size)
{
    return off < w->off + w->len && w->off < off + size;
}

/* ---- the guest's accesses: within the 256 bytes, see pci.c ---- */

uint32_t pci_device_read(struct pci_device *d, unsigned off, unsigned size)
{
    for (unsigned i = 0; i < d->nr_watches; i++)
        if (d->watches[i].reading && touches(&d->watches[i], off, size))
            d->watches[i].reading(d->watches[i].dev, off, size);
    return pci_device_get(d, off, size);
}

void pci_device_write(struct pci_device *d, unsigned off, unsigned size, uint32_t val)
{
    for (unsigned i = off, v = val; i < off + size; i++, v >>= 8)
        d->rw[i] = (uint8_t)v & d->writable[i];
    if (off < PCI_BAR0 + 4 * PCI_BARS)
        pci_sync_bars(d->pci);
    if (off < PCI_STATUS)
        pci_sync_wire(d);
    for (unsigned i = 0; i < d->nr_watches; i++)
        if (d->watches[i].written && touches(&d->watches[i], off, size))
            d->watches[i].written(d->watches[i].dev, off, size);
}

/* ---- putting it together ---- */

/* The next place in a window, aligned to its size, as BARs must be; used is what was taken so far. */
static int place(uint64_t at, uint64_t window, uint64_t *used, uint64_t bytes, uint64_t *ret)
{
    uint64_t next = (at + *used + bytes - 1) & ~(bytes - 1);
    if (bytes > window || next - at > window - bytes)
        return -ENOSPC;
    *used = next - at + bytes;
    *ret = next;
    return 0;
}

int pci_device_bar(struct pci_device *d, unsigned index, enum pci_bar_kind kind, uint64_t bytes,
                   const struct bus_ops *ops, void *dev, struct err *e)
{
    struct pci *p = d->pci;
    bool io = kind == PCI_BAR_IO;
    BUG_ON(index + (kind == PCI_BAR_MEM64) >= PCI_BARS || d->bars[index].bytes);
    BUG_ON(bytes < (io ? 4 : 16) || (bytes & (bytes - 1)));
    uint64_t at;
    int rc = io ? place(p->config.io_at, p->config.io_bytes, &p->io_used, bytes, &at)
                : place(p->config.mem_at, p->config.mem_bytes, &p->mem_used, bytes, &at);
    if (rc < 0)
        return err_set(e, rc, "PCI slot %u: no address space left for BAR %u", d->slot, index);
    unsigned off = PCI_BAR0 + 4 * index;
    uint64_t mask = ~(bytes - 1);
    pci_device_put(d, off, 4, (uint32_t)at | (io ? BAR_IO : kind == PCI_BAR_MEM64 ? BAR_MEM64 : 0));
    pci_device_writable(d, off, 4, (uint32_t)mask);
    if (kind == PCI_BAR_MEM64) {
        pci_device_put(d, off + 4, 4, (uint32_t)(at >> 32));
        pci_device_writable(d, off + 4, 4, (uint32_t)(mask >> 32));
    }
    d->bars[index] = (struct pci_bar){.kind = kind, .bytes = bytes, .ops = ops, .dev = dev};
    return 0;
}

int pci_device_capability(struct pci_device *d, uint8_t id, const void *body, unsigned len, struct err *e)
{
    unsigned at = d->capabilities_end;
    if (len > PCI_CONFIG_BYTES - 2 || at + 2 + len > PCI_CONFIG_BYTES)
        return err_set(e, -ENOSPC, "PCI slot %u: no room for capability 0x%02x", d->slot, id);
    d->ro[at] = id;
    memcpy(d->ro + at + 2, body, len);
    d->ro[d->last_link] = (uint8_t)at;
    d->ro[PCI_STATUS] |= PCI_STATUS_CAPABILITIES;
    d->last_link = at + 1;
    d->capabilities_end = (at + 2 + len + 3) & ~3u;
    return (int)at;
}

void pci_device_watch(struct pci_device *d, const struct pci_watch *w)
{
    BUG_ON(d->nr_watches == PCI_WATCHES);
    d->watches[d->nr_watches++] = *w;
}

static int free_slot(const struct pci *p)
{
    for (int i = 1; i < PCI_SLOTS; i++)
        if (!p->slots[i])
            return i;
    return -ENOSPC;
}

static void fill_header(struct pci_device *d, const struct pci_id *id)
{
    pci_device_put(d, VENDOR_ID, 2, id->vendor);
    pci_device_put(d, DEVICE_ID, 2, id->device);
    pci_device_put(d, REVISION_ID, 4, id->class_code << 8 | id->revision);
    pci_device_put(d, SUBSYSTEM_VENDOR_ID, 2, id->subsystem_vendor);
    pci_device_put(d, SUBSYSTEM_ID, 2, id->subsystem);
    pci_device_put(d, PCI_INTERRUPT_PIN, 1, id->intx);
    pci_device_writable(d, PCI_COMMAND, 2, COMMAND_WRITABLE);
    pci_device_writable(d, CACHE_LINE_SIZE, 2, 0xffff); /* and the latency timer */
    pci_device_writable(d, PCI_INTERRUPT_LINE, 1, 0xff);
}

int pci_slot_take(struct pci *p, unsigned slot, const struct pci_id *id, struct pci_device **ret,
                  struct err *e)
{
    if (slot >= PCI_SLOTS || p->slots[slot])
        return err_set(e, -EEXIST, "PCI slot %u is taken", slot);
    struct pci_device *d = calloc(1, sizeof(*d));
    if (!d)
        return err_code(e, -ENOMEM, "PCI device");
    d->pci = p;
    d->slot = slot;
    d->capabilities_end = FIRST_CAPABILITY;
    d->last_link = PCI_CAPABILITIES;
    fill_header(d, id);
    p->slots[slot] = d;
    *ret = d;
    return 0;
}

int pci_device_new(struct pci *p, unsigned slot, const struct pci_id *id, struct pci_device **ret,
                   struct err *e)
{
    int n = slot == PCI_ANY_SLOT ? free_slot(p) : (int)slot;
    if (n < 0)
        return err_set(e, n, "all PCI slots are taken");
    return pci_slot_take(p, (unsigned)n, id, ret, e);
}

void pci_device_free(struct pci_device *d)
{
    if (!d)
        return;
    d->intx = false;
    pci_device_put(d, PCI_COMMAND, 2, 0);
    pci_sync_wire(d);
    pci_sync_bars(d->pci);
    d->pci->slots[d->slot] = NULL;
    free(d);
}

unsigned pci_device_slot(const struct pci_device *d)
{
    return d->slot;
}

/* ---- running ---- */

static const struct pci_bar *bar_for(const struct pci_device *d, unsigned index, uint64_t off, unsigned size)
{
    if (index >= PCI_BARS)
        return NULL;
    const struct pci_bar *b = &d->bars[index];
    return size <= b->bytes && off <= b->bytes - size ? b : NULL;
}

uint64_t pci_device_bar_read(struct pci_device *d, unsigned index, uint64_t off, unsigned size)
{
    const struct pci_bar *b = bar_for(d, index, off, size);
    return b && b->ops->read ? b->ops->read(b->dev, off, size) : UINT64_MAX;
}

void pci_device_bar_write(struct pci_device *d, unsigned index, uint64_t off, unsigned size, uint64_t val)
{
    const struct pci_bar *b = bar_for(d, index, off, size);
    if (b && b->ops->write)
        b->ops->write(b->dev, off, size, val);
}

void pci_device_intx(struct pci_device *d, bool level)
{
    if (d->intx == level)
        return;
    d->intx = level;
    d->ro[PCI_STATUS] =
        (uint8_t)((d->ro[PCI_STATUS] & ~PCI_STATUS_INTERRUPT) | (level ? PCI_STATUS_INTERRUPT : 0));
    pci_sync_wire(d);
}

bool pci_device_master(const struct pci_device *d)
{
    return d->rw[PCI_COMMAND] & PCI_COMMAND_MASTER;
}

void pci_device_msi(struct pci_device *d, uint64_t addr, uint32_t data)
{
    if (pci_device_master(d))
        msi_send(&d->pci->config.msi, addr, data);
}

/* ---- state ---- */

static const struct state_field fields[] = {
    STATE(pci_device, rw, STATE_BYTES),
    STATE(pci_device, intx, STATE_BOOL),
};

static int check(const void *obj, struct err *e)
{
    const struct pci_device *d = obj;
    for (unsigned i = 0; i < PCI_CONFIG_BYTES; i++)
        if (d->rw[i] & ~d->writable[i])
            return err_set(e, -EINVAL, "config byte 0x%02x is 0x%02x: no guest can write that", i, d->rw[i]);
    return 0;
}

static void loaded(void *obj)
{
    struct pci_device *d = obj;
    bool level = d->intx;
    d->intx = !level;
    pci_device_intx(d, level);
    pci_sync_bars(d->pci);
}

const struct state_table pci_device_state = {
    "pci-device", 1, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct pci_device), check, loaded};
