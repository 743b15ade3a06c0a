// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iov: whole transfers between a file and a part of an iovec, through signals and short counts.
 *
 * The part is bytes [skip, skip + bytes) of what the nr pieces of iov hold; the iovec itself is left alone.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct iov_part {
    const struct iovec *iov;
    unsigned nr;
    uint64_t skip, bytes;
};

/* 0 or -errno; -EIO: the file ends before. */
int iov_pread(int fd, struct iov_part part, uint64_t offset);
int iov_pwrite(int fd, struct iov_part part, uint64_t offset);
void iov_zero(struct iov_part part);

/* Copy the whole of an iovec into buf, at most max bytes; returns how many. */
size_t iov_gather(const struct iovec *iov, unsigned nr, void *buf, size_t max);
/* Copy len bytes into an iovec from its byte `skip` on; returns how many found room. */
size_t iov_scatter(const struct iovec *iov, unsigned nr, size_t skip, const void *buf, size_t len);
