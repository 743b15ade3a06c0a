// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_balloon: memory that the guest gives back.
 *
 * Source: virtio 1.2, 5.5 "Traditional Memory Balloon Device": queues 5.5.2, configuration 5.5.4, operation
 * 5.5.6, free page reporting 5.5.6.7. Modelled: inflating, deflating, also when the guest runs out of memory,
 * reporting. Left out: statistics, free page hints, poison. Page numbers that are not RAM are ignored.
 * Threads: board lock held.
 */
#include "dev/virtio_balloon.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>

#define NUMBERS_MAX 4096u /* page numbers in one chain: drivers send 256 */

enum { INFLATE, DEFLATE, REPORTING, NR_QUEUES };

struct virtio_balloon {
    struct virtio_balloon_config config; /* saved */
    struct virtio *virtio;
    const struct balloon_port *port;
    struct ram *ram;
};

static void discard(struct virtio_balloon *b, uint64_t at, uint64_t len)
{
    if (len && ram_at(b->ram, gpa(at), len))
        b->port->discard(b->port->ctx, at, len);
}

/* Runs of page numbers that follow each other become one piece. */
static void inflate(struct virtio_balloon *b, const struct vring_chain *c)
{
    uint64_t at = 0, len = 0;
    uint32_t number;
    for (uint32_t off = 0; vring_read(c, off, &number, sizeof(number)) == sizeof(number); off += 4) {
        uint64_t page = (uint64_t)number * RAM_PAGE;
        if (page == at + len) {
            len += RAM_PAGE;
            continue;
        }
        discard(b, at, len);
        at = page;
        len = RAM_PAGE;
    }
    discard(b, at, len);
}

/* The pieces themselves are what is free. */
static void report(struct virtio_balloon *b, const struct vring_chain *c)
{
    for (unsigned i = c->nr_out; i < c->nr_out + c->nr_in; i++) {
        uint64_t from = (c->at[i].a + RAM_PAGE - 1) & ~(uint64_t)(RAM_PAGE - 1);
        uint64_t to = (c->at[i].a + c->iov[i].iov_len) & ~(uint64_t)(RAM_PAGE - 1);
        if (from < to)
            discard(b, from, to - from);
    }
}

static void notified(void *dev, unsigned queue)
{
    struct virtio_balloon *b = dev;
    struct vring_chain c;
    while (virtio_pop(b->virtio, queue, &c)) {
        if (queue != REPORTING && c.out_bytes > NUMBERS_MAX * sizeof(uint32_t)) {
            virtio_broken(b->virtio, "too many page numbers at once");
            return;
        }
        if (queue == INFLATE)
            inflate(b, &c);
        else if (queue == REPORTING)
            report(b, &c);
        virtio_push(b->virtio, queue, c.head, 0);
    }
    virtio_publish(b->virtio, queue);
}

static bool reset(void *dev)
{
    struct virtio_balloon *b = dev;
    b->config.actual = 0;
    return true;
}

void virtio_balloon_ask(struct virtio_balloon *b, uint64_t bytes)
{
    uint64_t pages = bytes / RAM_PAGE;
    b->config.num_pages = pages < UINT32_MAX ? (uint32_t)pages : UINT32_MAX;
    virtio_config_changed(b->virtio);
}

uint64_t virtio_balloon_given(const struct virtio_balloon *b)
{
    return (uint64_t)b->config.actual * RAM_PAGE;
}

static const struct virtio_type type = {
    .name = "virtio-balloon",
    .id = VIRTIO_ID_BALLOON,
    .class_code = 0x00ff00,
    .queue_size = 128,
    .rw_off = offsetof(struct virtio_balloon_config, actual),
    .rw_len = 4,
    .notified = notified,
    .reset = reset,
};

/* What a driver may see of the configuration: the two page counts. */
#define CONFIG_BYTES offsetof(struct virtio_balloon_config, free_page_hint_cmd_id)

int virtio_balloon_new(const struct virtio_board *board, const struct balloon_port *port,
                       struct virtio_balloon **ret, struct err *e)
{
    OWN(virtio_balloon) b = calloc(1, sizeof(*b));
    if (!b)
        return err_code(e, -ENOMEM, "balloon");
    b->port = port;
    b->ram = board->ram;
    int rc =
        virtio_new(board, &type, 1ull << VIRTIO_BALLOON_F_DEFLATE_ON_OOM | 1ull << VIRTIO_BALLOON_F_REPORTING,
                   NR_QUEUES, &b->config, CONFIG_BYTES, b, &b->virtio, e);
    if (rc < 0)
        return rc;
    *ret = take(b);
    return 0;
}

void virtio_balloon_free(struct virtio_balloon *b)
{
    if (!b)
        return;
    virtio_free(b->virtio);
    free(b);
}

const struct virtio_stats *virtio_balloon_stats(const struct virtio_balloon *b)
{
    return virtio_stats(b->virtio);
}
