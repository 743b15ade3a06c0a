// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_driver: a driver as a kernel has it, for tests: it finds the device through configuration space, and
 * touches it only by accesses to its BARs and by rings in guest memory.
 */
#pragma once

#include "dev/virtio.h"

#define DRIVER_QUEUES   16
#define DRIVER_SLOT     1 /* the first device on the bus */
#define DRIVER_RAM      (32u << 20)
#define DRIVER_FEATURES (1ull << 32 | 3ull << 28) /* VERSION_1, INDIRECT_DESC, EVENT_IDX */
#define DRIVER_VERSION1 (1ull << 32)

struct driver_queue {
    uint16_t size, avail_idx, used_idx, next_desc;
    uint64_t desc, avail, used;
};

struct driver {
    pthread_mutex_t lock;
    struct bus *mem, *io;
    struct pci *pci;
    struct ram *ram;
    struct clock *clock;
    struct virtio_board board;
    uint64_t common, notify, isr, config, msix; /* addresses */
    unsigned window;                            /* capability */
    bool wire;                                  /* the device's INTA */
    unsigned msis[DRIVER_QUEUES + 1];           /* by vector: 0 configuration, 1.. queues */
    struct driver_queue queues[DRIVER_QUEUES];
    uint64_t heap;
};

struct driver *driver_new(void);
void driver_free(struct driver *d); /* the device is gone already */
OWN_TYPE(driver, driver_free)

/* ---- accesses ---- */
uint32_t driver_pci_read(struct driver *d, unsigned off, unsigned size);
void driver_pci_write(struct driver *d, unsigned off, unsigned size, uint32_t val);
uint32_t driver_read(struct driver *d, unsigned off, unsigned size); /* common configuration */
void driver_write(struct driver *d, unsigned off, unsigned size, uint32_t val);
uint8_t driver_status(struct driver *d);

/* ---- the steps of initialisation; driver_start does all of them, with MSI-X ---- */
void driver_probe(struct driver *d); /* find the structures, enable decoding and bus mastering */
void driver_reset(struct driver *d);
uint64_t driver_offered(struct driver *d);
bool driver_negotiate(struct driver *d, uint64_t features); /* FEATURES_OK stays? */
void driver_msix(struct driver *d);                         /* enable it: vector 0 and one a queue */
void driver_queue(struct driver *d, unsigned q, uint16_t size);
void driver_ok(struct driver *d);
void driver_start(struct driver *d, uint64_t features, unsigned nr_queues);

/* ---- memory and rings ---- */
struct piece {
    uint64_t at;
    uint32_t len;
    bool in; /* for the device to write */
};
uint64_t driver_alloc(struct driver *d, uint32_t bytes);
void *driver_at(struct driver *d, uint64_t at);
uint64_t driver_put(struct driver *d, const void *buf, uint32_t len); /* alloc and fill */

void driver_desc(struct driver *d, unsigned q, unsigned i, uint64_t at, uint32_t len, uint16_t flags,
                 uint16_t next);
void driver_offer(struct driver *d, unsigned q, uint16_t head); /* into the available ring, no notification */
uint16_t driver_add(struct driver *d, unsigned q, const struct piece *p, unsigned nr); /* ... a whole chain */
uint16_t driver_add_indirect(struct driver *d, unsigned q, const struct piece *p, unsigned nr);
void driver_kick(struct driver *d, unsigned q);
/* The next used element; false: none. */
bool driver_used(struct driver *d, unsigned q, uint16_t *ret_head, uint32_t *ret_len);
