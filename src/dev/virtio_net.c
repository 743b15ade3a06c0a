// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_net: a network card.
 *
 * Source: virtio 1.2, 5.1 "Network Device": features 5.1.3, configuration 5.1.4, transmission 5.1.6.2,
 * reception 5.1.6.3 and 5.1.6.4. Modelled: one pair of queues, mergeable receive buffers, checksum and TCP
 * segmentation towards the far end. Left out: the control queue, offloads towards the guest, several pairs.
 * Frames that the guest sends with a wrong header are dropped, as a wire would.
 * Threads: board lock held.
 */
#include "dev/virtio_net.h"

#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <string.h>

#define HEADER    ((uint32_t)sizeof(struct virtio_net_hdr_v1))
#define ETHERNET  14u
#define FRAME_MAX (65535u + ETHERNET)
#define MERGE_MAX 64 /* buffers for one frame */

enum { RX, TX, NR_QUEUES };

struct virtio_net {
    struct virtio_net_config config;
    struct virtio *virtio;
    struct net_port *port;
    bool refused; /* the far end keeps a frame and waits for writable */
};

/* ---- guest to far end ---- */

static bool offload_ok(const struct virtio_net *n, const struct virtio_net_hdr_v1 *h)
{
    switch (h->gso_type) {
    case VIRTIO_NET_HDR_GSO_NONE:
        return true;
    case VIRTIO_NET_HDR_GSO_TCPV4:
        return virtio_has(n->virtio, VIRTIO_NET_F_HOST_TSO4) && h->gso_size;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        return virtio_has(n->virtio, VIRTIO_NET_F_HOST_TSO6) && h->gso_size;
    }
    return false;
}

/* len: the frame's without header. */
static bool header_ok(const struct virtio_net *n, const struct virtio_net_hdr_v1 *h, uint32_t len)
{
    bool csum = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
    if (len < ETHERNET || len > FRAME_MAX || !offload_ok(n, h))
        return false;
    if (!csum)
        return h->gso_type == VIRTIO_NET_HDR_GSO_NONE;
    return virtio_has(n->virtio, VIRTIO_NET_F_CSUM) && (uint32_t)h->csum_start + h->csum_offset + 2 <= len;
}

/* The far end gets a copy of the header, since that was checked; the frame itself may change under it. */
static void send(struct virtio_net *n, const struct vring_chain *c)
{
    struct virtio_net_hdr_v1 h;
    struct iovec frame[VRING_MAX + 1] = {{&h, HEADER}};
    struct gpa at[VRING_MAX];
    if (vring_read(c, 0, &h, HEADER) < HEADER || !header_ok(n, &h, c->out_bytes - HEADER))
        return;
    h.num_buffers = 0;
    unsigned nr = vring_slice(c, VRING_OUT, HEADER, c->out_bytes - HEADER, frame + 1, at);
    virtio_moved(n->virtio, true, c->out_bytes - HEADER);
    n->port->send(n->port->ctx, frame, nr + 1);
}

static void send_all(struct virtio_net *n)
{
    struct vring_chain c;
    while (virtio_pop(n->virtio, TX, &c)) {
        send(n, &c);
        virtio_push(n->virtio, TX, c.head, 0);
    }
    virtio_publish(n->virtio, TX);
}

/* ---- far end to guest ---- */

/* A frame on its way into buffers, of which only the last may be left partly empty. */
struct delivery {
    const uint8_t *frame;
    uint32_t len, done;
    unsigned nr;
    struct {
        uint16_t head;
        uint32_t bytes;
    } used[MERGE_MAX];
};

static void fill(struct virtio_net *n, struct delivery *v, const struct vring_chain *c)
{
    uint32_t skip = v->nr == 0 ? HEADER : 0;
    uint32_t wrote =
        vring_write(virtio_queue(n->virtio, RX)->ram, c, skip, v->frame + v->done, v->len - v->done);
    v->used[v->nr].head = c->head;
    v->used[v->nr].bytes = skip + wrote;
    v->nr++;
    v->done += wrote;
}

/* All buffers of a frame are given back at once: the driver looks for the rest as soon as it sees the first.
 */
