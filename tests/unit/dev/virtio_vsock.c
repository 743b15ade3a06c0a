// SPDX-License-Identifier: GPL-2.0-or-later
/* vsock: the host's streams against a guest made by hand. */
#include "dev/virtio_vsock.h"

#include <linux/virtio_vsock.h>

#include "unit.h"
#include "virtio_driver.h"

#define CID     3
#define PORT    1024
#define BUF_LEN 4096
enum { RX, TX, EVENT };

struct owner {
    struct vsock_stream *stream;
    unsigned connected, writable, shutdown, closed, receives;
    bool reset, close_in_receive;
    size_t appetite;
    char got[512 << 10];
    size_t len;
};

struct fixture {
    struct driver *d;
    struct virtio_vsock *v;
    struct owner o;
    uint64_t rx_at[64];        /* buffer by head */
    struct virtio_vsock_hdr h; /* the last packet to the guest, and its data */
    uint8_t data[BUF_LEN];
    uint32_t host_port;      /* of the stream */
    uint32_t fwd_cnt, alloc; /* what the guest says */
};

static void on_connected(void *ctx)
{
    ((struct owner *)ctx)->connected++;
}

static size_t on_receive(void *ctx, const void *buf, size_t len)
{
    struct owner *o = ctx;
    size_t n = len < o->appetite ? len : o->appetite;
    o->receives++;
    memcpy(o->got + o->len, buf, n);
    o->len += n;
    o->appetite -= n;
    if (o->close_in_receive)
        vsock_stream_close(o->stream);
    return n;
}

static void on_writable(void *ctx)
{
    ((struct owner *)ctx)->writable++;
}

static void on_shutdown(void *ctx)
{
    ((struct owner *)ctx)->shutdown++;
}

static void on_closed(void *ctx, bool reset)
{
    struct owner *o = ctx;
    o->closed++;
    o->reset = reset;
    o->stream = NULL;
}

static const struct vsock_stream_ops ops = {on_connected, on_receive, on_writable, on_shutdown, on_closed};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e;
    f->d = driver_new();
    f->alloc = 64 << 10;
    f->o.appetite = SIZE_MAX;
    assert_int_equal(virtio_vsock_new(&f->d->board, CID, &f->v, &e), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    virtio_vsock_free(f->v);
    assert_true(f->o.closed <= 1);
    driver_free(f->d);
    free(f);
    return 0;
}

/* ---- the guest ---- */

static void give_buffers(struct fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct piece p = {driver_alloc(f->d, BUF_LEN), BUF_LEN, true};
        f->rx_at[driver_add(f->d, RX, &p, 1)] = p.at;
    }
    driver_kick(f->d, RX);
}

static bool got_packet(struct fixture *f)
{
    uint16_t head;
    uint32_t len;
    if (!driver_used(f->d, RX, &head, &len))
        return false;
    memcpy(&f->h, driver_at(f->d, f->rx_at[head]), sizeof(f->h));
    assert_int_equal(len, sizeof(f->h) + f->h.len);
    assert_int_equal(f->h.dst_cid, CID);
    memcpy(f->data, driver_at(f->d, f->rx_at[head] + sizeof(f->h)), f->h.len);
    return true;
}

static void expect(struct fixture *f, unsigned op)
{
    assert_true(got_packet(f));
    assert_int_equal(f->h.op, op);
}

static void send_as(struct fixture *f, struct virtio_vsock_hdr h, const void *data)
{
    struct piece p[2] = {{driver_put(f->d, &h, sizeof(h)), sizeof(h), false}};
    if (h.len)
        p[1] = (struct piece){driver_put(f->d, data, h.len), h.len, false};
    driver_add(f->d, TX, p, h.len ? 2 : 1);
    driver_kick(f->d, TX);
    assert_true(driver_used(f->d, TX, NULL, NULL));
}

