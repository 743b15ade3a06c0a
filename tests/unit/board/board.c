// SPDX-License-Identifier: GPL-2.0-or-later
/* RAM, buses, clocks and state tables. */
#include "board/bus.h"
#include "board/clock.h"
#include "board/ram.h"
#include "board/state.h"

#include "unit.h"

/* ---- ram ---- */

static void memory_above_three_gibibytes_moves_behind_the_hole(void **state)
{
    (void)state;
    struct err e;
    OWN(ram) r = NULL;
    assert_int_equal(ram_new(5ull << 30, &r, &e), 0);
    unsigned nr;
    const struct ram_slot *s = ram_slots(r, &nr);
    assert_int_equal(nr, 2);
    assert_int_equal(s[0].bytes, 3ull << 30);
    assert_int_equal(s[1].base, 4ull << 30);
    assert_int_equal(s[1].bytes, 2ull << 30);
    assert_null(ram_at(r, gpa(3ull << 30), 1));
    assert_null(ram_at(r, gpa((3ull << 30) - 4), 8));
    assert_non_null(ram_at(r, gpa((6ull << 30) - 8), 8));
    assert_null(ram_at(r, gpa((6ull << 30) - 8), 9));
    assert_null(ram_at(r, gpa(UINT64_MAX), 2));
    assert_null(ram_at(r, gpa(0), UINT64_MAX));
}

static void odd_sizes_of_memory_are_refused(void **state)
{
    (void)state;
    struct err e;
    struct ram *r = NULL;
    assert_int_equal(ram_new(0, &r, &e), -EINVAL);
    assert_int_equal(ram_new((2 << 20) + 4096, &r, &e), -EINVAL);
    assert_null(r);
}

static void count_page(void *ctx, struct gpa page)
{
    unsigned *hits = ctx;
    hits[page.a / RAM_PAGE % 4]++;
}

static void only_writes_to_marked_pages_reach_the_watcher(void **state)
{
    (void)state;
    struct err e;
    OWN(ram) r = NULL;
    assert_int_equal(ram_new(2 << 20, &r, &e), 0);
    unsigned hits[4] = {0};
    ram_watch(r, count_page, hits);
    ram_mark(r, gpa(RAM_PAGE), true);
    ram_mark(r, gpa(2 * RAM_PAGE), true);
    char buf[2 * RAM_PAGE] = {0};
    assert_true(ram_write(r, gpa(RAM_PAGE - 1), buf, RAM_PAGE + 1)); /* pages 0 and 1, page 1 to its end */
    assert_int_equal(hits[0] + hits[2] + hits[3], 0);
    assert_int_equal(hits[1], 1);
    assert_true(ram_write(r, gpa(2 * RAM_PAGE - 1), buf, 2));
    assert_int_equal(hits[1], 2);
    assert_int_equal(hits[2], 1);
    ram_mark(r, gpa(RAM_PAGE), false);
    assert_true(ram_write(r, gpa(RAM_PAGE), buf, 1));
    assert_int_equal(hits[1], 2);
}

/* ---- bus ---- */

static uint64_t echo_read(void *dev, uint64_t off, unsigned size)
{
    (void)size;
    return *(uint64_t *)dev + off;
}

static void accesses_reach_the_region_they_lie_in_and_no_other(void **state)
{
    (void)state;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const struct bus_ops ops = {.read = echo_read};
    struct err e;
    OWN(bus) b = NULL;
    uint64_t one = 0x100, two = 0x200;
    assert_int_equal(bus_new(&lock, &b, &e), 0);
    assert_int_equal(bus_attach(b, 0x70, 2, &ops, &one, &e), 0);
    assert_int_equal(bus_attach(b, 0x60, 5, &ops, &two, &e), 0);
    assert_int_equal(bus_read(b, 0x71, 1), 0x101 & 0xff);
    assert_int_equal(bus_read(b, 0x64, 1), 0x204 & 0xff);
    assert_int_equal(bus_read(b, 0x62, 2), 0x202);
    assert_int_equal(bus_read(b, 0x65, 1), 0xff);
    assert_int_equal(bus_read(b, 0x64, 2), 0xffff); /* crosses the end */
    assert_int_equal(bus_attach(b, 0x64, 1, &ops, &one, &e), -EEXIST);
    assert_int_equal(bus_attach(b, 0x5f, 2, &ops, &one, &e), -EEXIST);
    assert_int_equal(bus_attach(b, UINT64_MAX, 2, &ops, &one, &e), -EINVAL);
    bus_detach(b, 0x60);
    assert_int_equal(bus_read(b, 0x64, 1), 0xff);
    assert_int_equal(bus_attach(b, 0x5f, 2, &ops, &one, &e), 0);
}

