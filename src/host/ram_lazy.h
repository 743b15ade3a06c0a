// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ram_lazy: guest memory whose content comes while the guest runs already.
 *
 * userfaultfd(2): who touches a page that is not there yet waits until it has come; a thread of ours serves
 * these first and fills the rest meanwhile, 64 KiB a step. Where the kernel does not let us have that, all is
 * read before the start.
 * Threads: the loader's own calls the source, and nothing else here; the rest is called on the loop's thread.
 * The loader never takes the board lock.
 */
#pragma once

#include "base/err.h"
#include "base/own.h"
#include "board/ram.h"

#define RAM_LAZY_FRAME 16u /* pages that come at once */

struct ram_source { /* pages are counted through the slots, as ram_page_index does */
    /* n pages from `page` on into buf, zeros too. */
    int (*read)(void *ctx, uint64_t page, unsigned n, void *buf, struct err *e);
    /* The first page from `page` on that is not zero, or UINT64_MAX. */
    uint64_t (*next)(void *ctx, uint64_t page);
    /* What cannot be read is missing in a guest that runs: called on the loader's thread, does not return. */
    void (*failed)(void *ctx, const struct err *e);
    void *ctx;
};

struct ram_lazy;
/*
 * Memory that nobody has touched yet. hot (borrowed for the call): frames that come first. *ret is NULL when
 * all was read at once. The source is used until ram_lazy_free.
 */
int ram_lazy_start(struct ram *r, const struct ram_source *s, const uint32_t *hot, size_t nr_hot,
                   struct ram_lazy **ret, struct err *e);
/* All of it before the start, without any thread. */
int ram_lazy_read(struct ram *r, const struct ram_source *s, struct err *e);

bool ram_lazy_complete(const struct ram_lazy *l); /* true of NULL */
/* Until all is there: fork(2) of a process with memory missing would give the child zeros. */
void ram_lazy_finish(struct ram_lazy *l);
/* The frames that somebody waited for so far, in that order: what to make hot next time. How many. */
size_t ram_lazy_faults(struct ram_lazy *l, uint32_t *ret, size_t max);
/* Ends the loader; what has not come stays zero, so the machine is gone by then or does not run. */
void ram_lazy_free(struct ram_lazy *l);
OWN_TYPE(ram_lazy, ram_lazy_free)