static struct virtio_vsock_hdr header(struct fixture *f, unsigned op, uint32_t flags, uint32_t len)
{
    return (struct virtio_vsock_hdr){.src_cid = CID,
                                     .dst_cid = 2,
                                     .src_port = PORT,
                                     .dst_port = f->host_port,
                                     .len = len,
                                     .type = VIRTIO_VSOCK_TYPE_STREAM,
                                     .op = (uint16_t)op,
                                     .flags = flags,
                                     .buf_alloc = f->alloc,
                                     .fwd_cnt = f->fwd_cnt};
}

static void send(struct fixture *f, unsigned op, uint32_t flags, const void *data, uint32_t len)
{
    send_as(f, header(f, op, flags, len), data);
}

static void connect(struct fixture *f)
{
    struct err e;
    driver_start(f->d, DRIVER_FEATURES, 3);
    give_buffers(f, 16);
    assert_int_equal(virtio_vsock_connect(f->v, PORT, &ops, &f->o, &f->o.stream, &e), 0);
    expect(f, VIRTIO_VSOCK_OP_REQUEST);
    assert_int_equal(f->h.src_cid, 2);
    assert_int_equal(f->h.dst_port, PORT);
    assert_true(f->h.buf_alloc >= 64 << 10);
    f->host_port = f->h.src_port;
    send(f, VIRTIO_VSOCK_OP_RESPONSE, 0, NULL, 0);
    assert_int_equal(f->o.connected, 1);
}

/* ---- connecting ---- */

static void without_a_driver_nobody_can_connect(void **state)
{
    struct fixture *f = *state;
    struct err e;
    assert_int_equal(virtio_vsock_connect(f->v, PORT, &ops, &f->o, &f->o.stream, &e), -ENOTCONN);
    driver_probe(f->d);
    assert_int_equal(bus_read(f->d->mem, f->d->config, 8), CID);
}

static void bytes_flow_both_ways(void **state)
{
    struct fixture *f = *state;
    connect(f);
    assert_int_equal(vsock_stream_write(f->o.stream, "to the guest", 12), 12);
    expect(f, VIRTIO_VSOCK_OP_RW);
    assert_int_equal(f->h.len, 12);
    assert_memory_equal(f->data, "to the guest", 12);
    send(f, VIRTIO_VSOCK_OP_RW, 0, "to the host", 11);
    assert_int_equal(f->o.len, 11);
    assert_memory_equal(f->o.got, "to the host", 11);
}

static void a_refused_connection_is_closed(void **state)
{
    struct fixture *f = *state;
    struct err e;
    driver_start(f->d, DRIVER_FEATURES, 3);
    give_buffers(f, 4);
    assert_int_equal(virtio_vsock_connect(f->v, PORT, &ops, &f->o, &f->o.stream, &e), 0);
    assert_int_equal(vsock_stream_write(f->o.stream, "x", 1), 0); /* too early */
    expect(f, VIRTIO_VSOCK_OP_REQUEST);
    f->host_port = f->h.src_port;
    send(f, VIRTIO_VSOCK_OP_RST, 0, NULL, 0);
    assert_int_equal(f->o.closed, 1);
    assert_true(f->o.reset);
    assert_int_equal(f->o.shutdown, 0);
    assert_false(got_packet(f));
}

static void a_connection_waits_for_buffers_of_the_guest(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct owner other = {0};
    driver_start(f->d, DRIVER_FEATURES, 3);
    assert_int_equal(virtio_vsock_connect(f->v, PORT, &ops, &f->o, &f->o.stream, &e), 0);
    assert_int_equal(virtio_vsock_connect(f->v, PORT, &ops, &other, &other.stream, &e), 0);
    vsock_stream_close(other.stream); /* of which the guest never hears */
    give_buffers(f, 4);
    expect(f, VIRTIO_VSOCK_OP_REQUEST);
    assert_false(got_packet(f));
    assert_int_equal(other.closed, 0);
}

