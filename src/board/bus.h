// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bus: who answers at a guest-physical address or an I/O port. A machine has two: memory and port.
 *
 * The board lock: every device function runs under it. bus_read and bus_write take it for vCPU
 * threads; the loop holds it for callbacks (base/loop.h). All other calls need it held or no vCPU running.
 * An access nobody answers reads all ones and drops writes, as on hardware.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

/* off is relative to the region's base; size is 1, 2, 4 or 8 and the access lies within the region. */
struct bus_ops {
    uint64_t (*read)(void *dev, uint64_t off, unsigned size);
    void (*write)(void *dev, uint64_t off, unsigned size, uint64_t val);
};

struct bus;
int bus_new(pthread_mutex_t *lock, struct bus **ret, struct err *e); /* lock is borrowed */
void bus_free(struct bus *b);
OWN_TYPE(bus, bus_free)

/* Regions do not overlap: -EEXIST. Storage of ops and dev is the caller's and outlives the region. */
int bus_attach(struct bus *b, uint64_t base, uint64_t bytes, const struct bus_ops *ops, void *dev,
               struct err *e);
void bus_detach(struct bus *b, uint64_t base);

uint64_t bus_read(struct bus *b, uint64_t addr, unsigned size);
void bus_write(struct bus *b, uint64_t addr, unsigned size, uint64_t val);
