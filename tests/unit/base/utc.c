// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "base/utc.h"

static void each_day_is_what_the_c_library_says(void **state)
{
    (void)state;
    for (time_t t = 0; t < 300ll * 366 * 86400; t += 86400 + 1) { /* to 2270: over 2000, 2100 and 2200 */
        char ours[UTC_SIZE], libs[UTC_SIZE];
        struct tm tm;
        utc_text((struct timespec){.tv_sec = t}, false, ours);
        strftime(libs, sizeof(libs), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
        assert_string_equal(ours, libs);
    }
}

static void the_last_second_of_a_leap_day(void **state)
{
    char text[UTC_SIZE];
    (void)state;
    utc_text((struct timespec){.tv_sec = 1709251199, .tv_nsec = 5}, true, text);
    assert_string_equal(text, "2024-02-29T23:59:59.000000005Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_day_is_what_the_c_library_says),
        cmocka_unit_test(the_last_second_of_a_leap_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