static void what_the_guest_opens_or_invents_is_refused(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, DRIVER_FEATURES, 3);
    give_buffers(f, 16);
    f->host_port = 77;
    send(f, VIRTIO_VSOCK_OP_REQUEST, 0, NULL, 0);
    expect(f, VIRTIO_VSOCK_OP_RST);
    assert_int_equal(f->h.src_port, 77);
    assert_int_equal(f->h.dst_port, PORT);
    send(f, VIRTIO_VSOCK_OP_RW, 0, "x", 1);
    expect(f, VIRTIO_VSOCK_OP_RST);
    send(f, VIRTIO_VSOCK_OP_RST, 0, NULL, 0); /* never answered */
    struct virtio_vsock_hdr h = header(f, VIRTIO_VSOCK_OP_REQUEST, 0, 0);
    h.src_cid = 99;
    send_as(f, h, NULL);
    assert_false(got_packet(f));
    h = header(f, VIRTIO_VSOCK_OP_REQUEST, 0, 0);
    h.type = 2;
    send_as(f, h, NULL);
    expect(f, VIRTIO_VSOCK_OP_RST);
    assert_int_equal(f->h.type, 2);
}

static void refusals_without_buffers_hold_the_guest_up_and_are_not_lost(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, DRIVER_FEATURES, 3);
    f->host_port = 77;
    struct virtio_vsock_hdr h = header(f, VIRTIO_VSOCK_OP_REQUEST, 0, 0);
    const struct piece p = {driver_put(f->d, &h, sizeof(h)), sizeof(h), false};
    unsigned taken = 0, refused = 0;
    for (unsigned i = 0; i < 100; i++) {
        driver_add(f->d, TX, &p, 1);
        driver_kick(f->d, TX);
        while (driver_used(f->d, TX, NULL, NULL))
            taken++;
        if (taken + 63 == i)
            break;
    }
    assert_int_equal(taken, 64);
    for (unsigned i = 0; i < 30; i++) {
        give_buffers(f, 8);
        while (got_packet(f))
            refused++;
        while (driver_used(f->d, TX, NULL, NULL))
            taken++;
    }
    assert_int_equal(taken, refused);
    assert_true(taken > 64);
}

/* ---- credit ---- */

