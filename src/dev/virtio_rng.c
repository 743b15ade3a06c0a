// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_rng: random bytes for the guest's pool.
 *
 * Source: virtio 1.2, 5.4 "Entropy Device". A request gets at most REQUEST_MAX bytes, which the device may do
 * (5.4.6.1), so that a big one does not hold up the other devices. Threads: board lock held.
 */
#include "dev/virtio_rng.h"

#include <linux/virtio_ids.h>

#define REQUEST_MAX (64u << 10)

struct virtio_rng {
    struct virtio *virtio;
    const struct entropy_port *port;
};

static uint32_t fill(struct virtio_rng *r, const struct vring_chain *c)
{
    uint32_t len = c->in_bytes < REQUEST_MAX ? c->in_bytes : REQUEST_MAX;
    struct iovec iov[VRING_MAX];
    struct gpa at[VRING_MAX];
    unsigned nr = vring_slice(c, VRING_IN, 0, len, iov, at);
    for (unsigned i = 0; i < nr; i++) {
        r->port->fill(r->port->ctx, iov[i].iov_base, iov[i].iov_len);
        ram_wrote(virtio_queue(r->virtio, 0)->ram, at[i], iov[i].iov_len);
    }
    return len;
}

static void notified(void *dev, unsigned queue)
{
    struct virtio_rng *r = dev;
    struct vring_chain c;
    while (virtio_pop(r->virtio, queue, &c))
        virtio_push(r->virtio, queue, c.head, fill(r, &c));
    virtio_publish(r->virtio, queue);
}

static const struct virtio_type type = {
    .name = "virtio-rng",
    .id = VIRTIO_ID_RNG,
    .class_code = 0x00ff00,
    .queue_size = 8,
    .notified = notified,
};

int virtio_rng_new(const struct virtio_board *b, const struct entropy_port *port, struct virtio_rng **ret,
                   struct err *e)
{
    OWN(virtio_rng) r = calloc(1, sizeof(*r));
    if (!r)
        return err_code(e, -ENOMEM, "random number generator");
    r->port = port;
    int rc = virtio_new(b, &type, 0, 1, NULL, 0, r, &r->virtio, e);
    if (rc < 0)
        return rc;
    *ret = take(r);
    return 0;
}

void virtio_rng_free(struct virtio_rng *r)
{
    if (!r)
        return;
    virtio_free(r->virtio);
    free(r);
}

const struct virtio_stats *virtio_rng_stats(const struct virtio_rng *r)
{
    return virtio_stats(r->virtio);
}
