// SPDX-License-Identifier: GPL-2.0-or-later
/* The network card, between a fake far end and a driver. */
#include "dev/virtio_net.h"

#include <linux/virtio_net.h>

#include "unit.h"
#include "virtio_driver.h"

#define HEADER 12
enum { RX, TX };

struct fixture {
    struct driver *d;
    struct net_port port;
    struct virtio_net *n;
    unsigned sent, writable;
    struct virtio_net_hdr_v1 h; /* of the last frame sent */
    uint8_t frame[70000];
    size_t len;
};

static void on_send(void *ctx, const struct iovec *iov, unsigned nr)
{
    struct fixture *f = ctx;
    f->sent++;
    f->len = 0;
    assert_int_equal(iov[0].iov_len, HEADER);
    memcpy(&f->h, iov[0].iov_base, HEADER);
    for (unsigned i = 1; i < nr; i++) {
        memcpy(f->frame + f->len, iov[i].iov_base, iov[i].iov_len);
        f->len += iov[i].iov_len;
    }
}

static void on_writable(void *ctx)
{
    ((struct fixture *)ctx)->writable++;
}

static const uint8_t mac[6] = {0x52, 0x54, 0, 1, 2, 3};

static struct fixture *make(bool csum, bool tso)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e;
    f->d = driver_new();
    f->port =
        (struct net_port){.send = on_send, .writable = on_writable, .ctx = f, .csum_ok = csum, .tso_ok = tso};
    assert_int_equal(virtio_net_new(&f->d->board, &f->port, mac, &f->n, &e), 0);
    return f;
}

static int set_up(void **state)
{
    *state = make(true, true);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    virtio_net_free(f->n);
    driver_free(f->d);
    free(f);
    return 0;
}

#define BIT(name)  (1ull << VIRTIO_NET_F_##name)
#define OFFLOADS   (BIT(CSUM) | BIT(HOST_TSO4) | BIT(HOST_TSO6))
#define ALL        (DRIVER_FEATURES | BIT(MAC) | BIT(STATUS) | BIT(MRG_RXBUF) | OFFLOADS)
#define NOT_MERGED (ALL & ~BIT(MRG_RXBUF))

static void send(struct fixture *f, struct virtio_net_hdr_v1 h, const uint8_t *frame, uint32_t len)
{
    const struct piece p[] = {{driver_put(f->d, &h, sizeof(h)), sizeof(h), false},
                              {driver_put(f->d, frame, len), len, false}};
    driver_add(f->d, TX, p, 2);
    driver_kick(f->d, TX);
    assert_true(driver_used(f->d, TX, NULL, NULL));
}

static uint64_t give(struct fixture *f, uint32_t bytes)
{
    const struct piece p = {driver_alloc(f->d, bytes), bytes, true};
    driver_add(f->d, RX, &p, 1);
    return p.at;
}

static const uint8_t *pattern(void)
{
    static uint8_t p[70000]; /* a test's own */
    for (unsigned i = 0; i < sizeof(p); i++)
        p[i] = (uint8_t)(i * 13 >> 2);
    return p;
}

static void the_driver_sees_address_and_link(void **state)
{
    struct fixture *f = *state;
    driver_probe(f->d);
    assert_int_equal(driver_offered(f->d) & ALL, ALL);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(bus_read(f->d->mem, f->d->config + i, 1), mac[i]);
    assert_int_equal(bus_read(f->d->mem, f->d->config + 6, 2), 1);
}

static void offloads_are_those_of_the_far_end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct fixture *f = make(i & 1, i & 2);
        void *p = f;
        driver_probe(f->d);
        uint64_t want = i == 0 || i == 2 ? 0 : i == 1 ? BIT(CSUM) : OFFLOADS;
        assert_int_equal(driver_offered(f->d) & OFFLOADS, want);
        tear_down(&p);
    }
}

