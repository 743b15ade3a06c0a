// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A guest that writes at random, into rings, buffers and registers, while the far ends do what far ends do.
 * Whatever happens, requests that reach a far end are sane, memory that no descriptor names stays as it was,
 * and after a reset the device works again. Deterministic; the sanitizers watch the rest.
 */
#include <linux/virtio_blk.h>
#include <linux/virtio_vsock.h>

#include "dev/virtio_balloon.h"
#include "dev/virtio_blk.h"
#include "dev/virtio_console.h"
#include "dev/virtio_net.h"
#include "dev/virtio_vsock.h"

#include "unit.h"
#include "virtio_driver.h"

#define ROUNDS   40
#define STEPS    2000
#define RINGS    0x10000u
#define HEAP     0x100000u
#define HEAP_LEN 0x10000u
#define CANARY   (16u << 20) /* half of RAM on from here is never named */
#define DISK     (64u << 10)
#define STREAMS  4

struct fuzz {
    struct driver *d;
    uint64_t seed;
    unsigned nr_queues;
    uint64_t features;
    /* far ends */
    struct disk_port disk;
    struct disk_req *requests[2048];
    unsigned nr_requests, done, used, restarts;
    struct net_port net;
    struct char_port console;
    struct virtio_vsock *vsock;
    struct virtio_balloon *balloon;
    struct vsock_stream *streams[STREAMS];
};

static uint32_t rnd(struct fuzz *f, uint32_t below)
{
    f->seed ^= f->seed << 13;
    f->seed ^= f->seed >> 7;
    f->seed ^= f->seed << 17;
    return (uint32_t)(f->seed >> 20) % below;
}

/* ---- far ends ---- */

static void check_memory(struct fuzz *f, const struct iovec *iov, unsigned nr)
{
    const uint8_t *ram = driver_at(f->d, 0);
    for (unsigned i = 0; i < nr; i++) {
        const uint8_t *p = iov[i].iov_base;
        assert_true(p >= ram && p + iov[i].iov_len <= ram + DRIVER_RAM);
    }
}

static void submit(void *ctx, struct disk_req *r)
{
    struct fuzz *f = ctx;
    assert_true(r->offset <= DISK && r->bytes <= DISK - r->offset);
    check_memory(f, r->iov, r->nr_iov);
    assert_true(f->nr_requests < 2048);
    f->requests[f->nr_requests++] = r;
}

static void finish(struct fuzz *f)
{
    if (f->nr_requests == 0)
        return;
    unsigned i = rnd(f, f->nr_requests);
    struct disk_req *r = f->requests[i];
    f->requests[i] = f->requests[--f->nr_requests];
    if (r->op == DISK_READ)
        for (unsigned n = 0; n < r->nr_iov; n++)
            memset(r->iov[n].iov_base, 0x77, r->iov[n].iov_len);
    r->done(r, rnd(f, 4) ? 0 : -EIO);
    f->done++;
}

static void drain(void *ctx)
{
    struct fuzz *f = ctx;
    while (f->nr_requests)
        finish(f);
}

static void net_send(void *ctx, const struct iovec *frame, unsigned nr)
{
    assert_int_equal(frame[0].iov_len, 12);
    check_memory(ctx, frame + 1, nr - 1);
    ((struct fuzz *)ctx)->done++;
}

static size_t console_write(void *ctx, const void *buf, size_t len)
{
    (void)buf;
    ((struct fuzz *)ctx)->done++;
    return rnd(ctx, 3) ? len : rnd(ctx, (uint32_t)len + 1);
}

static void discard(void *ctx, uint64_t at, uint64_t len)
{
    assert_true(len && at % RAM_PAGE == 0 && len % RAM_PAGE == 0 && at + len <= DRIVER_RAM);
    ((struct fuzz *)ctx)->done++;
}

/* ---- vsock's owner: a slot of streams */

static void on_event(void *ctx)
{
    (void)ctx;
}

static size_t on_receive(void *ctx, const void *buf, size_t len)
{
    (void)ctx, (void)buf;
    return len / 2;
}

static void on_closed(void *ctx, bool reset)
{
    (void)reset;
    *(struct vsock_stream **)ctx = NULL;
}

static const struct vsock_stream_ops stream_ops = {on_event, on_receive, on_event, on_event, on_closed};

static void poke_stream(struct fuzz *f)
{
    static const char data[5000];
    struct vsock_stream **s = &f->streams[rnd(f, STREAMS)];
    struct err e;
    if (!*s) {
        if (virtio_vsock_connect(f->vsock, 1 + rnd(f, 4), &stream_ops, s, s, &e) < 0)
            *s = NULL;
        return;
    }
    switch (rnd(f, 6)) {
    case 0:
        vsock_stream_shutdown(*s);
        break;
    case 1:
        vsock_stream_close(*s);
        *s = NULL;
        break;
    case 2:
        vsock_stream_more(*s);
        break;
    default:
        vsock_stream_write(*s, data, rnd(f, sizeof(data)));
        f->done++;
    }
}

