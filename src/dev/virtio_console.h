// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio_console: a terminal (hvc0), over a char_port. Threads: board lock held, or before any CPU runs. */
#pragma once

#include "board/port.h"
#include "dev/virtio.h"

struct virtio_console;
/* port is borrowed; its receive, drained, resize and dev are filled in. */
int virtio_console_new(const struct virtio_board *b, struct char_port *port, struct virtio_console **ret,
                       struct err *e);
void virtio_console_free(struct virtio_console *c);
const struct virtio_stats *virtio_console_stats(const struct virtio_console *c);
OWN_TYPE(virtio_console, virtio_console_free)
