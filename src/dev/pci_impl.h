// SPDX-License-Identifier: GPL-2.0-or-later
/* pci_impl: what pci.c (the bus) and pci_device.c (what sits on it) share. */
#pragma once

#include "dev/pci.h"

#define PCI_CONFIG_BYTES 256
#define PCI_WATCHES      4

struct pci_bar {
    enum pci_bar_kind kind;
    uint64_t bytes; /* 0: not there */
    const struct bus_ops *ops;
    void *dev;
    bool mapped;
    uint64_t at; /* while mapped */
};

struct pci_device {
    /* saved: each config bit is either the guest's (rw) or the device's (ro) */
    uint8_t rw[PCI_CONFIG_BYTES];
    bool intx; /* the pin's level */
    /* wiring */
    uint8_t ro[PCI_CONFIG_BYTES], writable[PCI_CONFIG_BYTES];
    struct pci *pci;
    unsigned slot;
    unsigned capabilities_end; /* where the next one goes */
    unsigned last_link;        /* offset of the pointer to it */
    struct pci_bar bars[PCI_BARS];
    struct pci_watch watches[PCI_WATCHES];
    unsigned nr_watches;
};

struct pci {
    /* saved */
    uint32_t address; /* CONFIG_ADDRESS, port 0xcf8 */
    uint8_t reset_control;
    /* wiring */
    struct pci_config config;
    struct pci_device *slots[PCI_SLOTS];
    uint32_t asserted[PCI_WIRES]; /* by slot */
    uint64_t mem_used, io_used;   /* bytes of the windows that BARs took */
};

/* pci_device_new for any slot, the host bridge's too. */
int pci_slot_take(struct pci *p, unsigned slot, const struct pci_id *id, struct pci_device **ret,
                  struct err *e);

uint32_t pci_device_read(struct pci_device *d, unsigned off, unsigned size);
void pci_device_write(struct pci_device *d, unsigned off, unsigned size, uint32_t val);

/* A device's pin or its enable bit changed: drive the wire that it shares with others. */
void pci_sync_wire(struct pci_device *d);
/* Put every BAR where its device's registers say. */
void pci_sync_bars(struct pci *p);