static void poke_far_end(struct fuzz *f)
{
    static const uint8_t frame[1600];
    finish(f);
    if (f->net.receive)
        f->net.receive(f->net.dev, frame, rnd(f, sizeof(frame)));
    if (f->console.receive) {
        f->console.receive(f->console.dev, frame, rnd(f, 100));
        f->console.drained(f->console.dev);
        f->console.resize(f->console.dev, rnd(f, 300), rnd(f, 300));
    }
    if (f->vsock)
        poke_stream(f);
    if (f->balloon)
        virtio_balloon_ask(f->balloon, rnd(f, 1 << 20));
    fake_clock_advance(f->d->clock, 2000);
}

/* ---- the guest ---- */

static uint64_t some_address(struct fuzz *f)
{
    static const uint64_t edges[] = {DRIVER_RAM, DRIVER_RAM + 1, UINT64_MAX, 1ull << 32, 0xc0000000};
    switch (rnd(f, 40)) {
    case 0:
        return edges[rnd(f, 5)];
    case 1:
        return RINGS + rnd(f, 0x8000);
    default:
        return HEAP + rnd(f, HEAP_LEN);
    }
}

static void write_desc(struct fuzz *f)
{
    static const uint32_t lens[] = {1, 8, 12, 16, 44, 48, 64, 100, 512, 512, 1526, 4096, 4096};
    unsigned q = rnd(f, f->nr_queues);
    uint32_t len = rnd(f, 60) ? lens[rnd(f, 13)] : rnd(f, 3) ? 0 : UINT32_MAX;
    uint16_t flags = (uint16_t)(rnd(f, 12) ? rnd(f, 4) : rnd(f, 8));
    driver_desc(f->d, q, rnd(f, 64), some_address(f), len, flags, (uint16_t)rnd(f, rnd(f, 50) ? 64 : 70));
}

/* Something that one of the devices may take for a header; returns its length. */
static uint32_t write_header(struct fuzz *f, uint64_t at)
{
    struct virtio_blk_outhdr b = {.type = rnd(f, 4) ? rnd(f, 2) : rnd(f, 15), .sector = rnd(f, 140)};
    struct virtio_vsock_hdr v = {.src_cid = 3,
                                 .dst_cid = 2,
                                 .src_port = 1 + rnd(f, 4),
                                 .dst_port = 1024 + rnd(f, 200),
                                 .len = rnd(f, 3) ? 0 : rnd(f, 600),
                                 .type = rnd(f, 20) ? 1 : 2,
                                 .op = (uint16_t)rnd(f, 9),
                                 .flags = rnd(f, 4),
                                 .buf_alloc = rnd(f, 100000),
                                 .fwd_cnt = rnd(f, 100000)};
    if (f->vsock && rnd(f, 2)) { /* an answer to a real stream: ports are given in order */
        v.dst_port = 1025 + rnd(f, 8);
        v.op = VIRTIO_VSOCK_OP_RESPONSE;
    }
    if (f->vsock)
        memcpy(driver_at(f->d, at), &v, sizeof(v));
    else if (f->disk.submit)
        memcpy(driver_at(f->d, at), &b, sizeof(b));
    else
        memset(driver_at(f->d, at), 0, 12);
    return f->vsock ? sizeof(v) : f->disk.submit ? sizeof(b) : 12;
}

/* What a driver would offer, nearly. */
static void offer_chain(struct fuzz *f, unsigned q)
{
    static const uint32_t lens[] = {512, 512, 1024, 600, 1526, 4096, 44, 1};
    struct piece p[6];
    unsigned n = 0;
    bool rx = q == 0 && !f->disk.submit && !f->balloon;
    if (!rx || rnd(f, 200) == 0) {
        uint64_t at = HEAP + 4 * rnd(f, HEAP_LEN / 4);
        uint32_t len = write_header(f, at);
        p[n++] = (struct piece){at, len, false};
    }
    bool in = rx || (f->disk.submit && rnd(f, 2));
    for (unsigned more = rx ? 1 + rnd(f, 2) : rnd(f, 4); more > 0; more--)
        p[n++] = (struct piece){HEAP + rnd(f, HEAP_LEN), lens[rnd(f, rx ? 6 : 8)], in};
    if (f->disk.submit)
        p[n++] = (struct piece){HEAP + rnd(f, HEAP_LEN), 1, true};
    if (f->d->heap < HEAP + 8 * HEAP_LEN && rnd(f, 3) == 0)
        driver_add_indirect(f->d, q, p, n);
    else
        driver_add(f->d, q, p, n);
}

static void touch_registers(struct fuzz *f)
{
    unsigned size = 1u << rnd(f, 4);
    uint64_t off = rnd(f, 2) ? rnd(f, 0x40) : rnd(f, 0x4000);
    off -= off % size;
    if (rnd(f, 2))
        bus_read(f->d->mem, f->d->common + off, size);
    else if (off != 20 || rnd(f, 20)) /* a reset now and then */
        bus_write(f->d->mem, f->d->common + off, size, rnd(f, 3) ? rnd(f, 70) : f->seed);
}