static void hand_over(struct virtio_net *n, const struct delivery *v, const struct vring_chain *first)
{
    const struct virtio_net_hdr_v1 h = {.num_buffers = (uint16_t)v->nr};
    vring_write(virtio_queue(n->virtio, RX)->ram, first, 0, &h, HEADER);
    for (unsigned i = 0; i < v->nr; i++)
        virtio_push(n->virtio, RX, v->used[i].head, v->used[i].bytes);
    virtio_publish(n->virtio, RX);
}

/* true: delivered, or lost as on a wire. */
static bool receive(void *dev, const void *frame, size_t len)
{
    struct virtio_net *n = dev;
    struct vring_chain first, more;
    struct delivery v = {.frame = frame, .len = (uint32_t)len};
    unsigned max = virtio_has(n->virtio, VIRTIO_NET_F_MRG_RXBUF) ? MERGE_MAX : 1;
    if (len > FRAME_MAX)
        return true;
    while (v.nr == 0 || v.done < v.len) {
        struct vring_chain *c = v.nr == 0 ? &first : &more;
        if (v.nr == max || !virtio_pop(n->virtio, RX, c)) {
            virtio_unpop(n->virtio, RX, v.nr);
            n->refused = v.nr < max && virtio_live(n->virtio);
            return !n->refused;
        }
        if (v.nr == 0 && c->in_bytes < HEADER) {
            virtio_broken(n->virtio, "a receive buffer shorter than a header");
            return true;
        }
        fill(n, &v, c);
    }
    hand_over(n, &v, &first);
    virtio_moved(n->virtio, false, len);
    return true;
}

static void tell_writable(struct virtio_net *n)
{
    if (!n->refused)
        return;
    n->refused = false;
    if (n->port->writable)
        n->port->writable(n->port->ctx);
}

/* ---- the device ---- */

static void notified(void *dev, unsigned queue)
{
    struct virtio_net *n = dev;
    if (queue == TX)
        send_all(n);
    else
        tell_writable(n);
}

static bool reset(void *dev)
{
    tell_writable(dev); /* what the far end kept is lost now */
    return true;
}

static const struct virtio_type type = {
    .name = "virtio-net",
    .id = VIRTIO_ID_NET,
    .class_code = 0x020000,
    .queue_size = VRING_MAX,
    .notified = notified,
    .reset = reset,
};

#define FEATURE(name) (1ull << VIRTIO_NET_F_##name)

static uint64_t features(const struct net_port *p)
{
    uint64_t all = FEATURE(MAC) | FEATURE(STATUS) | FEATURE(MRG_RXBUF);
    if (p->csum_ok)
        all |= FEATURE(CSUM);
    if (p->csum_ok && p->tso_ok) /* segmentation needs checksums (5.1.3.1) */
        all |= FEATURE(HOST_TSO4) | FEATURE(HOST_TSO6);
    return all;
}

/* What a driver may see of the configuration: up to and with the status. */
#define CONFIG_BYTES offsetof(struct virtio_net_config, max_virtqueue_pairs)

int virtio_net_new(const struct virtio_board *b, struct net_port *port, const uint8_t mac[6],
                   struct virtio_net **ret, struct err *e)
{
    OWN(virtio_net) n = calloc(1, sizeof(*n));
    if (!n)
        return err_code(e, -ENOMEM, "network card");
    n->port = port;
    memcpy(n->config.mac, mac, sizeof(n->config.mac));
    n->config.status = VIRTIO_NET_S_LINK_UP;
    int rc = virtio_new(b, &type, features(port), NR_QUEUES, &n->config, CONFIG_BYTES, n, &n->virtio, e);
    if (rc < 0)
        return rc;
    port->dev = n;
    port->receive = receive;
    *ret = take(n);
    return 0;
}

void virtio_net_free(struct virtio_net *n)
{
    if (!n)
        return;
    if (n->port && n->port->dev == n) {
        n->port->receive = NULL;
        n->port->dev = NULL;
    }
    virtio_free(n->virtio);
    free(n);
}

const struct virtio_stats *virtio_net_stats(const struct virtio_net *n)
{
    return virtio_stats(n->virtio);
}
