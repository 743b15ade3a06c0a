// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/table.h"

#include "unit.h"

static char *printed(const struct table *t)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    table_print(t, f);
    fclose(f);
    return text;
}

static void columns_are_as_wide_as_what_is_in_them(void **state)
{
    (void)state;
    static const char *const heads[] = {"NAME", "MEMORY", "UP", NULL};
    OWN_TABLE t;
    table_init(&t, heads);
    table_add(&t, (const char *[]){"a-long-name", "1 GiB", "3 s"});
    table_add(&t, (const char *[]){"ü", NULL, ""});
    OWN_MEM char *text = printed(&t);
    assert_string_equal(text, "NAME         MEMORY  UP\n"
                              "a-long-name  1 GiB   3 s\n"
                              "ü            -       \n");
}

static void a_terminal_does_not_obey_a_name(void **state)
{
    (void)state;
    static const char *const heads[] = {"NAME", NULL};
    OWN_TABLE t;
    table_init(&t, heads);
    table_add(&t, (const char *[]){"\033[31mred\n\177"});
    OWN_MEM char *text = printed(&t);
    assert_string_equal(text, "NAME\n?[31mred??\n");
}

static void amounts_are_short(void **state)
{
    (void)state;
    char b[32];
    assert_string_equal(table_bytes(0, b, sizeof(b)), "0 B");
    assert_string_equal(table_bytes(512ull << 20, b, sizeof(b)), "512 MiB");
    assert_string_equal(table_bytes(1536ull << 20, b, sizeof(b)), "1.5 GiB");
    assert_string_equal(table_bytes(123456789, b, sizeof(b)), "118 MiB");
    assert_string_equal(table_span(0, b, sizeof(b)), "0 s");
    assert_string_equal(table_span(119, b, sizeof(b)), "119 s");
    assert_string_equal(table_span(120, b, sizeof(b)), "2 min");
    assert_string_equal(table_span(7200, b, sizeof(b)), "2 h");
    assert_string_equal(table_span(9 * 86400, b, sizeof(b)), "9 days");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_what_is_in_them),
        cmocka_unit_test(a_terminal_does_not_obey_a_name),
        cmocka_unit_test(amounts_are_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
