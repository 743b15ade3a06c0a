// SPDX-License-Identifier: GPL-2.0-or-later
/* unpack: a kernel's compressed payload, unpacked on the host so that the guest need not. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Unpack in[0..len): gzip, xz, lzma, lz4 (legacy frames, as kernels use), zstd, by its magic. max bounds the
 * result. *ret is malloc'd, *ret_len bytes. -EINVAL: damaged or cut short; -ENOTSUP: a format unknown here.
 */
int unpack(const uint8_t *in, size_t len, size_t max, uint8_t **ret, size_t *ret_len, struct err *e);

/* The same for a whole file, where no size follows the data. */
int unpack_whole(const uint8_t *in, size_t len, size_t max, uint8_t **ret, size_t *ret_len, struct err *e);
