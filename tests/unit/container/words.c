// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <signal.h>

#include "container/config.h"
#include "container/words.h"

static void signals_are_known_by_name_and_number(void **s)
{
    (void)s;
    assert_int_equal(signal_number("TERM"), SIGTERM);
    assert_int_equal(signal_number("SIGKILL"), SIGKILL);
    assert_int_equal(signal_number("sigusr1"), SIGUSR1);
    assert_int_equal(signal_number("9"), 9);
    assert_int_equal(signal_number("0"), 0);
    assert_int_equal(signal_number("RTMIN+3"), SIGRTMIN + 3);
    assert_int_equal(signal_number("SIGRTMAX-1"), SIGRTMAX - 1);
}

static void what_is_no_signal_is_refused(void **s)
{
    (void)s;
    const char *const bad[] = {"", "65", "-1", "9x", "NOSUCH", "RTMIN+99", "RTMAX+1", "RTMIN+x"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(signal_number(bad[i]), -1);
}

static void capabilities_have_the_kernels_numbers(void **s)
{
    (void)s;
    assert_int_equal(cap_number("CAP_CHOWN"), 0);
    assert_int_equal(cap_number("CAP_SYS_ADMIN"), 21);
    assert_int_equal(cap_number("CAP_SETFCAP"), 31);
    assert_int_equal(cap_number("CAP_CHECKPOINT_RESTORE"), 40);
    assert_int_equal(cap_number("CHOWN"), -1);
    assert_null(cap_name(41));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_are_known_by_name_and_number),
        cmocka_unit_test(what_is_no_signal_is_refused),
        cmocka_unit_test(capabilities_have_the_kernels_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
