// SPDX-License-Identifier: GPL-2.0-or-later
/* The small virtio devices: console, random numbers, balloon. */
#include "dev/virtio_balloon.h"
#include "dev/virtio_console.h"
#include "dev/virtio_rng.h"

#include "unit.h"
#include "virtio_driver.h"

struct fixture {
    struct driver *d;
    struct char_port port;
    struct virtio_console *console;
    struct virtio_rng *rng;
    struct virtio_balloon *balloon;
    char out[8192];
    size_t len, appetite;
    unsigned rooms, fills;
    size_t biggest_fill;
    struct {
        uint64_t at, len;
    } discarded[8];
    unsigned nr_discarded;
};

static void *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->d = driver_new();
    f->appetite = SIZE_MAX;
    return f;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    virtio_console_free(f->console);
    virtio_rng_free(f->rng);
    virtio_balloon_free(f->balloon);
    driver_free(f->d);
    free(f);
    return 0;
}

/* ---- console ---- */

enum { RX, TX };

static size_t on_write(void *ctx, const void *buf, size_t len)
{
    struct fixture *f = ctx;
    size_t n = len < f->appetite ? len : f->appetite;
    memcpy(f->out + f->len, buf, n);
    f->len += n;
    f->appetite -= n;
    return n;
}

static void on_room(void *ctx)
{
    ((struct fixture *)ctx)->rooms++;
}

static int with_console(void **state)
{
    struct fixture *f = *state = fixture_new();
    struct err e;
    f->port = (struct char_port){.write = on_write, .room = on_room, .ctx = f};
    assert_int_equal(virtio_console_new(&f->d->board, &f->port, &f->console, &e), 0);
    return 0;
}

static void output_waits_where_the_far_end_stopped(void **state)
{
    struct fixture *f = *state;
    uint16_t head;
    driver_start(f->d, DRIVER_FEATURES, 2);
    uint64_t at = driver_put(f->d, "hello, terminal", 15);
    const struct piece p[] = {{at, 7, false}, {at + 7, 8, false}};
    f->appetite = 3;
    driver_add(f->d, TX, p, 2);
    uint16_t second = driver_add(f->d, TX, p, 2);
    driver_kick(f->d, TX);
    assert_int_equal(f->len, 3);
    assert_false(driver_used(f->d, TX, NULL, NULL));
    f->appetite = 14;
    f->port.drained(f->port.dev);
    assert_true(driver_used(f->d, TX, NULL, NULL));
    assert_false(driver_used(f->d, TX, NULL, NULL));
    f->appetite = SIZE_MAX;
    f->port.drained(f->port.dev);
    assert_true(driver_used(f->d, TX, &head, NULL));
    assert_int_equal(head, second);
    assert_memory_equal(f->out, "hello, terminalhello, terminal", 30);
    f->port.drained(f->port.dev);
    assert_int_equal(f->len, 30);
}

static void output_stuck_at_a_reset_is_forgotten(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, DRIVER_FEATURES, 2);
    const struct piece p = {driver_put(f->d, "x", 1), 1, false};
    f->appetite = 0;
    driver_add(f->d, TX, &p, 1);
    driver_kick(f->d, TX);
    driver_reset(f->d);
    f->appetite = SIZE_MAX;
    f->port.drained(f->port.dev);
    assert_int_equal(f->len, 0);
}

static void input_waits_for_buffers(void **state)
{
    struct fixture *f = *state;
    uint32_t len;
    assert_int_equal(f->port.receive(f->port.dev, "early", 5), 0);
    driver_start(f->d, DRIVER_FEATURES, 2);
    assert_int_equal(f->rooms, 1); /* it may try again */
    const struct piece p = {driver_alloc(f->d, 4), 4, true};
    driver_add(f->d, RX, &p, 1);
    assert_int_equal(f->port.receive(f->port.dev, "typing", 6), 4);
    assert_true(driver_used(f->d, RX, NULL, &len));
    assert_int_equal(len, 4);
    assert_memory_equal(driver_at(f->d, p.at), "typi", 4);
    driver_add(f->d, RX, &p, 1);
    driver_kick(f->d, RX);
    assert_int_equal(f->rooms, 2);
    assert_int_equal(f->port.receive(f->port.dev, "ng", 2), 2);
}

static void a_new_size_is_told(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, DRIVER_FEATURES | 1, 2);
    f->port.resize(f->port.dev, 132, 50);
    assert_int_equal(bus_read(f->d->mem, f->d->config, 4), 50 << 16 | 132);
    assert_int_equal(f->d->msis[0], 1);
}

static void endless_output_needs_a_reset(void **state)
{
    struct fixture *f = *state;
    driver_start(f->d, DRIVER_FEATURES, 2);
    const struct piece p = {0, (1 << 20) + 1, false};
    driver_add(f->d, TX, &p, 1);
    driver_kick(f->d, TX);
    assert_int_equal(driver_status(f->d), 15 | 0x40);
    assert_int_equal(f->len, 0);
}

/* ---- random numbers ---- */

static void on_fill(void *ctx, void *buf, size_t len)
{
    struct fixture *f = ctx;
    f->fills++;
    if (len > f->biggest_fill)
        f->biggest_fill = len;
    memset(buf, 0xa5, len);
}

static struct entropy_port entropy(struct fixture *f)
{
    return (struct entropy_port){on_fill, f};
}

