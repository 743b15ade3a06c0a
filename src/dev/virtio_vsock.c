// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_vsock: packets from and to the guest's sockets.
 *
 * Source: virtio 1.2, 5.10 "Socket Device": configuration 5.10.4, operation 5.10.6. Modelled: stream sockets
 * between host and guest; a packet that belongs to nothing is answered by RST, and while the guest has no
 * buffers for such answers its packets wait. Left out: seqpacket, connections opened by the guest, the event
 * queue. Threads: board lock held.
 */
#include "dev/virtio_vsock.h"

#include <linux/virtio_ids.h>
#include <string.h>

#include "dev/virtio_vsock_impl.h"

#define HOST_CID   2
#define HEADER     ((uint32_t)sizeof(struct virtio_vsock_hdr))
#define DATA_MAX   (64u << 10) /* of one packet */
#define FIRST_PORT 1024

enum { RX, TX, EVENT, NR_QUEUES };

/* ---- to the guest ---- */

/* -1: no buffer there. Else how many bytes of the data went. */
static int put_packet(struct virtio_vsock *v, struct virtio_vsock_hdr *h, const void *data, uint32_t len)
{
    struct vring_chain c;
    if (!virtio_pop(v->virtio, RX, &c))
        return -1;
    if (c.in_bytes < HEADER + (len > 0)) {
        virtio_broken(v->virtio, "a receive buffer shorter than a packet");
        return -1;
    }
    struct ram *ram = virtio_queue(v->virtio, RX)->ram;
    if (len > c.in_bytes - HEADER)
        len = c.in_bytes - HEADER;
    if (len > DATA_MAX)
        len = DATA_MAX;
    h->len = len;
    vring_write(ram, &c, 0, h, HEADER);
    vring_write(ram, &c, HEADER, data, len);
    virtio_push(v->virtio, RX, c.head, HEADER + len);
    return (int)len;
}

int vsock_send(struct vsock_stream *s, uint16_t op, uint32_t flags, const void *data, uint32_t len)
{
    struct virtio_vsock *v = s->device;
    struct virtio_vsock_hdr h = {.src_cid = HOST_CID,
                                 .dst_cid = v->config.guest_cid,
                                 .src_port = s->host_port,
                                 .dst_port = s->guest_port,
                                 .type = VIRTIO_VSOCK_TYPE_STREAM,
                                 .op = op,
                                 .flags = flags,
                                 .buf_alloc = VSOCK_BUF_BYTES,
                                 .fwd_cnt = s->fwd_cnt};
    int sent = put_packet(v, &h, data, len);
    if (sent >= 0)
        s->told_fwd = s->fwd_cnt;
    return sent;
}

static bool send_refusal(struct virtio_vsock *v, const struct refusal *r)
{
    struct virtio_vsock_hdr h = {.src_cid = r->host_cid,
                                 .dst_cid = v->config.guest_cid,
                                 .src_port = r->host_port,
                                 .dst_port = r->guest_port,
                                 .type = r->type,
                                 .op = VIRTIO_VSOCK_OP_RST};
    return put_packet(v, &h, NULL, 0) >= 0;
}

static void flush(struct virtio_vsock *v)
{
    unsigned sent = 0;
    while (sent < v->nr_refusals && send_refusal(v, &v->refusals[sent]))
        sent++;
    v->nr_refusals -= sent;
    memmove(v->refusals, v->refusals + sent, v->nr_refusals * sizeof(v->refusals[0]));
    if (v->nr_refusals)
        return;
    for (struct vsock_stream *s = v->streams; s; s = s->next)
        if (!vsock_stream_want(s))
            return;
}

/* Streams are freed here only, when nobody is inside of one. */
static void reap(struct virtio_vsock *v)
{
    for (struct vsock_stream **p = &v->streams; *p;) {
        struct vsock_stream *s = *p;
        if (s->ops || s->want) {
            p = &s->next;
            continue;
        }
        *p = s->next;
        buf_fini(&s->pending);
        free(s);
    }
}

void vsock_enter(struct virtio_vsock *v)
{
    v->depth++;
}

void vsock_leave(struct virtio_vsock *v)
{
    if (v->depth == 1) {
        flush(v);
        virtio_publish(v->virtio, RX);
        virtio_publish(v->virtio, TX);
        reap(v);
    }
    v->depth--;
}

/* ---- from the guest ---- */

static struct vsock_stream *stream_of(const struct virtio_vsock *v, const struct virtio_vsock_hdr *h)
{
    for (struct vsock_stream *s = v->streams; s; s = s->next)
        if (s->host_port == h->dst_port && s->guest_port == h->src_port)
            return h->dst_cid == HOST_CID && h->type == VIRTIO_VSOCK_TYPE_STREAM ? s : NULL;
    return NULL;
}

static void refuse(struct virtio_vsock *v, const struct virtio_vsock_hdr *h)
{
    if (h->op == VIRTIO_VSOCK_OP_RST)
        return;
    v->refusals[v->nr_refusals++] = (struct refusal){
        .host_cid = h->dst_cid, .host_port = h->dst_port, .guest_port = h->src_port, .type = h->type};
}

