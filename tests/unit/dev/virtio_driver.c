// SPDX-License-Identifier: GPL-2.0-or-later
#include "virtio_driver.h"

#include "dev/msix.h"
#include "unit.h"

#define ECAM   0xe0000000u
#define WINDOW 0xc0000000u
#define RINGS  0x10000u
#define HEAP   0x100000u

static void wire_set(void *ctx, unsigned line, bool level)
{
    if (line == DRIVER_SLOT)
        ((struct driver *)ctx)->wire = level;
}

static void msi(void *ctx, uint64_t addr, uint32_t data)
{
    assert_int_equal(addr, 0xfee00000);
    assert_true(data <= DRIVER_QUEUES);
    ((struct driver *)ctx)->msis[data]++;
}

struct driver *driver_new(void)
{
    struct driver *d = calloc(1, sizeof(*d));
    struct err e;
    pthread_mutex_init(&d->lock, NULL);
    assert_int_equal(bus_new(&d->lock, &d->mem, &e), 0);
    assert_int_equal(bus_new(&d->lock, &d->io, &e), 0);
    assert_int_equal(ram_new(DRIVER_RAM, &d->ram, &e), 0);
    d->clock = fake_clock_new();
    struct pci_config c = {.mem = d->mem,
                           .io = d->io,
                           .ecam_at = ECAM,
                           .mem_at = WINDOW,
                           .mem_bytes = 1 << 20,
                           .io_at = 0x1000,
                           .io_bytes = 0x1000,
                           .msi = {msi, d}};
    for (unsigned i = 0; i < PCI_WIRES; i++)
        c.wires[i] = (struct irq){.set = wire_set, .ctx = d, .line = i};
    assert_int_equal(pci_new(&c, &d->pci, &e), 0);
    d->board = (struct virtio_board){d->pci, d->ram, d->clock};
    d->heap = HEAP;
    return d;
}

void driver_free(struct driver *d)
{
    pci_free(d->pci);
    fake_clock_free(d->clock);
    ram_free(d->ram);
    bus_free(d->io);
    bus_free(d->mem);
    free(d);
}

/* ---- accesses ---- */

uint32_t driver_pci_read(struct driver *d, unsigned off, unsigned size)
{
    return (uint32_t)bus_read(d->mem, ECAM + (DRIVER_SLOT << 15) + off, size);
}

void driver_pci_write(struct driver *d, unsigned off, unsigned size, uint32_t val)
{
    bus_write(d->mem, ECAM + (DRIVER_SLOT << 15) + off, size, val);
}

uint32_t driver_read(struct driver *d, unsigned off, unsigned size)
{
    return (uint32_t)bus_read(d->mem, d->common + off, size);
}

void driver_write(struct driver *d, unsigned off, unsigned size, uint32_t val)
{
    bus_write(d->mem, d->common + off, size, val);
}

uint8_t driver_status(struct driver *d)
{
    return (uint8_t)driver_read(d, 20, 1);
}

/* ---- initialisation ---- */

static uint64_t bar(struct driver *d, unsigned i)
{
    return driver_pci_read(d, PCI_BAR0 + 4 * i, 4) & ~15u;
}

static void found(struct driver *d, unsigned cap)
{
    uint64_t at = bar(d, driver_pci_read(d, cap + 4, 1)) + driver_pci_read(d, cap + 8, 4);
    switch (driver_pci_read(d, cap + 3, 1)) {
    case 1:
        d->common = at;
        break;
    case 2:
        d->notify = at;
        assert_int_equal(driver_pci_read(d, cap + 16, 4), 4);
        break;
    case 3:
        d->isr = at;
        break;
    case 4:
        d->config = at;
        break;
    case 5:
        d->window = cap;
        break;
    }
}

