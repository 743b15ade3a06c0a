// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio_blk: a disk, over a disk_port. Threads: board lock held, or before any CPU runs. */
#pragma once

#include "board/port.h"
#include "dev/virtio.h"

struct virtio_blk;
/* port is borrowed. serial: up to 20 bytes count. queues: one per CPU is best; cut down to what there is. */
int virtio_blk_new(const struct virtio_board *b, struct disk_port *port, const char *serial, unsigned queues,
                   struct virtio_blk **ret, struct err *e);
void virtio_blk_free(struct virtio_blk *d); /* waits for requests in flight */
const struct virtio_stats *virtio_blk_stats(const struct virtio_blk *d);
OWN_TYPE(virtio_blk, virtio_blk_free)