static void frames_leave_with_their_header_apart(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    send(f, (struct virtio_net_hdr_v1){0}, pattern(), 60);
    assert_int_equal(f->len, 60);
    assert_memory_equal(f->frame, pattern(), 60);
    /* header and frame in one piece that is cut within the header */
    uint8_t all[HEADER + 50] = {0};
    memcpy(all + HEADER, pattern(), 50);
    uint64_t at = driver_put(f->d, all, sizeof(all));
    const struct piece p[] = {{at, 5, false}, {at + 5, HEADER + 45, false}};
    driver_add_indirect(f->d, TX, p, 2);
    driver_kick(f->d, TX);
    assert_int_equal(f->sent, 2);
    assert_memory_equal(f->frame, pattern(), 50);
    assert_int_equal(virtio_net_stats(f->n)->out_ops, 2);
    assert_int_equal(virtio_net_stats(f->n)->out_bytes, 110);
    assert_int_equal(virtio_net_stats(f->n)->in_ops, 0);
}

static void offloads_pass_as_the_driver_wrote_them(void **state)
{
    struct fixture *f = *state;
    const struct virtio_net_hdr_v1 h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                        .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                        .gso_size = 1448,
                                        .csum_start = 34,
                                        .csum_offset = 16};
    driver_start(f->d, ALL, 2);
    send(f, h, pattern(), 60000);
    assert_int_equal(f->len, 60000);
    assert_int_equal(f->h.gso_size, 1448);
    assert_int_equal(f->h.csum_start, 34);
    assert_int_equal(f->h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
}

static void frames_with_a_wrong_header_are_dropped(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct virtio_net_hdr_v1 h;
        uint32_t len;
    } bad[] = {
        {{.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1}, 60}, /* without checksum */
        {{.flags = 1, .gso_type = VIRTIO_NET_HDR_GSO_TCPV4}, 60},    /* no size */
        {{.flags = 1, .gso_type = VIRTIO_NET_HDR_GSO_UDP, .gso_size = 1}, 60},
        {{.flags = 1, .gso_type = 0x81, .gso_size = 1}, 60},
        {{.flags = 1, .csum_start = 50, .csum_offset = 9}, 60},
        {{.flags = 1, .csum_start = 0xffff, .csum_offset = 0xffff}, 60},
        {{0}, 13},
        {{0}, 65536 + 14},
    };
    driver_start(f->d, ALL, 2);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        send(f, bad[i].h, pattern(), bad[i].len);
    const struct piece p = {driver_alloc(f->d, 11), 11, false};
    driver_add(f->d, TX, &p, 1);
    driver_kick(f->d, TX);
    assert_true(driver_used(f->d, TX, NULL, NULL));
    assert_int_equal(f->sent, 0);
    driver_start(f->d, DRIVER_FEATURES, 2); /* no offload negotiated */
    send(f, (struct virtio_net_hdr_v1){.flags = 1, .csum_start = 14}, pattern(), 60);
    assert_int_equal(f->sent, 0);
    assert_int_equal(virtio_net_stats(f->n)->out_ops, 0);
    assert_int_equal(driver_status(f->d), 15);
}

static void a_frame_arrives_in_one_buffer(void **state)
{
    struct fixture *f = *state;
    uint32_t len;
    driver_start(f->d, NOT_MERGED, 2);
    uint64_t at = give(f, 1526);
    assert_true(f->port.receive(f->port.dev, pattern(), 1514));
    assert_true(driver_used(f->d, RX, NULL, &len));
    assert_int_equal(len, 1526);
    static const uint8_t header[HEADER] = {[10] = 1};
    assert_memory_equal(driver_at(f->d, at), header, HEADER);
    assert_memory_equal(driver_at(f->d, at + HEADER), pattern(), 1514);
    assert_int_equal(virtio_net_stats(f->n)->in_bytes, 1514);
    assert_int_equal(f->d->msis[1], 1);
}

