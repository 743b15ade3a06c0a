// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/panic_watch.h"

#include "unit.h"

static enum panic_seen feed(struct panic_watch *w, const char *text)
{
    return panic_watch_feed(w, text, strlen(text));
}

static void a_panic_is_seen_with_its_reason(void **state)
{
    (void)state;
    struct panic_watch w = {0};
    assert_int_equal(feed(&w, "[    0.5] Run /init\r\n"), PANIC_NOT);
    assert_int_equal(feed(&w, "[    1.234567] Kernel panic - not syncing: Attempted to kill init!\r\n"),
                     PANIC_SAID);
    assert_string_equal(w.why, "Attempted to kill init!");
    assert_int_equal(feed(&w, "[    1.3] CPU: 0 PID: 1\r\n"), PANIC_NOT);
    assert_int_equal(
        feed(&w, "[    1.4] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---\r\n"),
        PANIC_DONE);
}

static void it_may_come_byte_by_byte(void **state)
{
    (void)state;
    static const char text[] = "[   12.345678][    T1] Kernel panic - not syncing: Oops\n";
    struct panic_watch w = {0};
    enum panic_seen seen = PANIC_NOT;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        seen = panic_watch_feed(&w, text + i, 1);
    assert_int_equal(seen, PANIC_SAID);
    assert_string_equal(w.why, "Oops");
}

static void a_boot_without_time_stamps_is_heard_too(void **state)
{
    (void)state;
    struct panic_watch w = {0};
    assert_int_equal(feed(&w, "Kernel panic - not syncing: VFS: Unable to mount root fs\n"), PANIC_SAID);
}

static void the_words_elsewhere_in_a_line_mean_nothing(void **state)
{
    (void)state;
    struct panic_watch w = {0};
    assert_int_equal(feed(&w, "grep: Kernel panic - not syncing: x\n$ echo Kernel panic - not syncing: x\n"),
                     PANIC_NOT);
    assert_int_equal(feed(&w, "[abc] Kernel panic - not syncing: x\n[] Kernel panic - not syncing: x\n"),
                     PANIC_NOT);
    assert_int_equal(feed(&w, "---[ end Kernel panic - not syncing: x ]---\n"),
                     PANIC_NOT); /* nothing began */
}

static void endless_lines_and_control_characters_are_harmless(void **state)
{
    (void)state;
    struct panic_watch w = {0};
    char junk[1000];
    memset(junk, '[', sizeof(junk));
    for (int i = 0; i < 100; i++)
        assert_int_equal(panic_watch_feed(&w, junk, sizeof(junk)), PANIC_NOT);
    assert_int_equal(feed(&w, "\nKernel panic - not syncing: \x1b[2J\xff\n"), PANIC_SAID);
    assert_string_equal(w.why, "?[2J?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_panic_is_seen_with_its_reason),
        cmocka_unit_test(it_may_come_byte_by_byte),
        cmocka_unit_test(a_boot_without_time_stamps_is_heard_too),
        cmocka_unit_test(the_words_elsewhere_in_a_line_mean_nothing),
        cmocka_unit_test(endless_lines_and_control_characters_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
