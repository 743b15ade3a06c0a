// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_vsock_stream: one connection between the host and a socket of the guest's.
 *
 * Source: virtio 1.2, 5.10.6: buffer space management 5.10.6.3, stream sockets 5.10.6.6. Each side counts the
 * bytes that it sent and took; buf_alloc minus what is under way is the sender's credit. A guest that closes
 * says SHUTDOWN for both directions and waits for our RST. Threads: board lock held.
 */
#include <string.h>

#include "dev/virtio_vsock_impl.h"

#define SHUTDOWN_BOTH (VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)

/* ---- to the guest ---- */

bool vsock_stream_want(struct vsock_stream *s)
{
    static const struct {
        unsigned want;
        uint16_t op;
        uint32_t flags;
    } packets[] = {
        {WANT_REQUEST, VIRTIO_VSOCK_OP_REQUEST, 0},
        {WANT_CREDIT_REQUEST, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0},
        {WANT_CREDIT_UPDATE, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0},
        {WANT_SHUTDOWN, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND},
        {WANT_RST, VIRTIO_VSOCK_OP_RST, 0},
    };
    for (unsigned i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
        if (!(s->want & packets[i].want))
            continue;
        if (vsock_send(s, packets[i].op, packets[i].flags, NULL, 0) < 0)
            return false;
        s->want &= ~packets[i].want;
    }
    return true;
}

/* A guest that lies about what it took only stops itself. */
static uint32_t credit(const struct vsock_stream *s)
{
    uint32_t under_way = s->tx_cnt - s->peer_fwd;
    return under_way < s->peer_alloc ? s->peer_alloc - under_way : 0;
}

static size_t write_some(struct vsock_stream *s, const uint8_t *from, size_t len)
{
    size_t done = 0;
    while (done < len) {
        uint32_t n = credit(s) < len - done ? credit(s) : (uint32_t)(len - done);
        int sent = n ? vsock_send(s, VIRTIO_VSOCK_OP_RW, 0, from + done, n) : -1;
        if (sent < 0)
            break;
        s->tx_cnt += (uint32_t)sent;
        done += (size_t)sent;
    }
    return done;
}

size_t vsock_stream_write(struct vsock_stream *s, const void *buf, size_t len)
{
    if (!s->ops || s->shut)
        return 0;
    if (s->deaf)
        return len;
    vsock_enter(s->device);
    size_t done = s->open ? write_some(s, buf, len) : 0;
    s->blocked = done < len;
    if (s->blocked && s->open && credit(s) == 0 && !s->asked) {
        s->asked = true;
        s->want |= WANT_CREDIT_REQUEST;
    }
    vsock_leave(s->device);
    return done;
}

void vsock_stream_writable(struct vsock_stream *s)
{
    if (!s->ops || !s->blocked || (credit(s) == 0 && !s->deaf))
        return;
    s->blocked = false;
    s->ops->writable(s->ctx);
}

void vsock_stream_shutdown(struct vsock_stream *s)
{
    if (!s->ops || s->shut)
        return;
    vsock_enter(s->device);
    s->shut = true;
    s->blocked = false;
    if (s->open)
        s->want |= WANT_SHUTDOWN;
    vsock_leave(s->device);
}

/* ---- the end ---- */

static void tell_closed(struct vsock_stream *s, bool reset)
{
    const struct vsock_stream_ops *ops = s->ops;
    s->ops = NULL;
    buf_fini(&s->pending);
    if (ops)
        ops->closed(s->ctx, reset);
}

void vsock_stream_cut(struct vsock_stream *s, bool answer)
{
    s->want = answer ? WANT_RST : 0;
    tell_closed(s, true);
}

void vsock_stream_close(struct vsock_stream *s)
{
    if (!s->ops)
        return;
    vsock_enter(s->device);
    s->ops = NULL;
    s->want = s->rst || (s->want & WANT_REQUEST) ? 0 : s->want | WANT_RST;
    if (!s->receiving)
        buf_fini(&s->pending);
    vsock_leave(s->device);
}

/* ---- from the guest ---- */

static void deliver(struct vsock_stream *s)
{
    while (!s->held && s->ops && s->pending.len) {
        s->more = false;
        s->receiving = true;
        size_t n = s->ops->receive(s->ctx, buf_data(&s->pending), s->pending.len);
        s->receiving = false;
        BUG_ON(n > s->pending.len);
        s->held = n < s->pending.len && !s->more;
        buf_consume(&s->pending, n);
        s->fwd_cnt += (uint32_t)n;
    }
    if (s->ops && s->fwd_cnt - s->told_fwd >= VSOCK_BUF_BYTES / 4)
        s->want |= WANT_CREDIT_UPDATE;
}

/* What the guest said after its last bytes counts once those were taken. */
static void settle(struct vsock_stream *s)
{
    if (s->receiving)
        return;
    deliver(s);
    if (!s->ops || s->pending.len)
        return;
    if (s->eof && !s->eof_told && !s->cut) {
        s->eof_told = true;
        s->ops->shutdown(s->ctx);
    }
    if (!s->ops || !(s->rst || (s->eof && s->deaf)))
        return;
    s->want = s->rst ? 0 : WANT_RST;
    tell_closed(s, s->cut);
}

void vsock_stream_more(struct vsock_stream *s)
{
    if (!s->ops)
        return;
    s->held = false;
    s->more = true;
    vsock_enter(s->device);
    settle(s);
    vsock_leave(s->device);
}

static void accepted(struct vsock_stream *s)
{
    if (s->open)
        return;
    s->open = true;
    if (s->shut)
        s->want |= WANT_SHUTDOWN;
    s->ops->connected(s->ctx);
}

static void take_op(struct vsock_stream *s, const struct virtio_vsock_hdr *h)
{
    switch (h->op) {
    case VIRTIO_VSOCK_OP_RESPONSE:
        accepted(s);
        break;
    case VIRTIO_VSOCK_OP_RW:
    case VIRTIO_VSOCK_OP_CREDIT_UPDATE:
        break;
    case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
        s->want |= WANT_CREDIT_UPDATE;
        break;
    case VIRTIO_VSOCK_OP_SHUTDOWN:
        s->eof |= (h->flags & VIRTIO_VSOCK_SHUTDOWN_SEND) != 0;
        s->deaf |= (h->flags & VIRTIO_VSOCK_SHUTDOWN_RCV) != 0;
        break;
    case VIRTIO_VSOCK_OP_RST:
        s->cut = !(s->eof && s->deaf);
        s->rst = s->eof = s->deaf = true;
        break;
    default: /* REQUEST among them: the guest thinks that this is another connection */
        vsock_stream_cut(s, true);
    }
}

void vsock_stream_packet(struct vsock_stream *s, const struct virtio_vsock_hdr *h)
{
    if (h->op == VIRTIO_VSOCK_OP_RST && !s->ops)
        s->want = 0; /* nothing is left to say */
    if (!s->ops)
        return;
    s->peer_alloc = h->buf_alloc;
    s->peer_fwd = h->fwd_cnt;
    s->asked = false;
    take_op(s, h);
    vsock_stream_writable(s);
    if (s->ops)
        settle(s);
}