static void a_big_frame_is_spread_over_buffers_which_appear_at_once(void **state)
{
    struct fixture *f = *state;
    uint64_t at[3];
    uint32_t len;
    driver_start(f->d, ALL, 2);
    for (unsigned i = 0; i < 3; i++)
        at[i] = give(f, 512);
    assert_true(f->port.receive(f->port.dev, pattern(), 1200));
    assert_int_equal(f->d->msis[1], 1);
    assert_int_equal(*(uint16_t *)driver_at(f->d, at[0] + 10), 3);
    assert_true(driver_used(f->d, RX, NULL, &len));
    assert_int_equal(len, 512);
    assert_true(driver_used(f->d, RX, NULL, &len));
    assert_true(driver_used(f->d, RX, NULL, &len));
    assert_int_equal(len, HEADER + 1200 - 1024);
    assert_memory_equal(driver_at(f->d, at[0] + HEADER), pattern(), 500);
    assert_memory_equal(driver_at(f->d, at[1]), pattern() + 500, 512);
    assert_memory_equal(driver_at(f->d, at[2]), pattern() + 1012, 188);
}

static void a_frame_waits_until_there_are_enough_buffers(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    give(f, 512);
    assert_false(f->port.receive(f->port.dev, pattern(), 1000));
    assert_false(driver_used(f->d, RX, NULL, NULL));
    give(f, 512);
    assert_int_equal(f->writable, 0);
    driver_kick(f->d, RX);
    assert_int_equal(f->writable, 1);
    assert_true(f->port.receive(f->port.dev, pattern(), 1000));
    assert_true(driver_used(f->d, RX, NULL, NULL));
    assert_true(driver_used(f->d, RX, NULL, NULL));
    give(f, 512);
    driver_kick(f->d, RX);
    assert_int_equal(f->writable, 1);
}

static void frames_that_can_never_fit_are_lost(void **state)
{
    struct fixture *f = *state;
    assert_true(f->port.receive(f->port.dev, pattern(), 60)); /* no driver */
    driver_start(f->d, NOT_MERGED, 2);
    uint64_t at = give(f, 100);
    assert_true(f->port.receive(f->port.dev, pattern(), 89));
    assert_false(driver_used(f->d, RX, NULL, NULL));
    assert_true(f->port.receive(f->port.dev, pattern(), 88)); /* the buffer is still there */
    assert_memory_equal(driver_at(f->d, at + HEADER), pattern(), 88);
    assert_true(f->port.receive(f->port.dev, pattern(), 70000));
    driver_start(f->d, ALL, 2);
    for (unsigned i = 0; i < 64; i++)
        give(f, 12);
    assert_true(f->port.receive(f->port.dev, pattern(), 1514));
    assert_int_equal(driver_status(f->d), 15);
}

static void a_buffer_shorter_than_a_header_needs_a_reset(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    give(f, 11);
    assert_true(f->port.receive(f->port.dev, pattern(), 60));
    assert_int_equal(driver_status(f->d), 15 | 0x40);
}

static void a_reset_lets_the_far_end_drop_what_it_kept(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, ALL, 2);
    assert_false(f->port.receive(f->port.dev, pattern(), 60));
    driver_reset(f->d);
    assert_int_equal(f->writable, 1);
    assert_true(f->port.receive(f->port.dev, pattern(), 60));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_driver_sees_address_and_link),
        cmocka_unit_test(offloads_are_those_of_the_far_end),
        TEST(frames_leave_with_their_header_apart),
        TEST(offloads_pass_as_the_driver_wrote_them),
        TEST(frames_with_a_wrong_header_are_dropped),
        TEST(a_frame_arrives_in_one_buffer),
        TEST(a_big_frame_is_spread_over_buffers_which_appear_at_once),
        TEST(a_frame_waits_until_there_are_enough_buffers),
        TEST(frames_that_can_never_fit_are_lost),
        TEST(a_buffer_shorter_than_a_header_needs_a_reset),
        TEST(a_reset_lets_the_far_end_drop_what_it_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
