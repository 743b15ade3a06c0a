// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/err.h"

#include "unit.h"

static void context_is_added_outside_in(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(err_code(&e, -ENOENT, "open disk %s", "/srv/a.raw"), -ENOENT);
    assert_int_equal(err_wrap(&e, "start %s", "web1"), -ENOENT);
    assert_string_equal(e.text, "start web1: open disk /srv/a.raw: No such file or directory");
    assert_int_equal(e.code, -ENOENT);
}

static void a_text_too_long_is_cut_and_stays_one_string(void **state)
{
    (void)state;
    struct err e;
    char *x = malloc(2001);
    memset(x, 'x', 2000);
    x[2000] = 0;
    err_set(&e, -EINVAL, "%s", x);
    err_wrap(&e, "outer");
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    assert_memory_equal(e.text, "outer: xx", 9);
    free(x);
}

static void what_others_wrote_stays_one_plain_line(void **state)
{
    (void)state;
    struct err e;
    err_set(&e, -EINVAL, "%s", "a\nb\x1b[31m\x7f\xc2\x9b\xff gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xe2\x82");
    assert_string_equal(e.text, "a?b?[31m???? gr\xc3\xbc\xc3\x9f \xe2\x82\xac ??");
}

static void a_character_is_not_cut_in_halves(void **state)
{
    (void)state;
    struct err e;
    char text[600];
    memset(text, 'x', sizeof(text));
    memcpy(text + sizeof(e.text) - 2, "\xe2\x82\xac", 4);
    err_set(&e, -EINVAL, "%s", text);
    assert_string_equal(e.text + sizeof(e.text) - 3, "x?");
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, -EPERM, "x"), -EPERM);
    assert_true(err_wrap(NULL, "x") < 0);
}

static void trouble_that_nobody_filled_in_is_no_success(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_wrap(&e, "x"), -EIO);
    assert_int_equal(e.code, -EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context_is_added_outside_in),
        cmocka_unit_test(a_text_too_long_is_cut_and_stays_one_string),
        cmocka_unit_test(what_others_wrote_stays_one_plain_line),
        cmocka_unit_test(a_character_is_not_cut_in_halves),
        cmocka_unit_test(nobody_has_to_listen),
        cmocka_unit_test(trouble_that_nobody_filled_in_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
