// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pci: bus 0 of a machine and the devices on it.
 *
 * A device model makes a pci_device, gives it BARs and capabilities, and from then on only hears of accesses
 * inside its BARs (bus_ops, offset relative to the BAR) and of the config bytes that it watches. BARs are
 * placed at once, as firmware would; decoding is off until the guest enables it in the command register.
 * Threads: board lock held, or before any CPU runs.
 */
#pragma once

#include "board/bus.h"
#include "board/irq.h"
#include "board/state.h"

/* Register offsets of a type 0 header that device models and tests name. */
#define PCI_COMMAND             0x04
#define PCI_COMMAND_IO          0x0001
#define PCI_COMMAND_MEMORY      0x0002
#define PCI_COMMAND_MASTER      0x0004
#define PCI_COMMAND_INTX_OFF    0x0400
#define PCI_STATUS              0x06
#define PCI_STATUS_INTERRUPT    0x0008
#define PCI_STATUS_CAPABILITIES 0x0010
#define PCI_BAR0                0x10
#define PCI_CAPABILITIES        0x34
#define PCI_INTERRUPT_LINE      0x3c
#define PCI_INTERRUPT_PIN       0x3d

#define PCI_CAP_VENDOR 0x09
#define PCI_CAP_MSIX   0x11

#define PCI_SLOTS 32
#define PCI_WIRES 4
#define PCI_BARS  6

struct pci_config {
    struct bus *mem, *io;
    uint64_t ecam_at;            /* 1 MiB of configuration space for bus 0 */
    uint64_t mem_at, mem_bytes;  /* where memory BARs are placed */
    uint32_t io_at, io_bytes;    /* where I/O BARs are placed */
    struct irq wires[PCI_WIRES]; /* INTA of slot n goes to wires[n % 4], INTB to the next, ... */
    struct msi_sink msi;
    void (*reset)(void *ctx); /* reset control register, port 0xcf9; may be NULL */
    void *reset_ctx;
};

struct pci;
int pci_new(const struct pci_config *c, struct pci **ret, struct err *e); /* *c is copied */
void pci_free(struct pci *p);                                             /* its devices are gone already */
OWN_TYPE(pci, pci_free)

struct pci_id {
    uint16_t vendor, device;
    uint16_t subsystem_vendor, subsystem;
    uint32_t class_code; /* base class << 16 | sub-class << 8 | programming interface */
    uint8_t revision;
    bool intx; /* has an INTA pin */
};

struct pci_device;
#define PCI_ANY_SLOT 0 /* the next free one; 0 itself is the host bridge */
/* -EEXIST: slot taken; -ENOSPC: no slot free. */
int pci_device_new(struct pci *p, unsigned slot, const struct pci_id *id, struct pci_device **ret,
                   struct err *e);
void pci_device_free(struct pci_device *d); /* takes its BARs off the buses */
OWN_TYPE(pci_device, pci_device_free)

unsigned pci_device_slot(const struct pci_device *d);

/* ---- while the device is put together ---- */

enum pci_bar_kind { PCI_BAR_MEM32, PCI_BAR_MEM64, PCI_BAR_IO }; /* MEM64 takes BAR `index` and the next */

/* bytes: a power of two, at least 16 (I/O: 4). ops and dev as for bus_attach. -ENOSPC: window full. */
int pci_device_bar(struct pci_device *d, unsigned index, enum pci_bar_kind kind, uint64_t bytes,
                   const struct bus_ops *ops, void *dev, struct err *e);

/*
 * Append a capability: body is what follows id and next pointer, len bytes of it. Read-only unless
 * pci_device_writable says otherwise. Returns its offset in config space; -ENOSPC.
 */
int pci_device_capability(struct pci_device *d, uint8_t id, const void *body, unsigned len, struct err *e);
/* The guest may write these bits of the len (1, 2, 4) bytes at off. */
void pci_device_writable(struct pci_device *d, unsigned off, unsigned len, uint32_t mask);

/*
 * Hear of config accesses that touch [off, off+len): written after the bytes were stored, reading before
 * they are taken, so that it may refresh them. Either may be NULL. At most 4 a device.
 */
struct pci_watch {
    unsigned off, len;
    void (*reading)(void *dev, unsigned off, unsigned size);
    void (*written)(void *dev, unsigned off, unsigned size);
    void *dev;
};
void pci_device_watch(struct pci_device *d, const struct pci_watch *w);

/* ---- while it runs ---- */

uint32_t pci_device_get(const struct pci_device *d, unsigned off,
                        unsigned size); /* 1, 2, 4; no side effect */
void pci_device_put(struct pci_device *d, unsigned off, unsigned size, uint32_t val); /* ignores masks */

/* An access at an offset into a BAR, as if the guest made it (virtio's config access window). Out of bounds:
 * all ones, dropped. */
uint64_t pci_device_bar_read(struct pci_device *d, unsigned index, uint64_t off, unsigned size);
void pci_device_bar_write(struct pci_device *d, unsigned index, uint64_t off, unsigned size, uint64_t val);

/* The INTA pin; honours the command register's disable bit. */
void pci_device_intx(struct pci_device *d, bool level);

/* May the device touch memory (and so send an MSI)? Without bus mastering it must not. */
bool pci_device_master(const struct pci_device *d);
void pci_device_msi(struct pci_device *d, uint64_t addr, uint32_t data); /* dropped if it may not */

extern const struct state_table pci_state;
extern const struct state_table pci_device_state; /* load before the state of whoever sits on it */
