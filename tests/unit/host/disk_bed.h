// SPDX-License-Identifier: GPL-2.0-or-later
/* disk_bed: requests to a disk, one after the other or several together, and their end. */
#pragma once

#include "host/disk.h"

#include "bed.h"

struct io {
    struct disk_req req;
    struct iovec iov[3];
    int status;
    unsigned *left;
    struct bed *bed;
    struct disk *disk; /* where the test needs it */
};

static inline void io_done(struct disk_req *req, int status)
{
    struct io *io = req->ctx;
    io->status = status;
    if (--*io->left == 0)
        loop_stop(io->bed->loop);
}

/* buf in three uneven pieces, so that no transfer is one piece by chance */
static inline void io_fill(struct io *io, enum disk_op op, uint64_t offset, uint64_t bytes, void *buf)
{
    uint64_t a = bytes / 3, b = bytes / 5;
    io->iov[0] = (struct iovec){buf, a};
    io->iov[1] = (struct iovec){(uint8_t *)buf + a, b};
    io->iov[2] = (struct iovec){(uint8_t *)buf + a + b, bytes - a - b};
    io->req = (struct disk_req){.op = op,
                                .offset = offset,
                                .bytes = bytes,
                                .iov = io->iov,
                                .nr_iov = 3,
                                .unmap = true,
                                .done = io_done,
                                .ctx = io};
}

static inline void io_all(struct bed *b, struct disk *d, struct io *io, unsigned nr)
{
    unsigned left = nr;
    for (unsigned i = 0; i < nr; i++) {
        io[i].left = &left;
        io[i].bed = b;
        io[i].status = 1;
        struct disk_port *p = disk_port(d);
        p->submit(p->ctx, &io[i].req);
    }
    bed_run(b);
    assert_int_equal(left, 0);
}

static inline int io_one(struct bed *b, struct disk *d, enum disk_op op, uint64_t offset, uint64_t bytes,
                         void *buf)
{
    struct io io;
    io_fill(&io, op, offset, bytes, buf);
    io_all(b, d, &io, 1);
    return io.status;
}

static inline void file_fill(const char *path, const void *data, size_t len)
{
    struct err e;
    assert_int_equal(file_write_atomic(path, data, len, 0600, &e), 0);
}
