// SPDX-License-Identifier: GPL-2.0-or-later
/* The virtio disk, over a disk in memory that answers when the test lets it. */
#include "dev/virtio_blk.h"

#include <linux/virtio_blk.h>

#include "unit.h"
#include "virtio_driver.h"

#define SECTORS 64u

struct fixture {
    struct driver *d;
    struct disk_port port;
    struct virtio_blk *blk;
    uint8_t disk[SECTORS * 512];
    struct disk_req *submitted[64];
    unsigned nr;
    unsigned by_op[DISK_WRITE_ZEROES + 1];
    bool unmap;
    int status;         /* of all requests */
    uint64_t status_at; /* of the last request that the driver made */
};

static void submit(void *ctx, struct disk_req *req)
{
    struct fixture *f = ctx;
    f->submitted[f->nr++] = req;
    f->by_op[req->op]++;
}

static void transfer(struct fixture *f, const struct disk_req *r)
{
    uint8_t *at = f->disk + r->offset;
    uint64_t sum = 0;
    for (unsigned i = 0; i < r->nr_iov; i++) {
        if (r->op == DISK_READ)
            memcpy(r->iov[i].iov_base, at, r->iov[i].iov_len);
        else
            memcpy(at, r->iov[i].iov_base, r->iov[i].iov_len);
        at += r->iov[i].iov_len;
        sum += r->iov[i].iov_len;
    }
    assert_int_equal(sum, r->bytes);
}

static void finish(struct fixture *f, unsigned i)
{
    struct disk_req *r = f->submitted[i];
    memmove(&f->submitted[i], &f->submitted[i + 1], (--f->nr - i) * sizeof(f->submitted[0]));
    assert_true(r->offset + r->bytes <= sizeof(f->disk));
    if (f->status == 0 && r->op <= DISK_WRITE)
        transfer(f, r);
    if (f->status == 0 && (r->op == DISK_DISCARD || r->op == DISK_WRITE_ZEROES))
        memset(f->disk + r->offset, 0, r->bytes);
    f->unmap = r->unmap;
    r->done(r, f->status);
}

static void finish_all(struct fixture *f)
{
    while (f->nr)
        finish(f, 0);
}

static void drain(void *ctx)
{
    finish_all(ctx);
}

static struct fixture *make(bool read_only, uint32_t max_discard, unsigned queues)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e;
    f->d = driver_new();
    f->port = (struct disk_port){.submit = submit,
                                 .drain = drain,
                                 .ctx = f,
                                 .bytes = sizeof(f->disk),
                                 .read_only = read_only,
                                 .max_discard_bytes = max_discard};
    for (unsigned i = 0; i < sizeof(f->disk); i++)
        f->disk[i] = (uint8_t)(i * 7 + i / 512);
    assert_int_equal(virtio_blk_new(&f->d->board, &f->port, "serial-of-20-letters", queues, &f->blk, &e), 0);
    return f;
}

static int set_up(void **state)
{
    *state = make(false, 1 << 20, 2);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    virtio_blk_free(f->blk);
    driver_free(f->d);
    free(f);
    return 0;
}

#define ALL                                                                                                  \
    (DRIVER_FEATURES | 1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_MQ | 1ull << VIRTIO_BLK_F_DISCARD | \
     1ull << VIRTIO_BLK_F_WRITE_ZEROES | 1ull << VIRTIO_BLK_F_CONFIG_WCE)

/* Offer a request; its data in up to two pieces. */
static void request(struct fixture *f, unsigned q, uint32_t type, uint64_t sector, const struct piece *data,
                    unsigned nr)
{
    struct virtio_blk_outhdr h = {.type = type, .sector = sector};
    struct piece p[8] = {{driver_put(f->d, &h, sizeof(h)), sizeof(h), false}};
    for (unsigned i = 0; i < nr; i++)
        p[i + 1] = data[i];
    f->status_at = driver_put(f->d, "\xee", 1);
    p[nr + 1] = (struct piece){f->status_at, 1, true};
    driver_add(f->d, q, p, nr + 2);
    driver_kick(f->d, q);
}

static unsigned status(struct fixture *f)
{
    return *(uint8_t *)driver_at(f->d, f->status_at);
}

