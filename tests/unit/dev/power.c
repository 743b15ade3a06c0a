// SPDX-License-Identifier: GPL-2.0-or-later
/* ACPI power management and the real-time clock. */
#include "dev/acpi_pm.h"
#include "dev/rtc.h"

#include "unit.h"

struct fixture {
    pthread_mutex_t lock;
    struct bus *io;
    struct clock *clock;
    struct irq irq;
    bool wire;
    unsigned offs, resets;
    struct acpi_pm *pm;
    struct rtc *rtc;
};

static void wire_set(void *ctx, unsigned line, bool level)
{
    (void)line;
    ((struct fixture *)ctx)->wire = level;
}

static void off(void *ctx)
{
    ((struct fixture *)ctx)->offs++;
}

static void reset(void *ctx)
{
    ((struct fixture *)ctx)->resets++;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e;
    pthread_mutex_init(&f->lock, NULL);
    f->clock = fake_clock_new();
    f->irq = (struct irq){.set = wire_set, .ctx = f, .line = 9};
    const struct power_ops power = {off, reset, f};
    *state = f;
    return bus_new(&f->lock, &f->io, &e) | acpi_pm_new(f->io, &f->irq, f->clock, &power, &f->pm, &e) |
           rtc_new(f->io, &f->irq, f->clock, 5ull << 30, &f->rtc, &e);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    acpi_pm_free(f->pm);
    rtc_free(f->rtc);
    bus_free(f->io);
    fake_clock_free(f->clock);
    free(f);
    return 0;
}

static void soft_off_needs_the_right_sleep_type(void **state)
{
    struct fixture *f = *state;
    bus_write(f->io, ACPI_PM_CONTROL, 2, 0x2000 | 1 << 10);
    assert_int_equal(f->offs, 0);
    bus_write(f->io, ACPI_PM_CONTROL, 2, ACPI_S5_TYPE << 10);
    assert_int_equal(f->offs, 0);
    bus_write(f->io, ACPI_PM_CONTROL, 2, 0x2000 | ACPI_S5_TYPE << 10);
    assert_int_equal(f->offs, 1);
}

static void each_way_to_reset_resets(void **state)
{
    struct fixture *f = *state;
    bus_write(f->io, ACPI_PM_RESET, 1, ACPI_RESET_VALUE);
    bus_write(f->io, 0x64, 1, 0xfe);
    bus_write(f->io, 0x92, 1, 0x03);
    assert_int_equal(f->resets, 3);
    bus_write(f->io, ACPI_PM_RESET, 1, 0);
    bus_write(f->io, 0x64, 1, 0xd1);
    bus_write(f->io, 0x92, 1, 0x02);
    assert_int_equal(f->resets, 3);
}

static void the_power_button_interrupts_once_it_is_enabled(void **state)
{
    struct fixture *f = *state;
    acpi_pm_button(f->pm);
    assert_false(f->wire);
    bus_write(f->io, ACPI_PM_EVENT + 2, 2, 0x0100);
    assert_true(f->wire);
    assert_int_equal(bus_read(f->io, ACPI_PM_EVENT, 2), 0x0100);
    bus_write(f->io, ACPI_PM_EVENT, 2, 0x0100);
    assert_false(f->wire);
}

static void the_pm_timer_counts_three_and_a_half_million_a_second(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(bus_read(f->io, ACPI_PM_TIMER, 4), 0);
    fake_clock_advance(f->clock, 1000000000);
    assert_int_equal(bus_read(f->io, ACPI_PM_TIMER, 4), 3579545);
    fake_clock_advance(f->clock, 9000000000);
    assert_int_equal(bus_read(f->io, ACPI_PM_TIMER, 4), 35795450 & 0xffffff);
}

static uint8_t cmos(struct fixture *f, uint8_t index)
{
    bus_write(f->io, 0x70, 1, index);
    return (uint8_t)bus_read(f->io, 0x71, 1);
}

static void cmos_set(struct fixture *f, uint8_t index, uint8_t val)
{
    bus_write(f->io, 0x70, 1, index);
    bus_write(f->io, 0x71, 1, val);
}

/* The fake clock starts at 1e9 s after 1970: 2001-09-09 01:46:40 UTC, a Sunday. */
static void the_time_is_told_in_bcd_and_in_binary(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(cmos(f, 0), 0x40);
    assert_int_equal(cmos(f, 2), 0x46);
    assert_int_equal(cmos(f, 4), 0x01);
    assert_int_equal(cmos(f, 6), 1);
    assert_int_equal(cmos(f, 7), 0x09);
    assert_int_equal(cmos(f, 9), 0x01);
    assert_int_equal(cmos(f, 0x32), 0x20);
    cmos_set(f, 11, 0x06);
    assert_int_equal(cmos(f, 2), 46);
    cmos_set(f, 11, 0x04); /* 12 hours */
    fake_clock_advance(f->clock, 12 * 3600ull * 1000000000);
    assert_int_equal(cmos(f, 4), 0x81);
}

static void a_time_that_was_set_runs_on_from_there(void **state)
{
    struct fixture *f = *state;
    cmos_set(f, 9, 0x26);
    cmos_set(f, 8, 0x11);
    cmos_set(f, 0, 0x00);
    fake_clock_advance(f->clock, 61ull * 1000000000);
    assert_int_equal(cmos(f, 0), 0x01);
    assert_int_equal(cmos(f, 2), 0x47);
    assert_int_equal(cmos(f, 8), 0x11);
    assert_int_equal(cmos(f, 9), 0x26);
}

static void alarm_and_periodic_interrupts_come_when_enabled_and_end_with_register_c(void **state)
{
    struct fixture *f = *state;
    cmos_set(f, 1, 0x45);
    cmos_set(f, 3, 0xff);
    cmos_set(f, 5, 0xff);
    cmos_set(f, 11, 0x22);
    fake_clock_advance(f->clock, 4ull * 1000000000);
    assert_false(f->wire);
    fake_clock_advance(f->clock, 1000000000);
    assert_true(f->wire);
    assert_int_equal(cmos(f, 12) & 0xe0, 0xa0);
    assert_false(f->wire);
    cmos_set(f, 11, 0x42); /* rate 6: 1024 Hz */
    fake_clock_advance(f->clock, 976563);
    assert_true(f->wire);
    assert_int_equal(cmos(f, 12) & 0xc0, 0xc0);
}

static void memory_size_is_where_firmware_looks(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(cmos(f, 0x34) | cmos(f, 0x35) << 8, ((3ull << 30) - (16 << 20)) >> 16);
    assert_int_equal(cmos(f, 0x5b) | cmos(f, 0x5c) << 8, (2ull << 30) >> 16);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(soft_off_needs_the_right_sleep_type),
        TEST(each_way_to_reset_resets),
        TEST(the_power_button_interrupts_once_it_is_enabled),
        TEST(the_pm_timer_counts_three_and_a_half_million_a_second),
        TEST(the_time_is_told_in_bcd_and_in_binary),
        TEST(a_time_that_was_set_runs_on_from_there),
        TEST(alarm_and_periodic_interrupts_come_when_enabled_and_end_with_register_c),
        TEST(memory_size_is_where_firmware_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
