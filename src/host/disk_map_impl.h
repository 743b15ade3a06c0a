// SPDX-License-Identifier: GPL-2.0-or-later
/* disk_map_impl: what disk_map.c (memory) and disk_map_file.c (file) share. */
#pragma once

#include <pthread.h>

#include "host/disk_map.h"

#define MAP_PAGE       4096u
#define MAP_BITS_BYTES (MAP_PAGE - 16)
#define MAP_BLOCKS     (MAP_BITS_BYTES * 4)

/* A page as it is in the file. crc covers what follows it. */
struct map_slot {
    uint32_t crc, index;
    uint64_t generation; /* counts saves, from 1 */
    uint8_t bits[MAP_BITS_BYTES];
};
_Static_assert(sizeof(struct map_slot) == MAP_PAGE, "a slot is a page");

struct map_page {
    uint64_t generation; /* in the file */
    uint8_t slot;        /* that holds it */
    bool dirty;
    uint8_t bits[MAP_BITS_BYTES];
};

struct disk_map {
    char *path;
    int fd;
    uint64_t bytes, base_bytes;
    unsigned torn;
    pthread_mutex_t lock; /* pages */
    struct map_page *pages;
    uint64_t nr_pages;
    struct map_slot *frozen; /* a save under way; who saves has it */
    uint64_t nr_frozen;
};

uint64_t disk_map_pages(uint64_t bytes);
void disk_map_seal(const struct map_page *p, uint64_t index, uint64_t generation, struct map_slot *ret);
int disk_map_put_page(int fd, uint64_t index, unsigned slot, const struct map_slot *s);
