// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio_fs: a folder of the host, over a share_port. Threads: board lock held, or before any CPU runs. */
#pragma once

#include "board/port.h"
#include "dev/virtio.h"

struct virtio_fs;
int virtio_fs_new(const struct virtio_board *b, struct share_port *port, struct virtio_fs **ret,
                  struct err *e); /* port is borrowed */
void virtio_fs_free(struct virtio_fs *f);
const struct virtio_stats *virtio_fs_stats(const struct virtio_fs *f);
OWN_TYPE(virtio_fs, virtio_fs_free)
