// SPDX-License-Identifier: GPL-2.0-or-later
/* workers: threads that carry out what a device asked for, so that no device ever waits for a file. */
#pragma once

#include "base/err.h"
#include "base/own.h"
#include "board/port.h"

struct workers;
/*
 * run carries one request out on a worker's thread; what it returns is the status. name: of the threads, at
 * most 15 characters.
 */
int workers_new(const char *name, unsigned nr, int (*run)(void *ctx, struct work *r), void *ctx,
                struct workers **ret, struct err *e);
void workers_free(struct workers *w); /* after workers_drain, or never used */
OWN_TYPE(workers, workers_free)

void workers_submit(struct workers *w, struct work *r);
/* Becomes readable when there are results; workers_results resets it and calls done for each. */
/* In the child of fork(2), nothing under way: threads of its own, and another workers_fd; the old one is
 * closed. */
int workers_after_fork(struct workers *w, struct err *e);
int workers_fd(const struct workers *w);
void workers_results(struct workers *w, void (*done)(void *ctx, struct work *r, int status));
/* Wait for all that was submitted, also from inside of done, and deliver the results; the threads live on. */
void workers_settle(struct workers *w, void (*done)(void *ctx, struct work *r, int status));
/* Wait for all that was submitted, deliver the results, end the threads. What is submitted by then fails
 * with -ESHUTDOWN. */
void workers_drain(struct workers *w, void (*done)(void *ctx, struct work *r, int status));
