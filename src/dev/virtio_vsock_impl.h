// SPDX-License-Identifier: GPL-2.0-or-later
/* virtio_vsock_impl: what virtio_vsock.c (packets) and virtio_vsock_stream.c (connections) share. */
#pragma once

#include <linux/virtio_vsock.h>

#include "base/buf.h"
#include "dev/virtio_vsock.h"

#define VSOCK_BUF_BYTES (256u << 10) /* that the guest may send ahead on one stream */
#define VSOCK_REFUSALS  64

/* Packets without data that a stream wants to send, in the order in which they go. */
enum {
    WANT_REQUEST = 1,
    WANT_CREDIT_REQUEST = 2,
    WANT_CREDIT_UPDATE = 4,
    WANT_SHUTDOWN = 8,
    WANT_RST = 16,
};

struct vsock_stream {
    struct virtio_vsock *device;
    struct vsock_stream *next;
    const struct vsock_stream_ops *ops; /* NULL: gone for its owner; freed once nothing is wanted */
    void *ctx;
    uint32_t host_port, guest_port;
    unsigned want;
    bool open;      /* the guest accepted */
    bool shut;      /* we write no more */
    bool blocked;   /* owed a call of writable */
    bool asked;     /* for credit, since the last news of it */
    bool held;      /* the owner took less than all and did not ask for more since */
    bool receiving; /* inside of the owner's receive */
    bool more;      /* which asked for more meanwhile */
    /* from the guest */
    struct buf pending; /* what the owner did not take yet */
    uint32_t fwd_cnt;   /* bytes taken */
    uint32_t told_fwd;  /* what the guest knows of it */
    bool eof, eof_told; /* it sends no more */
    bool deaf;          /* it reads no more */
    bool rst, cut;      /* it sent RST; ... before it said that it was done */
    /* to the guest */
    uint32_t tx_cnt, peer_alloc, peer_fwd;
};

/* An answer to a packet that belongs to no stream. */
struct refusal {
    uint64_t host_cid;
    uint32_t host_port, guest_port;
    uint16_t type;
};

struct virtio_vsock {
    struct virtio_vsock_config config;
    struct virtio *virtio;
    struct vsock_stream *streams;
    uint32_t last_port;
    struct refusal refusals[VSOCK_REFUSALS];
    unsigned nr_refusals;
    bool tx_waits; /* the guest's packets wait till there is room for refusals */
    unsigned depth;
};

/* Around all that may call an owner or send: on the way out of the outermost, what is wanted goes out. */
void vsock_enter(struct virtio_vsock *v);
void vsock_leave(struct virtio_vsock *v);

/* Send up to len bytes with op; returns how many, or -1 if the guest has no buffer there. */
int vsock_send(struct vsock_stream *s, uint16_t op, uint32_t flags, const void *data, uint32_t len);

/* A packet of the guest's for this stream: its header, then, of an RW, the bytes were appended to pending. */
void vsock_stream_packet(struct vsock_stream *s, const struct virtio_vsock_hdr *h);
void vsock_stream_cut(struct vsock_stream *s, bool answer); /* closed(reset); answer: tell the guest by RST */
bool vsock_stream_want(struct vsock_stream *s);             /* send what is wanted; false: no buffers */
void vsock_stream_writable(struct vsock_stream *s);         /* if that is owed and there is credit */