static unsigned run(struct fixture *f, uint32_t type, uint64_t sector, const struct piece *data, unsigned nr)
{
    request(f, 0, type, sector, data, nr);
    finish_all(f);
    assert_true(driver_used(f->d, 0, NULL, NULL));
    return status(f);
}

static void the_driver_sees_size_and_limits(void **state)
{
    struct fixture *f = *state;
    driver_probe(f->d);
    assert_int_equal(driver_pci_read(f->d, 2, 2), 0x1042);
    assert_int_equal(bus_read(f->d->mem, f->d->config, 8), SECTORS);
    assert_int_equal(bus_read(f->d->mem, f->d->config + offsetof(struct virtio_blk_config, num_queues), 2),
                     2);
    assert_int_equal(bus_read(f->d->mem, f->d->config + offsetof(struct virtio_blk_config, blk_size), 4),
                     512);
    assert_int_equal(driver_offered(f->d) & ALL, ALL);
}

static void reads_and_writes_move_the_bytes(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    uint64_t at = driver_alloc(f->d, 4096);
    const struct piece in[] = {{at, 100, true}, {at + 100, 924, true}};
    uint32_t len;
    request(f, 0, VIRTIO_BLK_T_IN, 3, in, 2);
    finish_all(f);
    assert_true(driver_used(f->d, 0, NULL, &len));
    assert_int_equal(len, 1025);
    assert_int_equal(status(f), VIRTIO_BLK_S_OK);
    assert_memory_equal(driver_at(f->d, at), f->disk + 3 * 512, 1024);
    const struct piece out[] = {{at, 512, false}};
    memset(driver_at(f->d, at), 0x5a, 512);
    assert_int_equal(run(f, VIRTIO_BLK_T_OUT, SECTORS - 1, out, 1), VIRTIO_BLK_S_OK);
    assert_memory_equal(f->disk + (SECTORS - 1) * 512, driver_at(f->d, at), 512);
    assert_int_equal(f->d->msis[1], 2);
    const struct virtio_stats *s = virtio_blk_stats(f->blk);
    assert_int_equal(s->notifications, 2);
    assert_int_equal(s->interrupts, 2);
    assert_int_equal(s->in_ops, 1);
    assert_int_equal(s->in_bytes, 1024);
    assert_int_equal(s->out_ops, 1);
    assert_int_equal(s->out_bytes, 512);
}

static void header_and_status_may_be_cut_in_any_way(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    struct {
        struct virtio_blk_outhdr h;
        uint8_t data[512];
    } out = {{.type = VIRTIO_BLK_T_OUT, .sector = 5}, {1, 2, 3}};
    uint64_t at = driver_put(f->d, &out, sizeof(out)), st = driver_put(f->d, "\xee", 1);
    const struct piece p[] = {{at, 7, false}, {at + 7, sizeof(out) - 7, false}, {st, 1, true}};
    driver_add_indirect(f->d, 0, p, 3);
    driver_kick(f->d, 0);
    finish_all(f);
    assert_memory_equal(f->disk + 5 * 512, out.data, 512);
    struct virtio_blk_outhdr h = {.type = VIRTIO_BLK_T_IN, .sector = 5};
    uint64_t to = driver_alloc(f->d, 513);
    const struct piece q[] = {{driver_put(f->d, &h, sizeof(h)), sizeof(h), false}, {to, 513, true}};
    driver_add(f->d, 0, q, 2);
    driver_kick(f->d, 0);
    finish_all(f);
    assert_memory_equal(driver_at(f->d, to), out.data, 512);
    assert_int_equal(*(uint8_t *)driver_at(f->d, to + 512), VIRTIO_BLK_S_OK);
}

static void requests_finish_in_any_order_on_every_queue(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    uint64_t at = driver_alloc(f->d, 4 * 512);
    uint16_t head;
    for (unsigned i = 0; i < 4; i++) {
        const struct piece in = {at + 512 * i, 512, true};
        request(f, i % 2, VIRTIO_BLK_T_IN, i, &in, 1);
    }
    assert_int_equal(f->nr, 4);
    finish(f, 3);
    assert_false(driver_used(f->d, 0, NULL, NULL));
    assert_true(driver_used(f->d, 1, &head, NULL));
    assert_int_equal(head, 3);
    finish(f, 2);
    assert_true(driver_used(f->d, 0, &head, NULL));
    assert_int_equal(head, 3);
    finish_all(f);
    assert_memory_equal(driver_at(f->d, at), f->disk, 4 * 512);
}

