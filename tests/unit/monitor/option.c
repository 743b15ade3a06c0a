// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/guest_option.h"

#include <string.h>
#include <sys/resource.h>

#include "monitor/guest_security.h"
#include "unit.h"

static void devices_have_a_place_and_rights(void **state)
{
    (void)state;
    static const struct {
        const char *text, *from, *to, *access;
    } good[] = {{"/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm"},
                {"/dev/a:/dev/b", "/dev/a", "/dev/b", "rwm"},
                {"/dev/a:r", "/dev/a", "/dev/a", "r"},
                {"/dev/a:/dev/b:mr", "/dev/a", "/dev/b", "mr"}};
    struct err e;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        OWN_DEVICE d = {0};
        assert_int_equal(guest_device_parse(good[i].text, &d, &e), 0);
        assert_string_equal(d.from, good[i].from);
        assert_string_equal(d.to, good[i].to);
        assert_string_equal(d.access, good[i].access);
    }
    static const char *const bad[] = {"",          "fuse",           "/dev/a:b",      "/dev/a:/dev/b:x",
                                      "/dev/../x", "/dev/a:/b:rwmr", "/dev/a:/b:r:w", "/"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        OWN_DEVICE d = {0};
        assert_int_equal(guest_device_parse(bad[i], &d, &e), -EINVAL);
    }
}

static void limits_are_numbers_or_unlimited(void **state)
{
    (void)state;
    struct guest_ulimit u;
    struct err e;
    assert_int_equal(guest_ulimit_parse("nofile=10:20", &u, &e), 0);
    assert_string_equal(u.name, "RLIMIT_NOFILE");
    assert_true(u.soft == 10 && u.hard == 20);
    assert_int_equal(guest_ulimit_parse("core=unlimited", &u, &e), 0);
    assert_true(u.soft == RLIM_INFINITY && u.hard == RLIM_INFINITY);
    assert_int_equal(guest_ulimit_parse("core=0:-1", &u, &e), 0);
    assert_true(u.soft == 0 && u.hard == RLIM_INFINITY);
    static const char *const bad[] = {"",
                                      "nofile",
                                      "nofile=",
                                      "nofile=a",
                                      "nofile=1:",
                                      "x=1",
                                      "nofile=-2",
                                      "nofile=2:1",
                                      "=1",
                                      "nofile=1:2:3",
                                      "nofile=99999999999999999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(guest_ulimit_parse(bad[i], &u, &e), -EINVAL);
}

static void restarts_are_three_words(void **state)
{
    (void)state;
    struct guest_restart r;
    struct err e;
    assert_int_equal(guest_restart_parse(NULL, &r, &e), 0);
    assert_false(r.always || r.on_failure);
    assert_int_equal(guest_restart_parse("always", &r, &e), 0);
    assert_true(r.always);
    assert_int_equal(guest_restart_parse("on-failure:3", &r, &e), 0);
    assert_true(!r.always && r.on_failure && r.max == 3);
    static const char *const bad[] = {"", "sometimes", "on-failure:", "on-failure:x", "on-failures"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(guest_restart_parse(bad[i], &r, &e), -EINVAL);
}

static void hosts_may_have_any_address(void **state)
{
    (void)state;
    struct guest_host h;
    struct err e;
    assert_int_equal(guest_host_parse("db:fe80::1", &h, &e), 0);
    assert_string_equal(h.name, "db");
    assert_string_equal(h.address, "fe80::1");
    static const char *const bad[] = {
        "", "db", ":1.2.3.4", "db:", "a b:1.2.3.4", "a\nb:1.2.3.4", "db:1.2.3.256"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(guest_host_parse(bad[i], &h, &e), -EINVAL);
}

static void lists_of_processors(void **state)
{
    (void)state;
    static const char *const good[] = {"0", "0-3", "0-3,7,9-10"}, *const bad[] = {"",    "a",  "3-",
                                                                                  "3-1", "1,", ",1",
                                                                                  "1;2", "-1", "0-99999999"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(guest_cpuset_check(good[i], NULL), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(guest_cpuset_check(bad[i], NULL), -EINVAL);
}

static void names_values_and_places(void **state)
{
    (void)state;
    struct err e;
    OWN_PAIR p = {0};
    assert_int_equal(guest_pair_parse("a=b=c", &p, &e), 0);
    assert_string_equal(p.name, "a");
    assert_string_equal(p.value, "b=c");
    OWN_PAIR none = {0};
    assert_int_equal(guest_pair_parse("=b", &none, &e), -EINVAL);
    OWN_TMPFS t = {0};
    assert_int_equal(guest_tmpfs_parse("/run:size=1m,exec", &t, &e), 0);
    assert_string_equal(t.to, "/run");
    assert_string_equal(t.options, "size=1m,exec");
    static const char *const bad[] = {"", "run", "/", ":size=1m", "/a/../b"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        OWN_TMPFS none_either = {0};
        assert_int_equal(guest_tmpfs_parse(bad[i], &none_either, &e), -EINVAL);
    }
    assert_int_equal(guest_oom_score_check("-1000", &e), 0);
    assert_int_equal(guest_oom_score_check("1001", &e), -EINVAL);
    assert_int_equal(guest_oom_score_check("", &e), -EINVAL);
    assert_int_equal(guest_signal_check("SIGUSR1", &e), 0);
    assert_int_equal(guest_signal_check("0", &e), -EINVAL);
}

static void privileged_lifts_all_of_it(void **state)
{
    (void)state;
    struct guest_security s;
    struct err e;
    const struct guest_container plain = {0}, all = {.privileged = true};
    assert_int_equal(guest_security_of(&plain, &s, &e), 0);
    assert_false(s.new_privileges || s.unmasked || s.seccomp_off || s.landlock_off);
    assert_int_equal(guest_security_of(&all, &s, &e), 0);
    assert_true(s.new_privileges && s.unmasked && s.seccomp_off && s.landlock_off);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_have_a_place_and_rights),
        cmocka_unit_test(limits_are_numbers_or_unlimited),
        cmocka_unit_test(restarts_are_three_words),
        cmocka_unit_test(hosts_may_have_any_address),
        cmocka_unit_test(lists_of_processors),
        cmocka_unit_test(names_values_and_places),
        cmocka_unit_test(privileged_lifts_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
