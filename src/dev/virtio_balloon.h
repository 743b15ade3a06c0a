// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_balloon: memory that the guest gives back, because it was asked to or because it is free.
 * Threads: board lock held, or before any CPU runs.
 */
#pragma once

#include "board/port.h"
#include "dev/virtio.h"

struct virtio_balloon;
int virtio_balloon_new(const struct virtio_board *b, const struct balloon_port *port,
                       struct virtio_balloon **ret, struct err *e); /* port is borrowed */
void virtio_balloon_free(struct virtio_balloon *b);
const struct virtio_stats *virtio_balloon_stats(const struct virtio_balloon *b);
OWN_TYPE(virtio_balloon, virtio_balloon_free)

/* How much the guest shall give back, and how much it says it did; bytes. The guest is slow, or deaf. */
void virtio_balloon_ask(struct virtio_balloon *b, uint64_t bytes);
uint64_t virtio_balloon_given(const struct virtio_balloon *b);
