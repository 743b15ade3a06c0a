// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio: the half that all virtio devices have in common: feature negotiation, queues, interrupts. A device
 * model gives its type and hears of what the driver does. How it looks on PCI: virtio_pci.c.
 *
 * The guest's nonsense ends in virtio_broken: DEVICE_NEEDS_RESET for the driver, a counted, seldom log line
 * for the operator. Threads: board lock held, or before any CPU runs.
 */
#pragma once

#include "board/clock.h"
#include "dev/pci.h"
#include "dev/vring.h"

#define VIRTIO_QUEUES 16 /* of one device */

/* Where a device is put. */
struct virtio_board {
    struct pci *pci;
    struct ram *ram;
    const struct clock *clock;
};

struct virtio_type {
    const char *name;        /* "virtio-blk" */
    uint16_t id;             /* VIRTIO_ID_* of <linux/virtio_ids.h> */
    uint32_t class_code;     /* as in struct pci_id */
    uint16_t queue_size;     /* at most VRING_MAX */
    uint16_t rw_off, rw_len; /* the bytes of the configuration space that a driver may write */
    /* Any may be NULL but notified. */
    void (*ready)(void *dev); /* DRIVER_OK; features and queues stand */
    void (*notified)(void *dev, unsigned queue);
    void (*config_written)(void *dev);
    bool (*reset)(
        void *dev); /* forget the driver. false: requests are in flight, virtio_reset_done follows */
};

struct virtio;
/*
 * features: bits offered besides those of the transport. config: config_bytes of the device's own, borrowed.
 * -ENOSPC: no PCI slot or address space left.
 */
int virtio_new(const struct virtio_board *b, const struct virtio_type *t, uint64_t features,
               unsigned nr_queues, void *config, unsigned config_bytes, void *dev, struct virtio **ret,
               struct err *e);
void virtio_free(struct virtio *v);
OWN_TYPE(virtio, virtio_free)

/* Counted since the device was made. In: to the guest (read from the disk, received), out: from it. */
struct virtio_stats {
    uint64_t notifications, interrupts;
    uint64_t in_ops, in_bytes, out_ops, out_bytes; /* disks and network cards only */
};
const struct virtio_stats *virtio_stats(const struct virtio *v);
void virtio_moved(struct virtio *v, bool out, uint64_t bytes); /* one request, or one frame */

bool virtio_has(const struct virtio *v, unsigned feature); /* negotiated? */
bool virtio_live(const struct virtio *v);       /* driver there, nothing broken: queues may be used */
unsigned virtio_errors(const struct virtio *v); /* how often the guest sent nonsense */

/* false: nothing there, or nonsense, or not live. See vring.h. */
bool virtio_pop(struct virtio *v, unsigned queue, struct vring_chain *c);
void virtio_unpop(struct virtio *v, unsigned queue, unsigned n);
void virtio_push(struct virtio *v, unsigned queue, uint16_t head, uint32_t written); /* dropped if not live */
void virtio_publish(struct virtio *v,
                    unsigned queue); /* the driver sees what was pushed and is interrupted */

void virtio_config_changed(struct virtio *v);
void virtio_broken(struct virtio *v, const char *why);
void virtio_reset_done(struct virtio *v);

/* State: the transport's own, then vring_state of each queue. Load after pci_device_state and msix_state. */
extern const struct state_table virtio_state;
struct vring *virtio_queue(struct virtio *v, unsigned queue);
struct pci_device *virtio_pci_device(struct virtio *v);
