// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * msix: a PCI device's message-signalled interrupts: a table in a BAR of its own, masks, pending bits.
 * Threads: board lock held, or before any CPU runs.
 */
#pragma once

#include "dev/pci.h"

#define MSIX_MAX 256 /* vectors of one device */

struct msix;
/* Takes BAR `bar` (MEM32) of d, adds the capability. d outlives it. nr: 1..MSIX_MAX, else -EINVAL. */
int msix_new(struct pci_device *d, unsigned bar, unsigned nr, struct msix **ret, struct err *e);
void msix_free(struct msix *x);
OWN_TYPE(msix, msix_free)

bool msix_enabled(const struct msix *x); /* if not, the device uses pci_device_intx */
unsigned msix_vectors(const struct msix *x);

/* Send vector's message, or mark it pending while it is masked. Ignored beyond the table or not enabled. */
void msix_notify(struct msix *x, unsigned vector);

/* Device reset: pending bits go, table and enable bit (the guest's) stay. */
void msix_clear_pending(struct msix *x);

extern const struct state_table msix_state; /* load after pci_device_state */
