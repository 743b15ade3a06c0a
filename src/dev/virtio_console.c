// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_console: a terminal.
 *
 * Source: virtio 1.2, 5.3 "Console Device": configuration 5.3.4, operation 5.3.6. Modelled: one port, its
 * size and changes of it. Left out: several ports, emergency writes. Output that the far end does not take
 * stays in its chain; input that the guest has no buffers for stays with the far end.
 * Threads: board lock held.
 */
#include "dev/virtio_console.h"

#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>

#define CHUNK     4096u
#define WRITE_MAX (1u << 20) /* of one chain: drivers send a page or so */

enum { RX, TX, NR_QUEUES };

struct virtio_console {
    struct virtio_console_config config; /* saved */
    struct virtio *virtio;
    struct char_port *port;
    bool refused; /* the far end has input and waits for room */
    bool writing; /* out is on its way, `sent` bytes of it went */
    uint32_t sent;
    struct vring_chain out;
};

/* ---- guest to far end ---- */

/* false: the far end took less than all; drained goes on. */
static bool write_out(struct virtio_console *c)
{
    uint8_t buf[CHUNK];
    while (c->sent < c->out.out_bytes) {
        uint32_t len = vring_read(&c->out, c->sent, buf, sizeof(buf));
        size_t n = c->port->write ? c->port->write(c->port->ctx, buf, len) : len;
        c->sent += (uint32_t)n;
        if (n < len)
            return false;
    }
    return true;
}

static bool next_out(struct virtio_console *c)
{
    if (c->writing)
        return true;
    if (!virtio_pop(c->virtio, TX, &c->out))
        return false;
    if (c->out.out_bytes > WRITE_MAX) {
        virtio_broken(c->virtio, "more than 1 MiB of output at once");
        return false;
    }
    c->writing = true;
    c->sent = 0;
    return true;
}

static void transmit(struct virtio_console *c)
{
    while (next_out(c) && write_out(c)) {
        c->writing = false;
        virtio_push(c->virtio, TX, c->out.head, 0);
    }
    virtio_publish(c->virtio, TX);
}

static void drained(void *dev)
{
    struct virtio_console *c = dev;
    if (c->writing)
        transmit(c);
}

/* ---- far end to guest ---- */

static size_t receive(void *dev, const void *buf, size_t len)
{
    struct virtio_console *c = dev;
    struct vring_chain in;
    const uint8_t *from = buf;
    size_t done = 0;
    while (done < len && virtio_pop(c->virtio, RX, &in)) {
        uint32_t some = len - done < UINT32_MAX ? (uint32_t)(len - done) : UINT32_MAX;
        some = vring_write(virtio_queue(c->virtio, RX)->ram, &in, 0, from + done, some);
        virtio_push(c->virtio, RX, in.head, some);
        done += some;
    }
    virtio_publish(c->virtio, RX);
    c->refused = done < len;
    return done;
}

static void tell_room(struct virtio_console *c)
{
    if (!c->refused)
        return;
    c->refused = false;
    if (c->port->room)
        c->port->room(c->port->ctx);
}

static void resize(void *dev, unsigned cols, unsigned rows)
{
    struct virtio_console *c = dev;
    c->config.cols = (uint16_t)cols;
    c->config.rows = (uint16_t)rows;
    virtio_config_changed(c->virtio);
}

/* ---- the device ---- */

static void notified(void *dev, unsigned queue)
{
    struct virtio_console *c = dev;
    if (queue == TX)
        transmit(c);
    else
        tell_room(c);
}

static bool reset(void *dev)
{
    struct virtio_console *c = dev;
    c->writing = false;
    return true;
}

static const struct virtio_type type = {
    .name = "virtio-console",
    .id = VIRTIO_ID_CONSOLE,
    .class_code = 0x078000,
    .queue_size = 128,
    .notified = notified,
    .reset = reset,
};

/* What a driver may see of the configuration: the size. */
#define CONFIG_BYTES offsetof(struct virtio_console_config, max_nr_ports)

int virtio_console_new(const struct virtio_board *b, struct char_port *port, struct virtio_console **ret,
                       struct err *e)
{
    OWN(virtio_console) c = calloc(1, sizeof(*c));
    if (!c)
        return err_code(e, -ENOMEM, "console");
    c->port = port;
    c->config.cols = 80;
    c->config.rows = 25;
    int rc = virtio_new(b, &type, 1ull << VIRTIO_CONSOLE_F_SIZE, NR_QUEUES, &c->config, CONFIG_BYTES, c,
                        &c->virtio, e);
    if (rc < 0)
        return rc;
    port->dev = c;
    port->receive = receive;
    port->drained = drained;
    port->resize = resize;
    *ret = take(c);
    return 0;
}

void virtio_console_free(struct virtio_console *c)
{
    if (!c)
        return;
    virtio_free(c->virtio);
    free(c);
}

const struct virtio_stats *virtio_console_stats(const struct virtio_console *c)
{
    return virtio_stats(c->virtio);
}
