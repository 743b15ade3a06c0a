// SPDX-License-Identifier: GPL-2.0-or-later
/* sparse: writing files whose zeroes take no room. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The next run of blocks in len bytes that are not all zero: from *from on, which moves to its start; its
 * end, or *from if there is none.
 */
size_t sparse_run(const void *data, size_t len, size_t *from);

/*
 * Write what is not zero of len bytes at an offset; the file is a hole there before. *written (NULL: not
 * told) grows by the bytes that were written. -errno or 0.
 */
int sparse_write(int fd, const void *data, size_t len, off_t at, uint64_t *written);