static void requests_are_filled_but_never_more_than_64_kib(void **state)
{
    struct fixture *f = *state = fixture_new();
    const struct entropy_port port = entropy(f);
    struct err e;
    uint32_t len;
    assert_int_equal(virtio_rng_new(&f->d->board, &port, &f->rng, &e), 0);
    driver_probe(f->d);
    driver_reset(f->d);
    assert_true(driver_negotiate(f->d, DRIVER_FEATURES));
    driver_queue(f->d, 0, 8);
    driver_ok(f->d);
    const struct piece p[] = {{driver_alloc(f->d, 10), 4, true}, {driver_alloc(f->d, 64), 20, true}};
    driver_add(f->d, 0, p, 2);
    driver_kick(f->d, 0);
    assert_true(driver_used(f->d, 0, NULL, &len));
    assert_int_equal(len, 24);
    assert_memory_equal(driver_at(f->d, p[0].at), "\xa5\xa5\xa5\xa5\0", 5);
    assert_int_equal(*(uint8_t *)driver_at(f->d, p[1].at + 19), 0xa5);
    const struct piece big = {1 << 20, 1 << 20, true};
    driver_add(f->d, 0, &big, 1);
    driver_kick(f->d, 0);
    assert_true(driver_used(f->d, 0, NULL, &len));
    assert_int_equal(len, 64 << 10);
    const struct piece none = {driver_alloc(f->d, 10), 10,
                               false}; /* nothing to write: nonsense without harm */
    driver_add(f->d, 0, &none, 1);
    driver_kick(f->d, 0);
    assert_true(driver_used(f->d, 0, NULL, &len));
    assert_int_equal(len, 0);
}

/* ---- balloon ---- */

static void on_discard(void *ctx, uint64_t at, uint64_t len)
{
    struct fixture *f = ctx;
    assert_true(f->nr_discarded < 8);
    f->discarded[f->nr_discarded].at = at;
    f->discarded[f->nr_discarded++].len = len;
}

static void the_balloon_gives_memory_back_and_tells_its_size(void **state)
{
    struct fixture *f = *state = fixture_new();
    const struct balloon_port port = {on_discard, f};
    struct err e;
    assert_int_equal(virtio_balloon_new(&f->d->board, &port, &f->balloon, &e), 0);
    driver_start(f->d, DRIVER_FEATURES | 1ull << 5, 3);
    virtio_balloon_ask(f->balloon, 5 << 20);
    assert_int_equal(f->d->msis[0], 1);
    assert_int_equal(bus_read(f->d->mem, f->d->config, 4), 1280);
    const uint32_t pages[] = {0, 1, 2, 7, 8, 5, UINT32_MAX, DRIVER_RAM / RAM_PAGE};
    const struct piece p = {driver_put(f->d, pages, sizeof(pages)), sizeof(pages), false};
    driver_add(f->d, 0, &p, 1);
    driver_kick(f->d, 0);
    assert_true(driver_used(f->d, 0, NULL, NULL));
    assert_int_equal(f->nr_discarded, 3);
    assert_int_equal(f->discarded[0].len, 3 * RAM_PAGE);
    assert_int_equal(f->discarded[1].at, 7 * RAM_PAGE);
    assert_int_equal(f->discarded[2].at, 5 * RAM_PAGE);
    assert_int_equal(f->discarded[2].len, RAM_PAGE);
    bus_write(f->d->mem, f->d->config + 4, 4, 6);
    assert_int_equal(virtio_balloon_given(f->balloon), 6 * RAM_PAGE);
    driver_add(f->d, 1, &p, 1); /* deflate: nothing to do */
    driver_kick(f->d, 1);
    assert_true(driver_used(f->d, 1, NULL, NULL));
    assert_int_equal(f->nr_discarded, 3);
    driver_reset(f->d);
    assert_int_equal(virtio_balloon_given(f->balloon), 0);
}

static void free_pages_that_are_reported_are_given_back_whole(void **state)
{
    struct fixture *f = *state = fixture_new();
    const struct balloon_port port = {on_discard, f};
    struct err e;
    assert_int_equal(virtio_balloon_new(&f->d->board, &port, &f->balloon, &e), 0);
    driver_start(f->d, DRIVER_FEATURES | 1ull << 5, 3);
    const struct piece p[] = {
        {2 << 20, 1 << 20, true}, {(4 << 20) + 100, 3 * RAM_PAGE, true}, {100, 100, true}};
    driver_add(f->d, 2, p, 3);
    driver_kick(f->d, 2);
    assert_true(driver_used(f->d, 2, NULL, NULL));
    assert_int_equal(f->nr_discarded, 2);
    assert_int_equal(f->discarded[0].at, 2 << 20);
    assert_int_equal(f->discarded[0].len, 1 << 20);
    assert_int_equal(f->discarded[1].at, (4 << 20) + RAM_PAGE);
    assert_int_equal(f->discarded[1].len, 2 * RAM_PAGE);
    const struct piece many = {1 << 20, 4 * 4096 + 4, false};
    driver_add(f->d, 0, &many, 1);
    driver_kick(f->d, 0);
    assert_int_equal(driver_status(f->d), 15 | 0x40);
}

#define CONSOLE(name) cmocka_unit_test_setup_teardown(name, with_console, tear_down)
#define ALONE(name)   cmocka_unit_test_teardown(name, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CONSOLE(output_waits_where_the_far_end_stopped),
        CONSOLE(output_stuck_at_a_reset_is_forgotten),
        CONSOLE(input_waits_for_buffers),
        CONSOLE(a_new_size_is_told),
        CONSOLE(endless_output_needs_a_reset),
        ALONE(requests_are_filled_but_never_more_than_64_kib),
        ALONE(the_balloon_gives_memory_back_and_tells_its_size),
        ALONE(free_pages_that_are_reported_are_given_back_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
