// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio_impl: what virtio.c (the device) and virtio_pci.c (how PCI shows it) share. */
#pragma once

#include "base/log.h"
#include "dev/msix.h"
#include "dev/virtio.h"

#define VIRTIO_NO_VECTOR 0xffff

struct virtio {
    /* saved */
    uint32_t device_select, driver_select;
    uint64_t driver_features;
    uint16_t config_vector, queue_select;
    uint8_t status, generation, isr;
    uint16_t vectors[VIRTIO_QUEUES];
    /* saved by themselves */
    struct vring queues[VIRTIO_QUEUES];
    /* wiring */
    const struct virtio_type *type;
    void *dev;
    uint64_t features; /* offered */
    unsigned nr_queues;
    uint8_t *config;
    unsigned config_bytes;
    struct pci_device *pci;
    struct msix *msix;
    unsigned window; /* offset of the capability that accesses BARs through config space */
    /* passing */
    bool resetting;      /* status still shows the old one */
    bool serving;        /* inside of notified */
    unsigned budget;     /* while serving */
    uint32_t unfinished; /* queues whose budget ran out */
    struct clock_timer again;
    unsigned errors;
    struct virtio_stats stats;
    struct log_limit limit;
};

/* Drive the INTA pin; at the end of every entry that may have changed ISR or MSI-X. */
void virtio_sync_irq(struct virtio *v);
void virtio_serve(struct virtio *v, unsigned queue); /* the driver notified it */
void virtio_write_status(struct virtio *v, uint8_t val);

/* BARs and capabilities; v->pci is there. */
int virtio_pci_build(struct virtio *v, struct err *e);
