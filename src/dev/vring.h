// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vring: a split virtqueue, as the device sees it.
 *
 * The guest owns the rings and may write them at any moment, nonsense too: each word of them is read once
 * and the copy is checked. A chain that vring_pop returns lies in RAM and has sane lengths.
 * Threads: board lock held.
 */
#pragma once

#include <sys/uio.h>

#include "board/ram.h"
#include "board/state.h"

#define VRING_MAX 256 /* descriptors of a queue and pieces of a chain */

struct vring {
    /* saved */
    uint16_t size; /* a power of two */
    bool ready;    /* enabled by the driver; the rest then stands */
    bool indirect, event_idx;
    uint64_t desc_at, avail_at, used_at;
    uint16_t next_avail; /* the next that we take */
    uint16_t next_used;  /* the next that we give back */
    uint16_t told;       /* next_used when the driver was last told */
    /* wiring */
    struct ram *ram;
    uint8_t *desc, *avail, *used; /* host addresses of the above while ready */
};

/* What the driver put there, copied out and checked: readable pieces first, writable ones after them. */
struct vring_chain {
    uint16_t head;
    unsigned nr_out, nr_in;
    uint32_t out_bytes, in_bytes;
    struct iovec iov[VRING_MAX];
    struct gpa at[VRING_MAX]; /* the same pieces as the guest sees them */
};

/* Find the rings; NULL, or in one line what is wrong with them. */
const char *vring_enable(struct vring *v);

/* 1: *c is the next chain; 0: none there (the driver tells when there is); -1: nonsense, *ret_why says which.
 */
int vring_pop(struct vring *v, struct vring_chain *c, const char **ret_why);
void vring_unpop(struct vring *v, unsigned n); /* the last n were not used: take them again later */

/* Give back a chain with `written` bytes in its writable part. The driver sees it after vring_publish. */
void vring_push(struct vring *v, uint16_t head, uint32_t written);
bool vring_publish(struct vring *v); /* true: the driver wants an interrupt for it */

/* Copy from the readable or to the writable part at an offset; returns how many bytes of len were there. */
uint32_t vring_read(const struct vring_chain *c, uint32_t off, void *buf, uint32_t len);
uint32_t vring_write(struct ram *r, const struct vring_chain *c, uint32_t off, const void *buf, uint32_t len);

/* The pieces of [off, off+len) of one part, which holds them; room for nr_out or nr_in each. Returns how
 * many. */
enum vring_part { VRING_OUT, VRING_IN };
unsigned vring_slice(const struct vring_chain *c, enum vring_part part, uint32_t off, uint32_t len,
                     struct iovec *ret_iov, struct gpa *ret_at);

extern const struct state_table vring_state;