/* ---- clock ---- */

struct alarm_clock {
    struct clock_timer t;
    struct clock *clock;
    uint64_t rang_at[4];
    unsigned n;
};

static void ring(void *ctx)
{
    struct alarm_clock *a = ctx;
    a->rang_at[a->n++] = clock_now(a->clock);
    if (a->n < 3)
        clock_timer_arm(&a->t, clock_now(a->clock) + 10);
}

static void a_timer_that_arms_itself_again_keeps_its_period(void **state)
{
    (void)state;
    struct clock *c = fake_clock_new();
    struct alarm_clock a = {.clock = c};
    a.t = (struct clock_timer){.clock = c, .fire = ring, .ctx = &a};
    clock_timer_arm(&a.t, 5);
    fake_clock_advance(c, 4);
    assert_int_equal(a.n, 0);
    fake_clock_advance(c, 100);
    assert_int_equal(a.n, 3);
    assert_int_equal(a.rang_at[0], 5);
    assert_int_equal(a.rang_at[2], 25);
    clock_timer_fini(&a.t);
    fake_clock_free(c);
}

/* ---- state ---- */

struct thing {
    uint8_t a;
    uint32_t b[3];
    bool c;
    unsigned derived;
};
static const struct state_field thing_fields[] = {
    STATE(thing, a, STATE_U8),
    STATE(thing, b, STATE_U32),
    STATE(thing, c, STATE_BOOL),
};

static int thing_check(const void *obj, struct err *e)
{
    const struct thing *t = obj;
    return t->a > 7 ? err_set(e, -EINVAL, "a is %u", t->a) : 0;
}

static void thing_loaded(void *obj)
{
    struct thing *t = obj;
    t->derived = t->a * 2u;
}

static const struct state_table thing_state = {
    "thing", 2, thing_fields, 3, sizeof(struct thing), thing_check, thing_loaded};

static void what_was_saved_comes_back_and_the_rest_is_derived(void **state)
{
    (void)state;
    struct thing t = {.a = 5, .b = {1, 2, 0xffffffff}, .c = true}, u = {0};
    uint8_t *buf = NULL;
    size_t len = 0, used;
    struct err e;
    assert_int_equal(state_save(&thing_state, &t, &buf, &len, &e), 0);
    assert_int_equal(state_load(&thing_state, &u, buf, len, &used, &e), 0);
    assert_int_equal(used, len);
    assert_memory_equal(u.b, t.b, sizeof(t.b));
    assert_int_equal(u.a, 5);
    assert_true(u.c);
    assert_int_equal(u.derived, 10);
    free(buf);
}

static void hostile_state_changes_nothing(void **state)
{
    (void)state;
    struct thing t = {.a = 9, .b = {1, 2, 3}}, u = {.a = 3, .b = {7, 7, 7}};
    const struct thing before = u;
    uint8_t *buf = NULL;
    size_t len = 0, used;
    struct err e;
    assert_int_equal(state_save(&thing_state, &t, &buf, &len, &e), 0);
    assert_int_equal(state_load(&thing_state, &u, buf, len, &used, &e), -EINVAL);
    assert_string_equal(e.text, "state of thing: a is 9");
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(state_load(&thing_state, &u, buf, cut, &used, &e), -EINVAL);
    buf[len - 1] = 2; /* the bool, last of all */
    assert_int_equal(state_load(&thing_state, &u, buf, len, &used, &e), -EINVAL);
    assert_memory_equal(&u, &before, sizeof(u));
    free(buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_above_three_gibibytes_moves_behind_the_hole),
        cmocka_unit_test(odd_sizes_of_memory_are_refused),
        cmocka_unit_test(only_writes_to_marked_pages_reach_the_watcher),
        cmocka_unit_test(accesses_reach_the_region_they_lie_in_and_no_other),
        cmocka_unit_test(a_timer_that_arms_itself_again_keeps_its_period),
        cmocka_unit_test(what_was_saved_comes_back_and_the_rest_is_derived),
        cmocka_unit_test(hostile_state_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
