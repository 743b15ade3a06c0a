// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_fs: carries a guest's FUSE messages to a folder of the host and the answers back.
 *
 * Source: virtio 1.2, 5.11 "File System Device": queues 5.11.2, configuration 5.11.4, operation 5.11.6.
 * Modelled: the queue for urgent messages, one for the others. Left out: notifications, the DAX window. What
 * a message says is the far end's affair. Threads: board lock held; done comes on the loop's thread.
 */
#include "dev/virtio_fs.h"

#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <string.h>

#define QUEUES 2 /* urgent, others */

struct virtio_fs {
    struct virtio_fs_config config;
    struct virtio *virtio;
    struct share_port *port;
    unsigned in_flight;
    bool reset_waits; /* for the last one in flight */
};

/* One message of the driver's in flight. Its pieces were copied: the rings are the guest's again. */
struct request {
    struct share_req share;
    struct virtio_fs *fs;
    unsigned queue;
    uint16_t head;
    struct gpa *at; /* of the pieces of the answer */
    struct iovec iov[];
};

/* ---- the end of a request ---- */

static void told_done(struct virtio_fs *f)
{
    f->in_flight--;
    if (f->in_flight > 0 || !f->reset_waits)
        return;
    f->reset_waits = false;
    virtio_reset_done(f->virtio);
}

static void tell_written(struct request *r, uint32_t bytes)
{
    struct ram *ram = virtio_queue(r->fs->virtio, r->queue)->ram;
    for (unsigned i = 0; i < r->share.nr_in && bytes > 0; i++) {
        size_t n = r->share.in[i].iov_len < bytes ? r->share.in[i].iov_len : bytes;
        ram_wrote(ram, r->at[i], n);
        bytes -= (uint32_t)n;
    }
}

static void done(struct share_req *req, uint32_t bytes)
{
    struct request *r = req->ctx;
    struct virtio_fs *f = r->fs;
    tell_written(r, req->in_bytes); /* beyond the answer's end there may be the rest of a short read */
    if (virtio_live(f->virtio)) {
        virtio_moved(f->virtio, false, bytes);
        virtio_push(f->virtio, r->queue, r->head, bytes);
        virtio_publish(f->virtio, r->queue);
    }
    free(r);
    told_done(f);
}

/* ---- the begin ---- */

static struct request *request_new(struct virtio_fs *f, unsigned queue, const struct vring_chain *c)
{
    unsigned nr = c->nr_out + c->nr_in;
    struct request *r = calloc(1, sizeof(*r) + nr * (sizeof(r->iov[0]) + sizeof(r->at[0])));
    if (!r)
        return NULL;
    r->fs = f;
    r->queue = queue;
    r->head = c->head;
    r->at = (struct gpa *)(void *)(r->iov + nr);
    memcpy(r->iov, c->iov, nr * sizeof(r->iov[0]));
    memcpy(r->at, c->at + c->nr_out, c->nr_in * sizeof(r->at[0]));
    r->share = (struct share_req){
        .out = r->iov,
        .nr_out = c->nr_out,
        .out_bytes = c->out_bytes,
        .in = r->iov + c->nr_out,
        .nr_in = c->nr_in,
        .in_bytes = c->in_bytes,
        .done = done,
        .ctx = r,
    };
    return r;
}

static void notified(void *dev, unsigned queue)
{
    struct virtio_fs *f = dev;
    struct vring_chain c;
    while (virtio_pop(f->virtio, queue, &c)) {
        struct request *r = request_new(f, queue, &c);
        if (!r) {
            virtio_broken(f->virtio, "no memory for a request");
            return;
        }
        f->in_flight++;
        virtio_moved(f->virtio, true, c.out_bytes);
        f->port->submit(f->port->ctx, &r->share);
    }
}

/* ---- the device ---- */

static bool reset(void *dev)
{
    struct virtio_fs *f = dev;
    f->reset_waits = f->in_flight > 0;
    return !f->reset_waits;
}

static const struct virtio_type type = {
    .name = "virtio-fs",
    .id = VIRTIO_ID_FS,
    .class_code = 0x018000,
    .queue_size = VRING_MAX,
    .notified = notified,
    .reset = reset,
};

int virtio_fs_new(const struct virtio_board *b, struct share_port *port, struct virtio_fs **ret,
                  struct err *e)
{
    OWN(virtio_fs) f = calloc(1, sizeof(*f));
    if (!f)
        return err_code(e, -ENOMEM, "shared folder");
    f->port = port;
    f->config.num_request_queues = QUEUES - 1;
    memcpy(f->config.tag, port->tag, strnlen(port->tag, sizeof(f->config.tag)));
    int rc = virtio_new(b, &type, 0, QUEUES, &f->config, sizeof(f->config), f, &f->virtio, e);
    if (rc < 0)
        return rc;
    *ret = take(f);
    return 0;
}

void virtio_fs_free(struct virtio_fs *f)
{
    if (!f)
        return;
    if (f->in_flight && f->port->drain)
        f->port->drain(f->port->ctx);
    BUG_ON(f->in_flight);
    virtio_free(f->virtio);
    free(f);
}

const struct virtio_stats *virtio_fs_stats(const struct virtio_fs *f)
{
    return virtio_stats(f->virtio);
}
