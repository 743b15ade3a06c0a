// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * disk: which files, put together, behind threads and a port.
 *
 * A request that fails on the host (no space left, I/O error) fails with that errno; the guest sees an I/O
 * error, and the operator a line at most once a second.
 */
#include "host/disk.h"

#include <string.h>
#include <sys/epoll.h>

#include "host/disk_fork.h"
#include "host/disk_impl.h"
#include "host/disk_layer.h"

#define WORKERS     4
#define MAX_DISCARD (1u << 30)

/* ---- requests ---- */

static bool changes(enum disk_op op)
{
    return op != DISK_READ && op != DISK_FLUSH;
}

static int carry_out(void *ctx, struct work *work)
{
    struct disk *d = ctx;
    const struct disk_req *r = (const struct disk_req *)work;
    const struct disk_back_ops *ops = d->back.ops;
    struct iov_part part = {r->iov, r->nr_iov, 0, r->bytes};
    if (r->op != DISK_FLUSH && (r->offset > d->back.bytes || r->bytes > d->back.bytes - r->offset))
        return -EINVAL;
    if (changes(r->op) && d->back.read_only)
        return -EROFS;
    if (r->bytes == 0 && r->op != DISK_FLUSH)
        return 0;
    switch (r->op) {
    case DISK_READ:
        return ops->read(d->back.obj, part, r->offset);
    case DISK_WRITE:
        return ops->write(d->back.obj, part, r->offset);
    case DISK_FLUSH:
        return d->back.read_only ? 0 : ops->flush(d->back.obj);
    case DISK_DISCARD:
        return ops->discard(d->back.obj, r->offset, r->bytes);
    case DISK_WRITE_ZEROES:
        return ops->zeroes(d->back.obj, r->offset, r->bytes, r->unmap);
    }
    return -EOPNOTSUPP;
}

static const char *op_name(enum disk_op op)
{
    static const char *const names[] = {"read", "write", "flush", "discard", "write zeroes"};
    return (unsigned)op < sizeof(names) / sizeof(names[0]) ? names[op] : "request";
}

static void deliver(void *ctx, struct work *work, int status)
{
    struct disk *d = ctx;
    struct disk_req *r = (struct disk_req *)work;
    if (status < 0)
        log_guest(&d->limit, "disk %s: %s of %llu bytes at %llu: %s", d->name, op_name(r->op),
                  (unsigned long long)r->bytes, (unsigned long long)r->offset, strerror(-status));
    r->done(r, status);
}

static void on_results(void *ctx, int fd, uint32_t events)
{
    struct disk *d = ctx;
    (void)fd, (void)events;
    workers_results(d->workers, deliver);
}

static void submit(void *ctx, struct disk_req *r)
{
    struct disk *d = ctx;
    workers_submit(d->workers, &r->work);
}

static void drain(void *ctx)
{
    struct disk *d = ctx;
    workers_settle(d->workers, deliver);
}

void disk_settle(struct disk *d)
{
    drain(d);
}

int disk_watch(struct disk *d, struct err *e)
{
    return loop_watch(d->loop, workers_fd(d->workers), EPOLLIN, on_results, d, e);
}

/* ---- open ---- */

static int open_layer(const struct disk_config *c, struct disk_back *ret, struct err *e)
{
    OWN(disk_raw) base = NULL;
    int rc = c->base ? disk_raw_open(c->base, false, &base, e) : 0;
    if (rc < 0)
        return rc;
    struct disk_layer_config l = {c->top, c->base, c->bytes, c->read_only};
    rc = disk_layer_open(&l, base, ret, e);
    if (rc == 0)
        base = NULL; /* the layer's now */
    return rc;
}

static int raw_size(const struct disk_config *c, uint64_t has, uint64_t *ret, struct err *e)
{
    uint64_t bytes = c->bytes ? c->bytes : (has + 511) / 512 * 512;
    if (bytes % 512)
        return err_set(e, -EINVAL, "a disk of %llu bytes is not a whole number of 512-byte sectors",
                       (unsigned long long)bytes);
    if (bytes < has || (c->direct && bytes != has))
        return err_set(e, -EINVAL, "%s: has %llu bytes, not the %llu asked for", c->base,
                       (unsigned long long)has, (unsigned long long)bytes);
    *ret = bytes;
    return 0;
}

static int open_raw(const struct disk_config *c, struct disk_back *ret, struct err *e)
{
    OWN(disk_raw) raw = NULL;
    bool read_only = !c->direct || c->read_only;
    uint64_t bytes = 0;
    int rc = disk_raw_open(c->base, !read_only, &raw, e);
    if (rc == 0)
        rc = raw_size(c, disk_raw_bytes(raw), &bytes, e);
    if (rc < 0)
        return rc;
    disk_raw_back(take(raw), bytes, read_only, ret);
    return 0;
}

static int open_back(const struct disk_config *c, struct disk_back *ret, struct err *e)
{
    if (c->top && c->direct)
        return err_set(e, -EINVAL, "%s: either a top layer or written in place", c->top);
    if (c->top)
        return open_layer(c, ret, e);
    if (!c->base)
        return err_set(e, -EINVAL, "a disk needs a file");
    return open_raw(c, ret, e);
}

int disk_open(const struct disk_config *c, struct loop *loop, struct disk **ret, struct err *e)
{
    OWN(disk) d = calloc(1, sizeof(*d));
    if (!d)
        return err_code(e, -ENOMEM, "disk");
    d->loop = loop;
    int rc = open_back(c, &d->back, e);
    if (rc < 0)
        return rc;
    d->name = strdup(c->top ? c->top : c->base);
    if (!d->name)
        return err_code(e, -ENOMEM, "disk");
    rc = workers_new("disk", WORKERS, carry_out, d, &d->workers, e);
    if (rc == 0)
        rc = disk_watch(d, e);
    if (rc < 0)
        return err_wrap(e, "disk %s", d->name);
    d->watched = true;
    d->port = (struct disk_port){.submit = submit,
                                 .drain = drain,
                                 .ctx = d,
                                 .bytes = d->back.bytes,
                                 .read_only = d->back.read_only,
                                 .max_discard_bytes = d->back.read_only ? 0 : MAX_DISCARD};
    *ret = take(d);
    return 0;
}

struct disk_port *disk_port(struct disk *d)
{
    return &d->port;
}

/* ---- close ---- */

static void last_flush(struct disk *d)
{
    if (d->back.read_only)
        return;
    int rc = d->back.ops->flush(d->back.obj);
    if (rc < 0)
        log_warn("disk %s: its last writes are lost: %s", d->name ? d->name : "?", strerror(-rc));
}

void disk_close(struct disk *d)
{
    if (!d)
        return;
    if (d->watched)
        loop_unwatch(d->loop, workers_fd(d->workers));
    if (d->workers)
        workers_drain(d->workers, deliver);
    if (d->back.ops) {
        last_flush(d);
        d->back.ops->close(d->back.obj);
    }
    workers_free(d->workers);
    free(d->name);
    free(d);
}
