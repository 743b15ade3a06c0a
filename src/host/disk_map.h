// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk_map: which of a disk's blocks are in its top layer: a file of its own beside the layer's data.
 *
 * The file, little endian, in pages of 4096 bytes: one header, then two slots for every page of the map.
 * A page of the map holds 2 bits for each of MAP_BLOCKS blocks, its own number, a generation and a CRC.
 * A save goes to the slot that does not hold the newest generation, so that one torn by a power cut leaves
 * the state of the save before it. Both slots of a page unreadable: the map is damaged, and told.
 * Threads: any, except open, grow and close; one save at a time (freeze, then write or thaw).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

#define DISK_BLOCK   4096u
#define DISK_MAP_MAX (16ull << 40) /* bytes of a disk: its map has 1 GiB */

enum block_state {
    BLOCK_BASE, /* the base shines through */
    BLOCK_HERE, /* in the top layer's data file, all of the block */
    BLOCK_ZERO, /* zeros, whatever base and data file hold */
};

struct disk_map;
/* Make the file, all blocks BASE, whole or not at all. base_bytes is kept to notice another base later. */
int disk_map_create(const char *path, uint64_t bytes, uint64_t base_bytes, struct err *e);
/* -ENOENT: no file; -EINVAL: not a map, or of another version; -EIO: cut short or damaged. */
int disk_map_open(const char *path, bool read_only, struct disk_map **ret, struct err *e);
void disk_map_close(struct disk_map *m); /* does not save */
OWN_TYPE(disk_map, disk_map_close)

uint64_t disk_map_bytes(const struct disk_map *m); /* of the disk */
uint64_t disk_map_base_bytes(const struct disk_map *m);
unsigned disk_map_torn(const struct disk_map *m); /* pages whose last save was torn; found when opened */
/* Replace the file as a whole by one for a larger disk. */
int disk_map_grow(struct disk_map *m, uint64_t bytes, struct err *e);

/* The state of block, and that *ret_run blocks from it on (1 .. max) have the same. */
enum block_state disk_map_run(struct disk_map *m, uint64_t block, uint64_t max, uint64_t *ret_run);
void disk_map_mark(struct disk_map *m, uint64_t block, uint64_t n, enum block_state state);

/*
 * Save in two steps, so that data can be made to last in between: freeze copies the pages that changed,
 * write makes the copy last. After a failed write, or thaw, they count as changed again. -errno or 0.
 */
int disk_map_freeze(struct disk_map *m);
int disk_map_write(struct disk_map *m);
void disk_map_thaw(struct disk_map *m);
