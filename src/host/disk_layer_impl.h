// SPDX-License-Identifier: GPL-2.0-or-later
/* disk_layer_impl: what disk_layer.c (requests) and disk_layer_open.c share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "host/disk_layer.h"
#include "host/disk_map.h"

struct busy;
struct disk_layer {
    struct disk_raw *base; /* NULL: zeros */
    struct disk_map *map;
    int fd; /* the data: block n at n * DISK_BLOCK */
    pthread_mutex_t busy_lock;
    pthread_cond_t busy_less;
    struct busy *busy;
    pthread_mutex_t flush_lock;
    atomic_bool wrote; /* data since the last flush */
    int lost;          /* a flush of the data failed: -errno, for good */
};

extern const struct disk_back_ops disk_layer_ops;
void disk_layer_free(struct disk_layer *l);
OWN_TYPE(disk_layer, disk_layer_free)
