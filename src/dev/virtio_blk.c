// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio_blk: a disk.
 *
 * Source: virtio 1.2, 5.2 "Block Device": features 5.2.3, configuration 5.2.4, operation 5.2.6.
 * Modelled: read, write, flush, discard, write-zeroes, id, several queues, choice of the write cache. Left
 * out: secure erase, zones, life time. A driver that took neither flush nor a write cache gets its writes
 * flushed one by one (5.2.6.2). Threads: board lock held; done comes on the loop's thread.
 */
#include "dev/virtio_blk.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <string.h>

#define SECTOR       512u
#define QUEUES_MAX   8
#define RANGES_MAX   16              /* of one discard or write-zeroes request */
#define ZEROES_MAX   (1u << 22)      /* sectors */
#define SEGMENTS_MAX (VRING_MAX - 2) /* the other two: header and status */
#define HEADER       sizeof(struct virtio_blk_outhdr)
#define RANGE        sizeof(struct virtio_blk_discard_write_zeroes)

struct virtio_blk {
    struct virtio_blk_config config; /* .wce is saved, the rest is wiring */
    struct virtio *virtio;
    struct disk_port *port;
    char serial[VIRTIO_BLK_ID_BYTES]; /* zero padded */
    unsigned in_flight;
    bool reset_waits; /* for the last one in flight */
};

/* One request of the driver's in flight. Its pieces were copied: the rings are the guest's again. */
struct request {
    struct disk_req disk;
    struct virtio_blk *blk;
    unsigned queue;
    uint16_t head;
    uint8_t *status; /* in RAM */
    struct gpa status_at;
    uint32_t data_bytes; /* read: what the driver finds in its buffers */
    unsigned nr_ranges, range;
    struct virtio_blk_discard_write_zeroes ranges[RANGES_MAX];
    struct gpa *at; /* of the pieces in iov */
    struct iovec iov[];
};

/* ---- the end of a request ---- */

static void answer(struct request *r, uint8_t status)
{
    struct virtio_blk *d = r->blk;
    if (virtio_live(d->virtio)) {
        *r->status = status;
        ram_wrote(virtio_queue(d->virtio, r->queue)->ram, r->status_at, 1);
        virtio_push(d->virtio, r->queue, r->head, r->data_bytes + 1);
        virtio_publish(d->virtio, r->queue);
    }
    free(r);
}

static void told_done(struct virtio_blk *d)
{
    d->in_flight--;
    if (d->in_flight > 0 || !d->reset_waits)
        return;
    d->reset_waits = false;
    virtio_reset_done(d->virtio);
}

static void tell_read(struct request *r)
{
    struct ram *ram = virtio_queue(r->blk->virtio, r->queue)->ram;
    for (unsigned i = 0; i < r->disk.nr_iov; i++)
        ram_wrote(ram, r->at[i], r->iov[i].iov_len);
}

static bool write_through(const struct virtio_blk *d)
{
    return !virtio_has(d->virtio, VIRTIO_BLK_F_FLUSH) || !d->config.wce;
}

static void take_range(struct request *r)
{
    const struct virtio_blk_discard_write_zeroes *z = &r->ranges[r->range++];
    r->disk.offset = z->sector * SECTOR;
    r->disk.bytes = (uint64_t)z->num_sectors * SECTOR;
    r->disk.unmap = z->flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
}

/* A request may take several steps: range after range, a flush behind a write. */
static bool next_step(struct request *r)
{
    struct virtio_blk *d = r->blk;
    if (r->range < r->nr_ranges) {
        take_range(r);
        return true;
    }
    if ((r->disk.op == DISK_WRITE || r->disk.op == DISK_WRITE_ZEROES) && write_through(d)) {
        r->disk.op = DISK_FLUSH;
        r->disk.offset = r->disk.bytes = 0;
        r->disk.nr_iov = 0;
        return true;
    }
    return false;
}