static void a_writer_stops_when_the_guest_has_no_room_and_goes_on_when_it_has(void **state)
{
    struct fixture *f = *state;
    static const char bytes[8192];
    f->alloc = 5000;
    connect(f);
    assert_int_equal(vsock_stream_write(f->o.stream, bytes, sizeof(bytes)), 5000);
    expect(f, VIRTIO_VSOCK_OP_RW);
    assert_int_equal(f->h.len, BUF_LEN - sizeof(f->h));
    expect(f, VIRTIO_VSOCK_OP_RW);
    expect(f, VIRTIO_VSOCK_OP_CREDIT_REQUEST);
    assert_int_equal(vsock_stream_write(f->o.stream, bytes, 1), 0);
    assert_false(got_packet(f)); /* asked once */
    f->fwd_cnt = 3000;
    send(f, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
    assert_int_equal(f->o.writable, 1);
    assert_int_equal(vsock_stream_write(f->o.stream, bytes, sizeof(bytes)), 3000);
    f->fwd_cnt = 9999; /* more than it got */
    send(f, VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
    assert_int_equal(vsock_stream_write(f->o.stream, bytes, sizeof(bytes)), 0);
}

static void a_writer_waits_for_buffers(void **state)
{
    struct fixture *f = *state;
    static char bytes[100 << 10];
    f->alloc = 1 << 20;
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 31 >> 3);
    connect(f);
    size_t done = 0, seen = 0;
    for (unsigned round = 0; done < sizeof(bytes); round++) {
        size_t n = vsock_stream_write(f->o.stream, bytes + done, sizeof(bytes) - done);
        done += n;
        while (got_packet(f)) {
            assert_int_equal(f->h.op, VIRTIO_VSOCK_OP_RW);
            assert_memory_equal(f->data, bytes + seen, f->h.len);
            seen += f->h.len;
        }
        assert_int_equal(f->o.writable, round);
        if (done < sizeof(bytes))
            give_buffers(f, 5);
    }
    assert_int_equal(seen, sizeof(bytes));
}

static void what_the_owner_does_not_take_is_kept_without_credit(void **state)
{
    struct fixture *f = *state;
    static char bytes[64 << 10];
    memset(bytes, 'x', sizeof(bytes));
    connect(f);
    f->o.appetite = 10;
    send(f, VIRTIO_VSOCK_OP_RW, 0, bytes, sizeof(bytes));
    send(f, VIRTIO_VSOCK_OP_RW, 0, bytes, sizeof(bytes));
    assert_int_equal(f->o.receives, 1);
    assert_int_equal(f->o.len, 10);
    assert_false(got_packet(f));
    send(f, VIRTIO_VSOCK_OP_CREDIT_REQUEST, 0, NULL, 0);
    expect(f, VIRTIO_VSOCK_OP_CREDIT_UPDATE);
    assert_int_equal(f->h.fwd_cnt, 10);
    f->o.appetite = SIZE_MAX;
    vsock_stream_more(f->o.stream);
    assert_int_equal(f->o.len, 2 * sizeof(bytes));
    expect(f, VIRTIO_VSOCK_OP_CREDIT_UPDATE); /* by itself, since much was taken */
    assert_int_equal(f->h.fwd_cnt, 2 * sizeof(bytes));
}

static void a_guest_that_sends_more_than_it_may_is_cut_off(void **state)
{
    struct fixture *f = *state;
    static char bytes[64 << 10];
    connect(f);
    f->o.appetite = 0;
    for (unsigned i = 0; i < f->h.buf_alloc / sizeof(bytes); i++)
        send(f, VIRTIO_VSOCK_OP_RW, 0, bytes, sizeof(bytes));
    assert_int_equal(f->o.closed, 0);
    send(f, VIRTIO_VSOCK_OP_RW, 0, bytes, 1);
    assert_int_equal(f->o.closed, 1);
    assert_true(f->o.reset);
    expect(f, VIRTIO_VSOCK_OP_RST);
}

/* ---- the end ---- */

static void a_guest_that_closes_is_answered_once_its_bytes_were_taken(void **state)
{
    struct fixture *f = *state;
    connect(f);
    f->o.appetite = 2;
    send(f, VIRTIO_VSOCK_OP_RW, 0, "last", 4);
    send(f, VIRTIO_VSOCK_OP_SHUTDOWN, 3, NULL, 0);
    assert_int_equal(f->o.shutdown + f->o.closed, 0);
    f->o.appetite = SIZE_MAX;
    vsock_stream_more(f->o.stream);
    assert_int_equal(f->o.len, 4);
    assert_int_equal(f->o.shutdown, 1);
    assert_int_equal(f->o.closed, 1);
    assert_false(f->o.reset);
    expect(f, VIRTIO_VSOCK_OP_RST);
    assert_false(got_packet(f));
}

static void each_direction_can_end_alone(void **state)
{
    struct fixture *f = *state;
    connect(f);
    send(f, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_SEND, NULL, 0);
    assert_int_equal(f->o.shutdown, 1);
    assert_int_equal(vsock_stream_write(f->o.stream, "still", 5), 5);
    expect(f, VIRTIO_VSOCK_OP_RW);
    vsock_stream_shutdown(f->o.stream);
    expect(f, VIRTIO_VSOCK_OP_SHUTDOWN);
    assert_int_equal(f->h.flags, VIRTIO_VSOCK_SHUTDOWN_SEND);
    assert_int_equal(vsock_stream_write(f->o.stream, "no", 2), 0);
    assert_int_equal(f->o.closed, 0);
    send(f, VIRTIO_VSOCK_OP_SHUTDOWN, 3, NULL, 0);
    assert_int_equal(f->o.closed, 1);
    assert_int_equal(f->o.shutdown, 1);
    assert_false(f->o.reset);
}

static void a_guest_that_reads_no_more_gets_nothing(void **state)
{
    struct fixture *f = *state;
    connect(f);
    send(f, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_SHUTDOWN_RCV, NULL, 0);
    assert_int_equal(vsock_stream_write(f->o.stream, "lost", 4), 4);
    assert_false(got_packet(f));
}

static void the_host_closes_by_cutting_off(void **state)
{
    struct fixture *f = *state;
    connect(f);
    vsock_stream_write(f->o.stream, "bye", 3);
    vsock_stream_close(f->o.stream);
    expect(f, VIRTIO_VSOCK_OP_RW);
    expect(f, VIRTIO_VSOCK_OP_RST);
    assert_int_equal(f->o.closed, 0);
    send(f, VIRTIO_VSOCK_OP_RW, 0, "x", 1);
    assert_int_equal(f->o.len, 0);
}

static void a_stream_may_be_closed_from_inside_of_receive(void **state)
{
    struct fixture *f = *state;
    connect(f);
    f->o.close_in_receive = true;
    send(f, VIRTIO_VSOCK_OP_RW, 0, "abc", 3);
    assert_int_equal(f->o.len, 3);
    expect(f, VIRTIO_VSOCK_OP_RST);
}

static void a_driver_that_resets_ends_all_streams(void **state)
{
    struct fixture *f = *state;
    connect(f);
    f->o.appetite = 0;
    send(f, VIRTIO_VSOCK_OP_RW, 0, "abc", 3);
    driver_reset(f->d);
    assert_int_equal(f->o.closed, 1);
    assert_true(f->o.reset);
}

static void wrong_packets_of_an_open_stream_cut_it_off(void **state)
{
    for (unsigned op = 0; op < 10; op++) {
        bool known = op >= VIRTIO_VSOCK_OP_RESPONSE && op <= VIRTIO_VSOCK_OP_CREDIT_REQUEST;
        void *fresh;
        set_up(&fresh);
        struct fixture *f = fresh;
        connect(f);
        send(f, op, 0, NULL, 0);
        assert_int_equal(f->o.closed, !known || op == VIRTIO_VSOCK_OP_RST);
        tear_down(&fresh);
    }
    (void)state;
}

static void a_packet_shorter_than_it_says_needs_a_reset(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        void *fresh;
        set_up(&fresh);
        struct fixture *f = fresh;
        connect(f);
        struct virtio_vsock_hdr h = header(f, VIRTIO_VSOCK_OP_RW, 0, 5);
        const struct piece p = {driver_put(f->d, &h, sizeof(h)), i ? sizeof(h) : sizeof(h) - 1, false};
        driver_add(f->d, TX, &p, 1);
        driver_kick(f->d, TX);
        assert_int_equal(driver_status(f->d), 15 | 0x40);
        assert_int_equal(f->o.receives, 0);
        tear_down(&fresh);
    }
}

