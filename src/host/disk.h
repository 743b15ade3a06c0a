// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk: the far end of a guest's disk: files on the host behind a few threads.
 *
 * Usual: a base that many guests share and a private top layer (TOP and TOP.map). Or one raw file, read-only
 * or written in place. Threads: board lock held, or before the loop runs; done() comes on the loop's thread.
 */
#pragma once

#include "base/loop.h"
#include "board/port.h"

struct disk_config {
    const char *base; /* raw file or block device, read-only, shared; NULL: none, all zero */
    const char *top;  /* the private top layer, made if missing; NULL: read-only base, or direct */
    uint64_t bytes;   /* what the guest sees, a multiple of 512; 0: what the layer or else the base has */
    bool read_only;
    bool direct; /* base is written in place; no top */
};

struct disk;
/*
 * Strings are borrowed for the call. Errors say which file:
 * -EBUSY   in use by another guest (locked until disk_close)
 * -EINVAL  no file, empty, larger than bytes, not whole sectors, another base than the layer was made over
 * -EIO     the top layer's data or map is lost, cut short or damaged
 * -ENOSPC, -ENOENT, -EACCES, ...  as the host says
 */
int disk_open(const struct disk_config *c, struct loop *loop, struct disk **ret, struct err *e);
struct disk_port *disk_port(struct disk *d); /* good until disk_close */

/*
 * Carries out what was submitted, calls done() for each from here, flushes. Before loop_free, and while the
 * device is still there. A failed flush is logged.
 */
void disk_close(struct disk *d);
OWN_TYPE(disk, disk_close)
