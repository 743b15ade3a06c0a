// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * agent_link: what the agent is reached through: dev/virtio_vsock.h in a machine, a unix socket in a test.
 * The functions keep the promises of those of the same name there.
 */
#pragma once

#include "dev/virtio_vsock.h"

struct agent_link {
    void *ctx;
    int (*connect)(void *ctx, uint32_t port, const struct vsock_stream_ops *ops, void *stream_ctx,
                   struct vsock_stream **ret, struct err *e);
    size_t (*write)(struct vsock_stream *s, const void *buf, size_t len);
    void (*more)(struct vsock_stream *s);
    void (*close)(struct vsock_stream *s);
};
