// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio_net: a network card, over a net_port. Threads: board lock held, or before any CPU runs. */
#pragma once

#include "board/port.h"
#include "dev/virtio.h"

struct virtio_net;
/* port is borrowed; its receive and dev are filled in. */
int virtio_net_new(const struct virtio_board *b, struct net_port *port, const uint8_t mac[6],
                   struct virtio_net **ret, struct err *e);
void virtio_net_free(struct virtio_net *n);
const struct virtio_stats *virtio_net_stats(const struct virtio_net *n);
OWN_TYPE(virtio_net, virtio_net_free)