static void done(struct disk_req *req, int status)
{
    struct request *r = req->ctx;
    struct virtio_blk *d = r->blk;
    if (req->op == DISK_READ)
        tell_read(r); /* a failed one may have written some of it */
    if (status == 0 && !d->reset_waits && next_step(r)) {
        d->port->submit(d->port->ctx, req);
        return;
    }
    if (status < 0)
        r->data_bytes = 0;
    answer(r, status == 0 ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
    told_done(d);
}

static void submit(struct request *r, enum disk_op op)
{
    r->disk.op = op;
    r->disk.done = done;
    r->disk.ctx = r;
    r->blk->in_flight++;
    r->blk->port->submit(r->blk->port->ctx, &r->disk);
}

/* ---- the kinds of request ---- */

static bool within(const struct virtio_blk *d, uint64_t sector, uint64_t bytes)
{
    return sector <= d->port->bytes / SECTOR && bytes <= d->port->bytes - sector * SECTOR;
}

static void transfer(struct request *r, const struct vring_chain *c, uint64_t sector, bool write)
{
    uint32_t len = write ? c->out_bytes - (uint32_t)HEADER : c->in_bytes - 1;
    if (len % SECTOR || !within(r->blk, sector, len) || (write && r->blk->port->read_only)) {
        answer(r, VIRTIO_BLK_S_IOERR);
        return;
    }
    if (len == 0) {
        answer(r, VIRTIO_BLK_S_OK);
        return;
    }
    r->disk.offset = sector * SECTOR;
    r->disk.bytes = len;
    r->disk.iov = r->iov;
    r->disk.nr_iov = vring_slice(c, write ? VRING_OUT : VRING_IN, write ? HEADER : 0, len, r->iov, r->at);
    r->data_bytes = write ? 0 : len;
    virtio_moved(r->blk->virtio, write, len);
    submit(r, write ? DISK_WRITE : DISK_READ);
}

static uint8_t check_range(const struct virtio_blk *d, const struct virtio_blk_discard_write_zeroes *z,
                           bool zero)
{
    uint64_t max = zero ? d->config.max_write_zeroes_sectors : d->config.max_discard_sectors;
    if (z->flags & ~(zero ? (uint32_t)VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0))
        return VIRTIO_BLK_S_UNSUPP;
    if (z->num_sectors > max || !within(d, z->sector, (uint64_t)z->num_sectors * SECTOR))
        return VIRTIO_BLK_S_IOERR;
    return VIRTIO_BLK_S_OK;
}

static uint8_t read_ranges(struct request *r, const struct vring_chain *c, bool zero)
{
    uint32_t len = c->out_bytes - (uint32_t)HEADER;
    if (r->blk->port->read_only || (!zero && r->blk->port->max_discard_bytes == 0))
        return VIRTIO_BLK_S_UNSUPP;
    if (len == 0 || len % RANGE || len > sizeof(r->ranges))
        return VIRTIO_BLK_S_IOERR;
    vring_read(c, HEADER, r->ranges, len);
    r->nr_ranges = len / (unsigned)RANGE;
    uint8_t status = VIRTIO_BLK_S_OK;
    for (unsigned i = 0; i < r->nr_ranges && status == VIRTIO_BLK_S_OK; i++)
        status = check_range(r->blk, &r->ranges[i], zero);
    return status;
}

static void clear(struct request *r, const struct vring_chain *c, bool zero)
{
    uint8_t status = read_ranges(r, c, zero);
    if (status != VIRTIO_BLK_S_OK) {
        answer(r, status);
        return;
    }
    take_range(r);
    submit(r, zero ? DISK_WRITE_ZEROES : DISK_DISCARD);
}

static void tell_id(struct request *r, const struct vring_chain *c)
{
    struct virtio_blk *d = r->blk;
    uint32_t room = c->in_bytes - 1 < sizeof(d->serial) ? c->in_bytes - 1 : sizeof(d->serial);
    r->data_bytes = vring_write(virtio_queue(d->virtio, r->queue)->ram, c, 0, d->serial, room);
    answer(r, VIRTIO_BLK_S_OK);
}

static void start(struct request *r, const struct vring_chain *c)
{
    struct virtio_blk_outhdr header;
    vring_read(c, 0, &header, HEADER);
    switch (header.type) {
    case VIRTIO_BLK_T_IN:
        transfer(r, c, header.sector, false);
        break;
    case VIRTIO_BLK_T_OUT:
        transfer(r, c, header.sector, true);
        break;
    case VIRTIO_BLK_T_FLUSH:
        submit(r, DISK_FLUSH);
        break;
    case VIRTIO_BLK_T_GET_ID:
        tell_id(r, c);
        break;
    case VIRTIO_BLK_T_DISCARD:
        clear(r, c, false);
        break;
    case VIRTIO_BLK_T_WRITE_ZEROES:
        clear(r, c, true);
        break;
    default:
        answer(r, VIRTIO_BLK_S_UNSUPP);
    }
}

static struct request *request_new(struct virtio_blk *d, unsigned queue, const struct vring_chain *c)
{
    unsigned nr = c->nr_out + c->nr_in;
    struct request *r = malloc(sizeof(*r) + nr * (sizeof(r->iov[0]) + sizeof(r->at[0])));
    if (!r)
        return NULL;
    struct iovec status;
    memset(r, 0, sizeof(*r));
    r->blk = d;
    r->queue = queue;
    r->head = c->head;
    r->at = (struct gpa *)(void *)(r->iov + nr);
    vring_slice(c, VRING_IN, c->in_bytes - 1, 1, &status, &r->status_at);
    r->status = status.iov_base;
    return r;
}

static void notified(void *dev, unsigned queue)
{
    struct virtio_blk *d = dev;
    struct vring_chain c;
    while (virtio_pop(d->virtio, queue, &c)) {
        if (c.out_bytes < HEADER || c.in_bytes == 0) {
            virtio_broken(d->virtio, "a request without header or status");
            return;
        }
        struct request *r = request_new(d, queue, &c);
        if (!r) {
            virtio_broken(d->virtio, "no memory for a request");
            return;
        }
        start(r, &c);
    }
}

/* ---- the device ---- */

static bool reset(void *dev)
{
    struct virtio_blk *d = dev;
    d->config.wce = 1;
    d->reset_waits = d->in_flight > 0;
    return !d->reset_waits;
}

static void config_written(void *dev)
{
    struct virtio_blk *d = dev;
    d->config.wce &= 1;
}

static const struct virtio_type type = {
    .name = "virtio-blk",
    .id = VIRTIO_ID_BLOCK,
    .class_code = 0x010000,
    .queue_size = VRING_MAX,
    .rw_off = offsetof(struct virtio_blk_config, wce),
    .rw_len = 1,
    .notified = notified,
    .config_written = config_written,
    .reset = reset,
};

#define FEATURE(name) (1ull << VIRTIO_BLK_F_##name)

static uint64_t features(const struct virtio_blk *d)
{
    uint64_t all = FEATURE(SEG_MAX) | FEATURE(BLK_SIZE) | FEATURE(TOPOLOGY) | FEATURE(MQ) | FEATURE(FLUSH) |
                   FEATURE(CONFIG_WCE);
    if (d->port->read_only)
        return all | FEATURE(RO);
    return all | FEATURE(WRITE_ZEROES) | (d->port->max_discard_bytes ? FEATURE(DISCARD) : 0);
}

static void fill_config(struct virtio_blk *d, unsigned queues)
{
    d->config = (struct virtio_blk_config){
        .capacity = d->port->bytes / SECTOR,
        .seg_max = SEGMENTS_MAX,
        .blk_size = SECTOR,
        .physical_block_exp = 3, /* 4 KiB: smaller writes cost more */
        .min_io_size = 8,
        .wce = 1,
        .num_queues = (uint16_t)queues,
        .max_discard_sectors = d->port->max_discard_bytes / SECTOR,
        .max_discard_seg = RANGES_MAX,
        .discard_sector_alignment = 8,
        .max_write_zeroes_sectors = ZEROES_MAX,
        .max_write_zeroes_seg = RANGES_MAX,
        .write_zeroes_may_unmap = 1,
    };
}

int virtio_blk_new(const struct virtio_board *b, struct disk_port *port, const char *serial, unsigned queues,
                   struct virtio_blk **ret, struct err *e)
{
    OWN(virtio_blk) d = calloc(1, sizeof(*d));
    if (!d)
        return err_code(e, -ENOMEM, "disk");
    queues = queues == 0 ? 1 : queues > QUEUES_MAX ? QUEUES_MAX : queues;
    d->port = port;
    memcpy(d->serial, serial, strnlen(serial, sizeof(d->serial)));
    fill_config(d, queues);
    int rc = virtio_new(b, &type, features(d), queues, &d->config, sizeof(d->config), d, &d->virtio, e);
    if (rc < 0)
        return rc;
    *ret = take(d);
    return 0;
}

void virtio_blk_free(struct virtio_blk *d)
{
    if (!d)
        return;
    if (d->in_flight && d->port->drain)
        d->port->drain(d->port->ctx);
    BUG_ON(d->in_flight);
    virtio_free(d->virtio);
    free(d);
}

const struct virtio_stats *virtio_blk_stats(const struct virtio_blk *d)
{
    return virtio_stats(d->virtio);
}
