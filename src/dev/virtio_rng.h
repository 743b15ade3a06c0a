// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio_rng: random bytes, over an entropy_port. Threads: board lock held, or before any CPU runs. */
#pragma once

#include "board/port.h"
#include "dev/virtio.h"

struct virtio_rng;
int virtio_rng_new(const struct virtio_board *b, const struct entropy_port *port, struct virtio_rng **ret,
                   struct err *e); /* port is borrowed */
void virtio_rng_free(struct virtio_rng *r);
const struct virtio_stats *virtio_rng_stats(const struct virtio_rng *r);
OWN_TYPE(virtio_rng, virtio_rng_free)