/* The guest may send as much as we offered, so more than that is its mistake. */
static bool keep_data(struct vsock_stream *s, const struct vring_chain *c, uint32_t len)
{
    uint8_t *to;
    if (len == 0 || !s->ops || s->eof)
        return true; /* nothing, or nobody reads it */
    if (!s->open || s->pending.len + len > VSOCK_BUF_BYTES || !(to = buf_reserve(&s->pending, len)))
        return false;
    buf_commit(&s->pending, vring_read(c, HEADER, to, len));
    return true;
}

static void take_packet(struct virtio_vsock *v, const struct vring_chain *c)
{
    struct virtio_vsock_hdr h;
    if (vring_read(c, 0, &h, HEADER) < HEADER || h.len > c->out_bytes - HEADER || h.len > DATA_MAX) {
        virtio_broken(v->virtio, "a packet shorter than it says");
        return;
    }
    if (h.src_cid != v->config.guest_cid)
        return; /* nobody whom an answer would reach */
    struct vsock_stream *s = stream_of(v, &h);
    if (!s)
        refuse(v, &h);
    else if (h.op == VIRTIO_VSOCK_OP_RW && !keep_data(s, c, h.len))
        vsock_stream_cut(s, true);
    else
        vsock_stream_packet(s, &h);
}

static void take_packets(struct virtio_vsock *v)
{
    struct vring_chain c;
    while (v->nr_refusals < VSOCK_REFUSALS && virtio_pop(v->virtio, TX, &c)) {
        take_packet(v, &c);
        virtio_push(v->virtio, TX, c.head, 0);
        if (v->nr_refusals == VSOCK_REFUSALS)
            flush(v);
    }
    v->tx_waits = v->nr_refusals == VSOCK_REFUSALS;
}

static void buffers_came(struct virtio_vsock *v)
{
    flush(v);
    for (struct vsock_stream *s = v->streams; s; s = s->next)
        vsock_stream_writable(s);
    if (v->tx_waits)
        take_packets(v);
}

static void notified(void *dev, unsigned queue)
{
    struct virtio_vsock *v = dev;
    vsock_enter(v);
    if (queue == RX)
        buffers_came(v);
    else if (queue == TX)
        take_packets(v);
    vsock_leave(v);
}

/* ---- connections of the host's ---- */

static bool port_taken(const struct virtio_vsock *v, uint32_t port)
{
    for (const struct vsock_stream *s = v->streams; s; s = s->next)
        if (s->host_port == port)
            return true;
    return false;
}

static uint32_t free_port(struct virtio_vsock *v)
{
    do {
        v->last_port = v->last_port >= UINT32_MAX - 1 ? FIRST_PORT : v->last_port + 1;
    } while (port_taken(v, v->last_port));
    return v->last_port;
}

int virtio_vsock_connect(struct virtio_vsock *v, uint32_t guest_port, const struct vsock_stream_ops *ops,
                         void *ctx, struct vsock_stream **ret, struct err *e)
{
    if (!virtio_live(v->virtio))
        return err_set(e, -ENOTCONN, "vsock port %u: the guest has no vsock driver yet", guest_port);
    struct vsock_stream *s = calloc(1, sizeof(*s));
    if (!s)
        return err_code(e, -ENOMEM, "vsock port %u", guest_port);
    *s = (struct vsock_stream){.device = v,
                               .next = v->streams,
                               .ops = ops,
                               .ctx = ctx,
                               .host_port = free_port(v),
                               .guest_port = guest_port,
                               .want = WANT_REQUEST};
    vsock_enter(v);
    v->streams = s;
    *ret = s;
    vsock_leave(v);
    return 0;
}

/* ---- the device ---- */

static bool reset(void *dev)
{
    struct virtio_vsock *v = dev;
    vsock_enter(v);
    v->nr_refusals = 0;
    v->tx_waits = false;
    for (struct vsock_stream *s = v->streams; s; s = s->next) {
        vsock_stream_cut(s, false);
        s->want = 0;
    }
    vsock_leave(v);
    return true;
}

static const struct virtio_type type = {
    .name = "virtio-vsock",
    .id = VIRTIO_ID_VSOCK,
    .class_code = 0x078000,
    .queue_size = 128,
    .notified = notified,
    .reset = reset,
};

#define F_STREAM (1ull << 0)

int virtio_vsock_new(const struct virtio_board *b, uint32_t guest_cid, struct virtio_vsock **ret,
                     struct err *e)
{
    OWN(virtio_vsock) v = calloc(1, sizeof(*v));
    if (!v)
        return err_code(e, -ENOMEM, "vsock");
    v->config.guest_cid = guest_cid;
    v->last_port = FIRST_PORT;
    int rc = virtio_new(b, &type, F_STREAM, NR_QUEUES, &v->config, sizeof(v->config), v, &v->virtio, e);
    if (rc < 0)
        return rc;
    *ret = take(v);
    return 0;
}

void virtio_vsock_free(struct virtio_vsock *v)
{
    if (!v)
        return;
    if (v->virtio)
        reset(v);
    virtio_free(v->virtio);
    free(v);
}

const struct virtio_stats *virtio_vsock_stats(const struct virtio_vsock *v)
{
    return virtio_stats(v->virtio);
}