static unsigned in_flight(struct fuzz *f, unsigned q)
{
    while (driver_used(f->d, q, NULL, NULL))
        f->used++;
    return (uint16_t)(f->d->queues[q].avail_idx - f->d->queues[q].used_idx);
}

static void step(struct fuzz *f)
{
    unsigned q = rnd(f, f->nr_queues);
    bool queue_there = f->d->queues[q].size != 0;
    switch (rnd(f, 200)) {
    case 0:
        touch_registers(f);
        break;
    case 1:
        memset(driver_at(f->d, RINGS + rnd(f, 0x8000)), (int)rnd(f, 256), rnd(f, 16) + 1);
        break;
    case 2:
        if (queue_there)
            driver_offer(f->d, q, (uint16_t)rnd(f, 66));
        break;
    case 3 ... 5:
        write_desc(f);
        break;
    case 6 ... 80:
        poke_far_end(f);
        break;
    case 81 ... 140:
        driver_kick(f->d, q);
        break;
    default:
        if (queue_there && in_flight(f, q) < 20)
            offer_chain(f, q);
    }
}

static void restart(struct fuzz *f)
{
    f->restarts++;
    f->d->heap = HEAP + HEAP_LEN;
    driver_write(f->d, 20, 1, 0);
    drain(f);
    driver_start(f->d, f->features, f->nr_queues);
}

static void run(struct fuzz *f, unsigned nr_queues)
{
    f->nr_queues = nr_queues;
    driver_probe(f->d);
    f->features = driver_offered(f->d);
    uint8_t *canary = driver_at(f->d, CANARY);
    memset(canary, 0x33, 4096);
    memset(driver_at(f->d, DRIVER_RAM - 4096), 0x33, 4096);
    for (unsigned round = 0; round < ROUNDS; round++) {
        restart(f);
        for (unsigned i = 0; i < STEPS; i++) {
            step(f);
            if (driver_status(f->d) != 15)
                restart(f);
        }
    }
    for (unsigned i = 0; i < 4096; i++)
        assert_true(canary[i] == 0x33 && canary[DRIVER_RAM - CANARY - 4096 + i] == 0x33);
    /* it did get through, both ways */
    assert_in_range(f->done, 500, UINT32_MAX);
    assert_in_range(f->used, 500, UINT32_MAX);
    assert_in_range(f->restarts, ROUNDS + 20, UINT32_MAX);
}

static struct fuzz *fuzz_new(uint64_t seed)
{
    struct fuzz *f = calloc(1, sizeof(*f));
    f->d = driver_new();
    f->seed = seed;
    return f;
}

static void fuzz_free(struct fuzz *f)
{
    driver_free(f->d);
    free(f);
}

static void a_disk_survives(void **state)
{
    struct fuzz *f = fuzz_new(0x1234567);
    struct virtio_blk *blk;
    struct err e;
    (void)state;
    f->disk = (struct disk_port){submit, drain, f, DISK, false, DISK};
    assert_int_equal(virtio_blk_new(&f->d->board, &f->disk, "fuzz", 2, &blk, &e), 0);
    run(f, 2);
    virtio_blk_free(blk);
    fuzz_free(f);
}

static void a_network_card_survives(void **state)
{
    static const uint8_t mac[6] = {2};
    struct fuzz *f = fuzz_new(0x2345671);
    struct virtio_net *net;
    struct err e;
    (void)state;
    f->net = (struct net_port){.send = net_send, .ctx = f, .csum_ok = true, .tso_ok = true};
    assert_int_equal(virtio_net_new(&f->d->board, &f->net, mac, &net, &e), 0);
    run(f, 2);
    virtio_net_free(net);
    fuzz_free(f);
}

static void a_console_survives(void **state)
{
    struct fuzz *f = fuzz_new(0x3456712);
    struct virtio_console *console;
    struct err e;
    (void)state;
    f->console = (struct char_port){.write = console_write, .ctx = f};
    assert_int_equal(virtio_console_new(&f->d->board, &f->console, &console, &e), 0);
    run(f, 2);
    virtio_console_free(console);
    fuzz_free(f);
}

static void a_balloon_survives(void **state)
{
    struct fuzz *f = fuzz_new(0x4567123);
    const struct balloon_port port = {discard, f};
    struct err e;
    (void)state;
    assert_int_equal(virtio_balloon_new(&f->d->board, &port, &f->balloon, &e), 0);
    run(f, 3);
    virtio_balloon_free(f->balloon);
    fuzz_free(f);
}

static void a_vsock_survives(void **state)
{
    struct fuzz *f = fuzz_new(0x5671234);
    struct err e;
    (void)state;
    assert_int_equal(virtio_vsock_new(&f->d->board, 3, &f->vsock, &e), 0);
    run(f, 3);
    virtio_vsock_free(f->vsock);
    for (unsigned i = 0; i < STREAMS; i++)
        assert_null(f->streams[i]);
    fuzz_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_disk_survives),    cmocka_unit_test(a_network_card_survives),
        cmocka_unit_test(a_console_survives), cmocka_unit_test(a_balloon_survives),
        cmocka_unit_test(a_vsock_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
