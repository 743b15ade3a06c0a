// SPDX-License-Identifier: GPL-2.0-or-later
/* disk_workers: threads that carry out a disk's requests, so that no device ever waits for a file. */
#pragma once

#include "base/err.h"
#include "base/own.h"
#include "board/port.h"

struct disk_workers;
/* run carries one request out on a worker's thread; what it returns is the status. */
int disk_workers_new(unsigned nr, int (*run)(void *ctx, struct disk_req *r), void *ctx,
                     struct disk_workers **ret, struct err *e);
void disk_workers_free(struct disk_workers *w); /* after disk_workers_drain, or never used */
OWN_TYPE(disk_workers, disk_workers_free)

void disk_workers_submit(struct disk_workers *w, struct disk_req *r);
/* Becomes readable when there are results; disk_workers_results resets it and calls done for each. */
int disk_workers_fd(const struct disk_workers *w);
void disk_workers_results(struct disk_workers *w, void (*done)(void *ctx, struct disk_req *r, int status));
/* Wait for all that was submitted, also from inside of done, and deliver the results; the threads live on. */
void disk_workers_settle(struct disk_workers *w, void (*done)(void *ctx, struct disk_req *r, int status));
/* Wait for all that was submitted, deliver the results, end the threads. What is submitted by then fails
 * with -ESHUTDOWN. */
void disk_workers_drain(struct disk_workers *w, void (*done)(void *ctx, struct disk_req *r, int status));