static void a_buffer_shorter_than_a_packet_needs_a_reset(void **state)
{
    struct fixture *f = *state;
    struct err e;
    driver_start(f->d, DRIVER_FEATURES, 3);
    const struct piece p = {driver_alloc(f->d, 43), 43, true};
    driver_add(f->d, RX, &p, 1);
    assert_int_equal(virtio_vsock_connect(f->v, PORT, &ops, &f->o, &f->o.stream, &e), 0);
    assert_int_equal(driver_status(f->d), 15 | 0x40);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_driver_nobody_can_connect),
        TEST(bytes_flow_both_ways),
        TEST(a_refused_connection_is_closed),
        TEST(a_connection_waits_for_buffers_of_the_guest),
        TEST(what_the_guest_opens_or_invents_is_refused),
        TEST(refusals_without_buffers_hold_the_guest_up_and_are_not_lost),
        TEST(a_writer_stops_when_the_guest_has_no_room_and_goes_on_when_it_has),
        TEST(a_writer_waits_for_buffers),
        TEST(what_the_owner_does_not_take_is_kept_without_credit),
        TEST(a_guest_that_sends_more_than_it_may_is_cut_off),
        TEST(a_guest_that_closes_is_answered_once_its_bytes_were_taken),
        TEST(each_direction_can_end_alone),
        TEST(a_guest_that_reads_no_more_gets_nothing),
        TEST(the_host_closes_by_cutting_off),
        TEST(a_stream_may_be_closed_from_inside_of_receive),
        TEST(a_driver_that_resets_ends_all_streams),
        TEST(wrong_packets_of_an_open_stream_cut_it_off),
        TEST(a_packet_shorter_than_it_says_needs_a_reset),
        TEST(a_buffer_shorter_than_a_packet_needs_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
