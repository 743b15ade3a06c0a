// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ram: the guest's memory as the board's other parts see it.
 *
 * Anonymous private memory of the monitor, 2 MiB aligned, MADV_HUGEPAGE, untouched until the guest
 * touches it; fork(2) of the monitor is the snapshot primitive. Guest-physical layout: low slot from 0
 * up to at most 3 GiB, the rest from 4 GiB. One host mapping backs both, low slot first.
 * Threads: any; the guest may write at any moment, so read a field once and check the copy.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

#define RAM_PAGE     4096u
#define RAM_LOW_MAX  (3ull << 30)
#define RAM_HIGH_GPA (4ull << 30)

/* A guest-physical address: a type of its own so that it cannot be mixed with others. */
struct gpa {
    uint64_t a;
};
static inline struct gpa gpa(uint64_t a)
{
    return (struct gpa){a};
}

struct ram_slot {
    uint64_t base; /* guest-physical, page aligned */
    uint64_t bytes;
    uint8_t *host;
};

struct ram;
int ram_new(uint64_t bytes, struct ram **ret, struct err *e); /* bytes: multiple of 2 MiB; -EINVAL, -ENOMEM */
void ram_free(struct ram *r);
OWN_TYPE(ram, ram_free)

uint64_t ram_bytes(const struct ram *r);
const struct ram_slot *ram_slots(const struct ram *r, unsigned *ret_nr); /* 1 or 2 */

/* Host address of [a, a+len), or NULL if any byte of it is not RAM (also if the sum wraps). */
void *ram_at(const struct ram *r, struct gpa a, uint64_t len);

/* Copy; false (and nothing copied) if not all of it is RAM. ram_write tells the watcher itself. */
bool ram_read(const struct ram *r, struct gpa a, void *buf, uint64_t len);
bool ram_write(struct ram *r, struct gpa a, const void *buf, uint64_t len);

/*
 * Who wrote RAM through ram_at (disk reads, packets, rings) says so AFTERWARDS and before it tells the
 * guest: the soft engine drops code that it translated from those pages. Cheap when nobody watches.
 */
void ram_wrote(struct ram *r, struct gpa a, uint64_t len);

/* One watcher (the soft engine). It marks pages; fn is called for writes that touch a marked page. */
typedef void ram_watch_fn(void *ctx, struct gpa page);
void ram_watch(struct ram *r, ram_watch_fn *fn, void *ctx);
void ram_mark(struct ram *r, struct gpa page, bool marked);
bool ram_marked(const struct ram *r, struct gpa page);

/* Index of a page counted through the slots (0 .. ram_bytes/4096-1), or UINT64_MAX if it is not RAM. */
uint64_t ram_page_index(const struct ram *r, struct gpa a);
/* The marks, one byte a page by that index, for the engine's fast paths; the other bits are the engine's own.
 */
#define RAM_MARKED 1
uint8_t *ram_marks(const struct ram *r);
