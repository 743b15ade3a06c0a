// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/json.h"

#include "unit.h"

static struct json_t *parsed(const char *text)
{
    struct json_t *j = NULL;
    struct err e;
    assert_int_equal(json_parse(text, strlen(text), "x", &j, &e), 0);
    return j;
}

static void broken_text_is_told_with_its_line(void **state)
{
    (void)state;
    struct json_t *j = NULL;
    struct err e;
    const char *text = "{\n\"a\": 1,\n\"b\": oops\n}";
    assert_int_equal(json_parse(text, strlen(text), "guest.json", &j, &e), -EINVAL);
    assert_int_equal(strncmp(e.text, "guest.json: line 3: ", 20), 0);
    assert_int_equal(json_parse("[1]", 3, "x", &j, &e), -EINVAL);
    assert_string_equal(e.text, "x: not a JSON object");
    assert_int_equal(json_parse("{\"a\":1,\"a\":2}", 13, "x", &j, &e), -EINVAL);
    assert_int_equal(json_parse("{\"a\":\"b\\u0000c\"}", 16, "x", &j, &e), -EINVAL);
    assert_null(j);
}

static void a_field_of_the_wrong_type_or_range_is_refused_by_name(void **state)
{
    (void)state;
    OWN(json_t)
    j = parsed("{\"s\": 1, \"n\": -1, \"f\": 1.5, \"big\": 9, \"b\": \"true\"}");
    struct err e;
    const char *s;
    uint64_t n;
    bool b;
    assert_int_equal(json_get_string(j, "s", &s, &e), -EINVAL);
    assert_string_equal(e.text, "\"s\" is not a string");
    assert_int_equal(json_get_uint(j, "n", 0, 9, &n, &e), -EINVAL);
    assert_int_equal(json_get_uint(j, "f", 0, 9, &n, &e), -EINVAL);
    assert_int_equal(json_get_uint(j, "big", 0, 8, &n, &e), -EINVAL);
    assert_string_equal(e.text, "\"big\" is 9, not from 0 to 8");
    assert_int_equal(json_get_bool(j, "b", &b, &e), -EINVAL);
    assert_int_equal(json_get_string(j, "none", &s, &e), -EINVAL);
    assert_string_equal(e.text, "\"none\" is missing");
}

static void a_missing_or_null_field_has_its_default_but_a_wrong_one_is_refused(void **state)
{
    (void)state;
    OWN(json_t) j = parsed("{\"null\": null, \"s\": \"x\", \"n\": 7}");
    struct err e;
    const char *s = NULL;
    uint64_t n = 0;
    bool b = false;
    assert_int_equal(json_opt_string(j, "null", "dflt", &s, &e), 0);
    assert_string_equal(s, "dflt");
    assert_int_equal(json_opt_uint(j, "none", 5, 6, 9, &n, &e), 0);
    assert_int_equal(n, 5);
    assert_int_equal(json_opt_uint(j, "n", 5, 6, 9, &n, &e), 0);
    assert_int_equal(n, 7);
    assert_int_equal(json_opt_bool(j, "none", true, &b, &e), 0);
    assert_true(b);
    assert_int_equal(json_opt_bool(j, "s", true, &b, &e), -EINVAL);
}

static void what_is_stored_is_loaded_again(void **state)
{
    (void)state;
    char path[] = "/tmp/hospes-json.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct err e;
    OWN(json_t) j = parsed("{\"name\": \"debian\", \"list\": [1, 2], \"in\": {\"x\": true}}");
    assert_int_equal(json_store(path, j, &e), 0);
    OWN(json_t) again = NULL;
    assert_int_equal(json_load(path, &again, &e), 0);
    assert_true(json_equal(j, again));
    unlink(path);
    OWN(json_t) none = NULL;
    assert_int_equal(json_load(path, &none, &e), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_text_is_told_with_its_line),
        cmocka_unit_test(a_field_of_the_wrong_type_or_range_is_refused_by_name),
        cmocka_unit_test(a_missing_or_null_field_has_its_default_but_a_wrong_one_is_refused),
        cmocka_unit_test(what_is_stored_is_loaded_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