void driver_probe(struct driver *d)
{
    assert_int_equal(driver_pci_read(d, 0, 2), 0x1af4);
    for (unsigned cap = driver_pci_read(d, PCI_CAPABILITIES, 1); cap; cap = driver_pci_read(d, cap + 1, 1)) {
        if (driver_pci_read(d, cap, 1) == PCI_CAP_VENDOR)
            found(d, cap);
        else if (driver_pci_read(d, cap, 1) == PCI_CAP_MSIX)
            d->msix = cap;
    }
    assert_true(d->common && d->notify && d->isr && d->window && d->msix);
    driver_pci_write(d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

void driver_reset(struct driver *d)
{
    driver_write(d, 20, 1, 0);
    memset(d->queues, 0, sizeof(d->queues));
}

uint64_t driver_offered(struct driver *d)
{
    driver_write(d, 0, 4, 0);
    uint64_t low = driver_read(d, 4, 4);
    driver_write(d, 0, 4, 1);
    return low | (uint64_t)driver_read(d, 4, 4) << 32;
}

bool driver_negotiate(struct driver *d, uint64_t features)
{
    driver_write(d, 20, 1, 1);
    driver_write(d, 20, 1, 3);
    for (unsigned i = 0; i < 2; i++) {
        driver_write(d, 8, 4, i);
        driver_write(d, 12, 4, (uint32_t)(features >> 32 * i));
    }
    driver_write(d, 20, 1, 11);
    return driver_status(d) == 11;
}

void driver_msix(struct driver *d)
{
    uint64_t table = bar(d, driver_pci_read(d, (unsigned)d->msix + 4, 4) & 7);
    unsigned nr = (driver_pci_read(d, (unsigned)d->msix + 2, 2) & 0x7ff) + 1;
    for (unsigned i = 0; i < nr; i++) {
        bus_write(d->mem, table + 16 * i, 8, 0xfee00000);
        bus_write(d->mem, table + 16 * i + 8, 8, i);
    }
    driver_pci_write(d, (unsigned)d->msix + 2, 2, 0x8000);
    driver_write(d, 16, 2, 0);
    assert_int_equal(driver_read(d, 16, 2), 0);
}

void driver_queue(struct driver *d, unsigned q, uint16_t size)
{
    struct driver_queue *n = &d->queues[q];
    *n = (struct driver_queue){.size = size, .desc = RINGS + q * 0x4000u};
    n->avail = n->desc + 0x1000;
    n->used = n->desc + 0x2000;
    memset(driver_at(d, n->desc), 0, 0x4000);
    driver_write(d, 22, 2, q);
    assert_true(driver_read(d, 24, 2) >= size);
    driver_write(d, 24, 2, size);
    driver_write(d, 26, 2, q + 1);
    driver_write(d, 32, 4, (uint32_t)n->desc);
    driver_write(d, 36, 4, 0);
    bus_write(d->mem, d->common + 40, 8, n->avail);
    bus_write(d->mem, d->common + 48, 8, n->used);
    driver_write(d, 28, 2, 1);
}

void driver_ok(struct driver *d)
{
    driver_write(d, 20, 1, 15);
}

void driver_start(struct driver *d, uint64_t features, unsigned nr_queues)
{
    driver_probe(d);
    driver_reset(d);
    assert_int_equal(driver_read(d, 18, 2), nr_queues);
    assert_true(driver_negotiate(d, features));
    driver_msix(d);
    for (unsigned i = 0; i < nr_queues; i++)
        driver_queue(d, i, 64);
    driver_ok(d);
    assert_int_equal(driver_status(d), 15);
}

/* ---- memory and rings ---- */

void *driver_at(struct driver *d, uint64_t at)
{
    void *p = ram_at(d->ram, gpa(at), 1);
    assert_non_null(p);
    return p;
}

uint64_t driver_alloc(struct driver *d, uint32_t bytes)
{
    uint64_t at = d->heap;
    d->heap += (bytes + 63) & ~63u;
    assert_true(d->heap <= DRIVER_RAM);
    return at;
}

uint64_t driver_put(struct driver *d, const void *buf, uint32_t len)
{
    uint64_t at = driver_alloc(d, len);
    memcpy(driver_at(d, at), buf, len);
    return at;
}

static void put_desc(struct driver *d, uint64_t table, unsigned i, uint64_t at, uint32_t len, uint16_t flags,
                     uint16_t next)
{
    struct {
        uint64_t at;
        uint32_t len;
        uint16_t flags, next;
    } desc = {at, len, flags, next};
    memcpy(driver_at(d, table + 16 * i), &desc, 16);
}

void driver_desc(struct driver *d, unsigned q, unsigned i, uint64_t at, uint32_t len, uint16_t flags,
                 uint16_t next)
{
    put_desc(d, d->queues[q].desc, i, at, len, flags, next);
}

static void put16(struct driver *d, uint64_t at, uint16_t val)
{
    memcpy(driver_at(d, at), &val, 2);
}

void driver_offer(struct driver *d, unsigned q, uint16_t head)
{
    struct driver_queue *n = &d->queues[q];
    put16(d, n->avail + 4 + 2 * (n->avail_idx % n->size), head);
    put16(d, n->avail + 2, ++n->avail_idx);
}

uint16_t driver_add(struct driver *d, unsigned q, const struct piece *p, unsigned nr)
{
    struct driver_queue *n = &d->queues[q];
    uint16_t head = n->next_desc;
    for (unsigned i = 0; i < nr; i++) {
        uint16_t next = (uint16_t)((n->next_desc + 1) % n->size);
        driver_desc(d, q, n->next_desc, p[i].at, p[i].len, (uint16_t)((i + 1 < nr) | (p[i].in ? 2 : 0)),
                    next);
        n->next_desc = next;
    }
    driver_offer(d, q, head);
    return head;
}

uint16_t driver_add_indirect(struct driver *d, unsigned q, const struct piece *p, unsigned nr)
{
    struct driver_queue *n = &d->queues[q];
    uint64_t table = driver_alloc(d, 16 * nr);
    for (unsigned i = 0; i < nr; i++)
        put_desc(d, table, i, p[i].at, p[i].len, (uint16_t)((i + 1 < nr) | (p[i].in ? 2 : 0)),
                 (uint16_t)(i + 1));
    uint16_t head = n->next_desc;
    driver_desc(d, q, head, table, 16 * nr, 4, 0);
    n->next_desc = (uint16_t)((head + 1) % n->size);
    driver_offer(d, q, head);
    return head;
}

void driver_kick(struct driver *d, unsigned q)
{
    bus_write(d->mem, d->notify + 4 * q, 2, q);
}

bool driver_used(struct driver *d, unsigned q, uint16_t *ret_head, uint32_t *ret_len)
{
    struct driver_queue *n = &d->queues[q];
    uint16_t idx;
    uint32_t elem[2];
    memcpy(&idx, driver_at(d, n->used + 2), 2);
    if (idx == n->used_idx)
        return false;
    memcpy(elem, driver_at(d, n->used + 4 + 8 * (n->used_idx % n->size)), 8);
    n->used_idx++;
    put16(d, n->avail + 4 + 2 * n->size, n->used_idx); /* used_event: tell me of the next */
    if (ret_head)
        *ret_head = (uint16_t)elem[0];
    if (ret_len)
        *ret_len = elem[1];
    return true;
}