static void flush_discard_and_write_zeroes_reach_the_disk(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    assert_int_equal(run(f, VIRTIO_BLK_T_FLUSH, 0, NULL, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(f->by_op[DISK_FLUSH], 1);
    struct virtio_blk_discard_write_zeroes z[] = {{.sector = 2, .num_sectors = 1},
                                                  {.sector = 8, .num_sectors = 4}};
    const struct piece two = {driver_put(f->d, z, sizeof(z)), sizeof(z), false};
    assert_int_equal(run(f, VIRTIO_BLK_T_DISCARD, 0, &two, 1), VIRTIO_BLK_S_OK);
    assert_int_equal(f->by_op[DISK_DISCARD], 2);
    z[0].sector = 20;
    z[0].flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
    const struct piece one = {driver_put(f->d, z, sizeof(z[0])), sizeof(z[0]), false};
    assert_int_equal(run(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, &one, 1), VIRTIO_BLK_S_OK);
    assert_true(f->unmap);
    static const uint8_t zero[512];
    assert_memory_equal(f->disk + 2 * 512, zero, 512);
    assert_memory_equal(f->disk + 11 * 512, zero, 512);
    assert_memory_equal(f->disk + 20 * 512, zero, 512);
    assert_int_not_equal(f->disk[7 * 512 + 1], 0);
    assert_int_not_equal(f->disk[12 * 512 + 1], 0);
}

static void the_disk_tells_its_serial_number(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    const struct piece id = {driver_alloc(f->d, 20), 20, true};
    assert_int_equal(run(f, VIRTIO_BLK_T_GET_ID, 0, &id, 1), VIRTIO_BLK_S_OK);
    assert_memory_equal(driver_at(f->d, id.at), "serial-of-20-letters", 20);
    const struct piece some = {driver_alloc(f->d, 20), 6, true};
    assert_int_equal(run(f, VIRTIO_BLK_T_GET_ID, 0, &some, 1), VIRTIO_BLK_S_OK);
    assert_memory_equal(driver_at(f->d, some.at), "serial\0\0", 8);
}

static void requests_that_make_no_sense_fail_alone(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    uint64_t at = driver_alloc(f->d, 4096);
    const struct piece in = {at, 1024, true}, odd = {at, 100, true}, out = {at, 512, false};
    struct virtio_blk_discard_write_zeroes z[] = {
        {.sector = SECTORS, .num_sectors = 1},
        {.sector = 0, .num_sectors = SECTORS + 1},
        {.sector = UINT64_MAX, .num_sectors = 2},
        {.sector = 0, .num_sectors = 1, .flags = 1},
        {.sector = 1ull << 55, .num_sectors = UINT32_MAX},
    };
    assert_int_equal(run(f, VIRTIO_BLK_T_IN, SECTORS - 1, &in, 1), VIRTIO_BLK_S_IOERR);
    assert_int_equal(run(f, VIRTIO_BLK_T_IN, UINT64_MAX, &in, 1), VIRTIO_BLK_S_IOERR);
    assert_int_equal(run(f, VIRTIO_BLK_T_IN, UINT64_MAX / 512 + 1, &in, 1), VIRTIO_BLK_S_IOERR);
    assert_int_equal(run(f, VIRTIO_BLK_T_IN, 0, &odd, 1), VIRTIO_BLK_S_IOERR);
    assert_int_equal(run(f, VIRTIO_BLK_T_OUT, SECTORS, &out, 1), VIRTIO_BLK_S_IOERR);
    assert_int_equal(run(f, 99, 0, &out, 1), VIRTIO_BLK_S_UNSUPP);
    assert_int_equal(run(f, VIRTIO_BLK_T_DISCARD, 0, &out, 1), VIRTIO_BLK_S_IOERR); /* 32 ranges */
    for (unsigned i = 0; i < 5; i++) {
        const struct piece p = {driver_put(f->d, &z[i], sizeof(z[i])), sizeof(z[i]), false};
        assert_int_equal(run(f, VIRTIO_BLK_T_DISCARD, 0, &p, 1),
                         i == 3 ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR);
    }
    assert_int_equal(f->by_op[DISK_READ] + f->by_op[DISK_WRITE] + f->by_op[DISK_DISCARD], 0);
    assert_int_equal(driver_status(f->d), 15);
    f->status = -EIO;
    assert_int_equal(run(f, VIRTIO_BLK_T_IN, 0, &in, 1), VIRTIO_BLK_S_IOERR);
}

static void a_request_without_header_or_status_needs_a_reset(void **state)
{
    struct fixture *f = *state;
    struct virtio_blk_outhdr h = {.type = VIRTIO_BLK_T_FLUSH};
    uint64_t at = driver_put(f->d, &h, sizeof(h));
    const struct piece no_status = {at, 16, false}, cut[] = {{at, 15, false}, {at, 1, true}};
    driver_start(f->d, ALL, 2);
    driver_add(f->d, 0, &no_status, 1);
    driver_kick(f->d, 0);
    assert_int_equal(driver_status(f->d), 15 | 0x40);
    driver_start(f->d, ALL, 2);
    driver_add(f->d, 1, cut, 2);
    driver_kick(f->d, 1);
    assert_int_equal(driver_status(f->d), 15 | 0x40);
    assert_int_equal(f->nr, 0);
}

static void no_more_requests_are_in_flight_than_the_queue_holds(void **state)
{
    struct fixture *f = *state;
    struct virtio_blk_outhdr h = {.type = VIRTIO_BLK_T_FLUSH};
    driver_start(f->d, ALL, 2);
    driver_queue(f->d, 1, 64);
    driver_reset(f->d);
    driver_start(f->d, ALL, 2);
    const struct piece p[] = {{driver_put(f->d, &h, sizeof(h)), sizeof(h), false},
                              {driver_alloc(f->d, 1), 1, true}};
    uint16_t head = driver_add(f->d, 0, p, 2);
    for (unsigned i = 1; i < 64; i++) {
        driver_offer(f->d, 0, head);
        driver_kick(f->d, 0);
    }
    assert_int_equal(f->nr, 64);
    driver_offer(f->d, 0, head);
    driver_kick(f->d, 0);
    assert_int_equal(f->nr, 64);
    assert_int_equal(driver_status(f->d), 15 | 0x40);
    finish_all(f);
}

static void a_reset_waits_for_requests_in_flight(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    const struct piece in = {driver_alloc(f->d, 512), 512, true};
    request(f, 0, VIRTIO_BLK_T_IN, 1, &in, 1);
    request(f, 1, VIRTIO_BLK_T_IN, 2, &in, 1);
    struct driver_queue before = f->d->queues[0];
    driver_reset(f->d);
    finish(f, 0);
    assert_int_not_equal(driver_status(f->d), 0);
    finish(f, 0);
    assert_int_equal(driver_status(f->d), 0);
    f->d->queues[0] = before;
    assert_false(driver_used(f->d, 0, NULL, NULL));
    assert_int_equal(status(f), 0xee);
    driver_start(f->d, ALL, 2);
    assert_int_equal(run(f, VIRTIO_BLK_T_IN, 1, &in, 1), VIRTIO_BLK_S_OK);
}

static void a_reset_ends_a_request_after_the_step_it_is_in(void **state)
{
    struct fixture *f = *state;
    const struct piece out = {driver_alloc(f->d, 512), 512, false};
    driver_start(f->d, DRIVER_FEATURES, 2); /* no write cache: a flush would follow */
    request(f, 0, VIRTIO_BLK_T_OUT, 1, &out, 1);
    driver_reset(f->d);
    finish(f, 0);
    assert_int_equal(f->nr, 0);
    assert_int_equal(driver_status(f->d), 0);
}

static void taking_the_device_apart_waits_for_requests_in_flight(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    request(f, 0, VIRTIO_BLK_T_FLUSH, 0, NULL, 0);
    virtio_blk_free(take(f->blk));
    assert_int_equal(f->nr, 0);
}

static void without_a_write_cache_every_write_is_flushed(void **state)
{
    struct fixture *f = *state;
    const struct piece out = {driver_alloc(f->d, 512), 512, false};
    driver_start(f->d, DRIVER_FEATURES, 2); /* took neither FLUSH nor CONFIG_WCE */
    request(f, 0, VIRTIO_BLK_T_OUT, 1, &out, 1);
    finish(f, 0);
    assert_int_equal(status(f), 0xee);
    finish(f, 0);
    assert_int_equal(status(f), VIRTIO_BLK_S_OK);
    assert_int_equal(f->by_op[DISK_FLUSH], 1);
    assert_true(driver_used(f->d, 0, NULL, NULL));
    driver_start(f->d, ALL, 2);
    assert_int_equal(run(f, VIRTIO_BLK_T_OUT, 1, &out, 1), VIRTIO_BLK_S_OK);
    assert_int_equal(f->by_op[DISK_FLUSH], 1);
    bus_write(f->d->mem, f->d->config + offsetof(struct virtio_blk_config, wce), 1, 0);
    assert_int_equal(run(f, VIRTIO_BLK_T_OUT, 1, &out, 1), VIRTIO_BLK_S_OK);
    assert_int_equal(f->by_op[DISK_FLUSH], 2);
}

static void a_read_only_disk_refuses_writes(void **state)
{
    (void)state;
    struct fixture *f = make(true, 0, 99);
    void *p = f;
    driver_start(f->d, DRIVER_FEATURES | 1ull << VIRTIO_BLK_F_RO, 8);
    assert_int_equal(
        driver_offered(f->d) & (1ull << VIRTIO_BLK_F_DISCARD | 1ull << VIRTIO_BLK_F_WRITE_ZEROES), 0);
    const struct piece out = {driver_alloc(f->d, 512), 512, false};
    struct virtio_blk_discard_write_zeroes z = {.num_sectors = 1};
    const struct piece range = {driver_put(f->d, &z, sizeof(z)), sizeof(z), false};
    assert_int_equal(run(f, VIRTIO_BLK_T_OUT, 1, &out, 1), VIRTIO_BLK_S_IOERR);
    assert_int_equal(run(f, VIRTIO_BLK_T_DISCARD, 0, &range, 1), VIRTIO_BLK_S_UNSUPP);
    assert_int_equal(run(f, VIRTIO_BLK_T_WRITE_ZEROES, 0, &range, 1), VIRTIO_BLK_S_UNSUPP);
    tear_down(&p);
}

static void watched(void *ctx, struct gpa page)
{
    (void)page;
    ++*(unsigned *)ctx;
}

static void pages_that_a_read_fills_are_told(void **state)
{
    struct fixture *f = *state;
    unsigned told = 0;
    driver_start(f->d, ALL, 2);
    const struct piece in = {driver_alloc(f->d, 8192), 8192, true};
    ram_watch(f->d->ram, watched, &told);
    ram_mark(f->d->ram, gpa(in.at + 4096), true);
    request(f, 0, VIRTIO_BLK_T_IN, 0, &in, 1);
    assert_int_equal(told, 0);
    finish_all(f);
    assert_int_equal(told, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_driver_sees_size_and_limits),
        TEST(reads_and_writes_move_the_bytes),
        TEST(header_and_status_may_be_cut_in_any_way),
        TEST(requests_finish_in_any_order_on_every_queue),
        TEST(flush_discard_and_write_zeroes_reach_the_disk),
        TEST(the_disk_tells_its_serial_number),
        TEST(requests_that_make_no_sense_fail_alone),
        TEST(a_request_without_header_or_status_needs_a_reset),
        TEST(no_more_requests_are_in_flight_than_the_queue_holds),
        TEST(a_reset_waits_for_requests_in_flight),
        TEST(a_reset_ends_a_request_after_the_step_it_is_in),
        TEST(taking_the_device_apart_waits_for_requests_in_flight),
        TEST(without_a_write_cache_every_write_is_flushed),
        cmocka_unit_test(a_read_only_disk_refuses_writes),
        TEST(pages_that_a_read_fills_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
