// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_vsock: sockets between the host, which is CID 2, and the guest, without a network.
 *
 * The host's side of a connection is a vsock_stream: callbacks and calls, credit in both directions inside.
 * Connections that the guest opens are refused. Threads: board lock held, or before any CPU runs.
 */
#pragma once

#include "dev/virtio.h"

struct virtio_vsock;
int virtio_vsock_new(const struct virtio_board *b, uint32_t guest_cid, struct virtio_vsock **ret,
                     struct err *e);
void virtio_vsock_free(struct virtio_vsock *v); /* its streams end with closed(reset) */
const struct virtio_stats *virtio_vsock_stats(const struct virtio_vsock *v);
OWN_TYPE(virtio_vsock, virtio_vsock_free)

/*
 * Called on the loop's or a vCPU's thread. From inside one only vsock_stream_* of the same stream may be
 * called. None may be NULL.
 */
struct vsock_stream_ops {
    void (*connected)(void *ctx); /* the guest accepted */
    /* Bytes from the guest; returns how many were taken. The rest is kept until vsock_stream_more. */
    size_t (*receive)(void *ctx, const void *buf, size_t len);
    void (*writable)(void *ctx);           /* a write that took less than all may be tried again */
    void (*shutdown)(void *ctx);           /* the guest sends no more */
    void (*closed)(void *ctx, bool reset); /* the last call, the stream is gone; reset: refused or cut off */
};

/* Connect to a port where the guest listens: connected or closed follows. -ENOTCONN: no driver yet; -ENOMEM.
 */
struct vsock_stream;
int virtio_vsock_connect(struct virtio_vsock *v, uint32_t guest_port, const struct vsock_stream_ops *ops,
                         void *ctx, struct vsock_stream **ret, struct err *e);

/* What was taken; less than len: writable follows. Bytes for a guest that reads no more are dropped. */
size_t vsock_stream_write(struct vsock_stream *s, const void *buf, size_t len);
void vsock_stream_more(struct vsock_stream *s);     /* receive is called again for what it did not take */
void vsock_stream_shutdown(struct vsock_stream *s); /* no more writes: the guest reads an end of file */
void vsock_stream_close(struct vsock_stream *s);    /* cut off if still open; no calls afterwards */
