// SPDX-License-Identifier: GPL-2.0-or-later
/* disk_raw: a raw file or block device, read-only and shared (an image's disk), or written in place. */
#pragma once

#include "base/own.h"
#include "host/disk_back.h"

struct disk_raw;
/*
 * Locked for as long as it is open: shared by readers, for one writer alone. Errors name the path.
 * -EBUSY   another guest has it
 * -EINVAL  neither a file nor a block device, or empty, or (to be written) not whole sectors long
 */
int disk_raw_open(const char *path, bool writable, struct disk_raw **ret, struct err *e);
void disk_raw_close(struct disk_raw *r);
OWN_TYPE(disk_raw, disk_raw_close)

uint64_t disk_raw_bytes(const struct disk_raw *r); /* of the file, not rounded */
/* Beyond the end of the file all is zero. */
int disk_raw_read(struct disk_raw *r, struct iov_part to, uint64_t offset);

/* As a whole disk of that many bytes; *ret owns r afterwards. */
void disk_raw_back(struct disk_raw *r, uint64_t bytes, bool read_only, struct disk_back *ret);

/* For other files of a disk: open flags on top of O_CLOEXEC, lock as above, a file or block device only. */
int disk_file_open(const char *path, int flags, bool exclusive, int *ret_fd, uint64_t *ret_bytes,
                   struct err *e);
/* Give the space back, best effort; whether it reads zeros afterwards: true. */
bool disk_file_punch(int fd, uint64_t offset, uint64_t bytes);
