// SPDX-License-Identifier: GPL-2.0-or-later
#include "dev/uart.h"

#include "unit.h"

#define BASE 0x3f8

struct fixture {
    pthread_mutex_t lock;
    struct bus *io;
    struct uart *uart;
    struct char_port port;
    struct irq irq;
    bool wire;
    unsigned edges;
    char sent[64];
    size_t nr_sent, takes; /* takes: how much the far end takes from now on */
    unsigned rooms;
};

static void wire_set(void *ctx, unsigned line, bool level)
{
    struct fixture *f = ctx;
    assert_int_equal(line, 4);
    f->wire = level;
    f->edges++;
}

static size_t far_write(void *ctx, const void *buf, size_t len)
{
    struct fixture *f = ctx;
    size_t n = len < f->takes ? len : f->takes;
    memcpy(f->sent + f->nr_sent, buf, n);
    f->nr_sent += n;
    f->takes -= n;
    return n;
}

static void far_room(void *ctx)
{
    ((struct fixture *)ctx)->rooms++;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e;
    pthread_mutex_init(&f->lock, NULL);
    f->takes = sizeof(f->sent);
    f->port = (struct char_port){.write = far_write, .room = far_room, .ctx = f};
    f->irq = (struct irq){.set = wire_set, .ctx = f, .line = 4};
    *state = f;
    return bus_new(&f->lock, &f->io, &e) | uart_new(f->io, BASE, &f->irq, &f->port, &f->uart, &e);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    uart_free(f->uart);
    bus_free(f->io);
    free(f);
    return 0;
}

static uint8_t in(struct fixture *f, unsigned reg)
{
    return (uint8_t)bus_read(f->io, BASE + reg, 1);
}

static void out(struct fixture *f, unsigned reg, uint8_t val)
{
    bus_write(f->io, BASE + reg, 1, val);
}

static void what_is_written_reaches_the_far_end(void **state)
{
    struct fixture *f = *state;
    for (const char *p = "hello"; *p; p++)
        out(f, 0, (uint8_t)*p);
    assert_memory_equal(f->sent, "hello", 5);
    assert_int_equal(in(f, 5) & 0x60, 0x60);
}

static void a_slow_far_end_fills_the_fifo_and_loses_nothing_before_that(void **state)
{
    struct fixture *f = *state;
    f->takes = 3;
    for (unsigned i = 0; i < 19; i++)
        out(f, 0, (uint8_t)('a' + i));
    assert_int_equal(in(f, 5) & 0x20, 0);
    f->takes = 64;
    f->port.drained(f->port.dev);
    assert_int_equal(f->nr_sent, 19);
    assert_memory_equal(f->sent, "abcdefghijklmnopqrs", 19);
    assert_int_equal(in(f, 5) & 0x60, 0x60);
}

static void the_transmit_interrupt_is_told_once_by_reading_iir(void **state)
{
    struct fixture *f = *state;
    out(f, 4, 0x08); /* OUT2 */
    out(f, 1, 0x02);
    assert_true(f->wire);
    assert_int_equal(in(f, 2) & 0x0f, 0x02);
    assert_false(f->wire);
    assert_int_equal(in(f, 2) & 0x0f, 0x01);
    out(f, 0, 'x');
    assert_true(f->wire);
}

static void without_out2_the_pin_stays_low(void **state)
{
    struct fixture *f = *state;
    out(f, 1, 0x0f);
    assert_false(f->wire);
    out(f, 4, 0x08);
    assert_true(f->wire);
}

static void input_interrupts_and_has_precedence_over_transmit(void **state)
{
    struct fixture *f = *state;
    out(f, 2, 0x01);
    out(f, 4, 0x0a); /* RTS, OUT2 */
    out(f, 1, 0x03);
    f->rooms = 0;
    assert_int_equal(f->port.receive(f->port.dev, "0123456789abcdefXYZ", 19), 16);
    assert_int_equal(in(f, 2) & 0x0f, 0x04);
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(in(f, 5) & 1, 1);
        assert_int_equal(in(f, 0), "0123456789abcdef"[i]);
    }
    assert_int_equal(in(f, 5) & 1, 0);
    assert_int_equal(f->rooms, 1);
}

static void input_waits_until_the_guest_listens(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->port.receive(f->port.dev, "x", 1), 0);
    out(f, 4, 0x12); /* a probe: loop, RTS */
    out(f, 4, 0x00);
    out(f, 1, 0x0f); /* another one */
    assert_int_equal(f->port.receive(f->port.dev, "x", 1), 0);
    assert_int_equal(f->rooms, 0);
    out(f, 1, 0x05); /* a driver that leaves RTS alone */
    assert_int_equal(f->rooms, 1);
    assert_int_equal(f->port.receive(f->port.dev, "x", 1), 1);
    assert_int_equal(in(f, 0), 'x');
    out(f, 1, 0x00);
    assert_int_equal(f->port.receive(f->port.dev, "y", 1), 0);
    out(f, 4, 0x0b); /* a port that is opened: DTR, RTS, OUT2 */
    assert_int_equal(f->port.receive(f->port.dev, "y", 1), 1);
    assert_int_equal(in(f, 0), 'y');
}

static void loopback_returns_bytes_and_modem_lines(void **state)
{
    struct fixture *f = *state;
    out(f, 4, 0x10 | 0x0a); /* loop, RTS, OUT2 */
    out(f, 0, 0x5a);
    assert_int_equal(f->nr_sent, 0);
    assert_int_equal(in(f, 0), 0x5a);
    assert_int_equal(in(f, 6) & 0xf0, 0x90);
}

static void the_divisor_latch_hides_data_and_ier(void **state)
{
    struct fixture *f = *state;
    out(f, 3, 0x80);
    out(f, 0, 0x12);
    out(f, 1, 0x34);
    assert_int_equal(f->nr_sent, 0);
    assert_int_equal(in(f, 0) | in(f, 1) << 8, 0x3412);
    out(f, 3, 0x03);
    assert_int_equal(in(f, 1), 0);
}

static void hostile_fifo_positions_are_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    uint8_t *buf = NULL;
    size_t len = 0, used;
    out(f, 4, 0x02);
    f->port.receive(f->port.dev, "q", 1);
    assert_int_equal(state_save(&uart_state, f->uart, &buf, &len, &e), 0);
    assert_int_equal(state_load(&uart_state, f->uart, buf, len, &used, &e), 0);
    assert_int_equal(in(f, 0), 'q');
    buf[len - 1] = 17; /* tx_len is the last field */
    assert_int_equal(state_load(&uart_state, f->uart, buf, len, &used, &e), -EINVAL);
    assert_string_equal(e.text, "state of uart: transmit FIFO 0+17");
    free(buf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_reaches_the_far_end),
        TEST(a_slow_far_end_fills_the_fifo_and_loses_nothing_before_that),
        TEST(the_transmit_interrupt_is_told_once_by_reading_iir),
        TEST(without_out2_the_pin_stays_low),
        TEST(input_interrupts_and_has_precedence_over_transmit),
        TEST(input_waits_until_the_guest_listens),
        TEST(loopback_returns_bytes_and_modem_lines),
        TEST(the_divisor_latch_hides_data_and_ier),
        TEST(hostile_fifo_positions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
