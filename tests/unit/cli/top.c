// SPDX-License-Identifier: GPL-2.0-or-later
/* The view of `hospes top`, and which options it refuses. */
#include "cli/top_view.h"

#include "base/json.h"
#include "cli/verbs.h"
#include "unit.h"

#define S(n) ((json_int_t)(n) * 1000000000)

static json_t *guest(const char *name, int pid, json_int_t at_ns, json_int_t cpu_ns, json_int_t resident)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:{s:I, s:I, s:{s:I, s:I}, s:{s:I}, s:[{s:I, s:I}], s:[{s:s, "
                     "s:I}]}}",
                     "name", name, "state", "running", "engine", "soft", "cpus", 1, "pid", pid, "stats",
                     "at_ns", at_ns, "up_ns", at_ns, "monitor", "cpu_ns", cpu_ns, "resident", resident,
                     "memory", "bytes", (json_int_t)512 << 20, "cpus", "steps", cpu_ns / 1000000, "blocks",
                     S(0), "devices", "name", "disk0", "in_bytes", resident);
}

/* Not inlined: gcc 12 takes the text for a pointer into the variable that the stream writes. */
__attribute__((noinline)) static char *table(const json_t *before, const json_t *now, const char *sort)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    top_table(f, before, now, sort);
    fclose(f);
    return text;
}

/* "bac": the first letters of the names, in order. */
static void expect_order(const json_t *before, const json_t *now, const char *sort, const char *want)
{
    char *text = table(before, now, sort);
    char got[8] = "";
    unsigned nr = 0;
    for (const char *p = strchr(text, '\n'); p && p[1] && nr < 7; p = strchr(p + 1, '\n'))
        got[nr++] = p[1];
    free(text);
    assert_string_equal(got, want);
}

static void guests_are_sorted_by_what_was_asked_for(void **state)
{
    (void)state;
    OWN(json_t) before = json_array();
    OWN(json_t) now = json_array();
    json_array_append_new(before, guest("a", 1, S(1), S(0), 100));
    json_array_append_new(before, guest("b", 2, S(1), S(0), 0));
    json_array_append_new(before, guest("c", 3, S(1), S(9), 1000));
    json_array_append_new(now, guest("c", 3, S(2), S(9), 1000));
    json_array_append_new(now, guest("b", 2, S(2), S(1), 500));
    json_array_append_new(now, guest("a", 1, S(2), S(2) / 4, 100));
    expect_order(before, now, "cpu", "bac");
    expect_order(before, now, "memory", "cba");
    expect_order(before, now, "disk", "bac"); /* equal ones by name */
    expect_order(before, now, "net", "abc");
    expect_order(before, now, "name", "abc");
}

static void rates_need_a_sample_of_the_same_monitor_before(void **state)
{
    (void)state;
    OWN(json_t) before = json_array();
    OWN(json_t) now = json_array();
    json_array_append_new(before, guest("a", 1, S(1), S(1), 0));
    json_array_append_new(before, guest("b", 2, S(1), S(1), 0));
    json_array_append_new(now, guest("a", 1, S(3), S(2), 1024));
    json_array_append_new(now, guest("b", 7, S(3), S(2), 1024)); /* stopped and started in between */
    char *text = table(before, now, "name");
    const char *a = strstr(text, "\na "), *b = strstr(text, "\nb ");
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(strstr(a, " 50.0 "));
    assert_non_null(strstr(a, " 500 "));   /* steps */
    assert_non_null(strstr(a, " 512 B ")); /* of the disk */
    assert_null(strstr(b, "50.0"));
    assert_non_null(strstr(b, " -  "));
    assert_non_null(strstr(b, "1 KiB/512 MiB"));
    free(text);
    json_object_set_new(json_array_get(now, 0), "engine", json_string("kvm"));
    char *kvm = table(before, now, "name");
    assert_null(strstr(strstr(kvm, "\na "), " 500 ")); /* it steps nothing, and does not count */
    free(kvm);
    OWN(json_t) j = top_json(before, now, "name");
    const json_t *rates = json_object_get(json_array_get(j, 0), "rates");
    assert_true(json_real_value(json_object_get(rates, "cpu_percent")) == 50);
    assert_true(json_real_value(json_object_get(rates, "seconds")) == 2);
    assert_true(json_is_null(json_object_get(json_array_get(j, 1), "rates")));
}

static void a_monitor_that_says_nothing_has_a_row_without_figures(void **state)
{
    (void)state;
    OWN(json_t) now = json_pack("[{s:s, s:s, s:n}]", "name", "deaf", "state", "running", "stats");
    OWN_MEM char *text = table(NULL, now, "cpu");
    assert_non_null(strstr(text, "\ndeaf  running  -       0     -     -      -       -  "));
    char sum[64];
    top_sum(NULL, now, sum, sizeof(sum));
    assert_string_equal(sum, "1 guest, 0% cpu, 0 B resident");
}

static void nobody_runs_is_a_table_of_no_rows(void **state)
{
    (void)state;
    OWN(json_t) now = json_array();
    expect_order(NULL, now, "cpu", "");
    OWN(json_t) j = top_json(NULL, now, "cpu");
    assert_int_equal(json_array_size(j), 0);
}

static void expect_screen(const char *text, unsigned cols, unsigned rows, const char *want)
{
    char *got = NULL;
    size_t len;
    FILE *f = open_memstream(&got, &len);
    top_fit(f, text, cols, rows);
    fclose(f);
    assert_string_equal(got, want);
    free(got);
}

static void lines_are_cut_to_the_screen(void **state)
{
    (void)state;
    expect_screen("one\ntwo\nthree\n", 10, 2, "\033[Hone\033[K\r\ntwo\033[K\033[J");
    expect_screen("abcdef\n\ng", 3, 9, "\033[Habc\r\n\033[K\r\ng\033[K\033[J"); /* K would wipe the c */
    expect_screen("\303\274\303\274x\n", 2, 1, "\033[H\303\274\303\274\033[J");
    expect_screen("", 3, 3, "\033[H\033[J");
}

static int dispatched(const struct verb *v, const char *const *words)
{
    char *argv[8];
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    argv[argc] = NULL;
    return verb_dispatch(v, argc, argv);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][4] = {
        {"--once", "-d", "99ms"}, {"--once", "-d", "0"}, {"--once", "-n", "some"},
        {"--once", "-s", "size"}, {"--once", "--twice"}, {"--once", "no-such-guest"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(dispatched(&verb_top, bad[i]), STATUS_FAILED);
    assert_int_equal(dispatched(&verb_inspect, (const char *const[]){"--stats", NULL}), STATUS_FAILED);
    assert_int_equal(dispatched(&verb_inspect, (const char *const[]){"--stats", "no-such-guest", NULL}),
                     STATUS_FAILED);
    assert_int_equal(dispatched(&verb_inspect, (const char *const[]){"--stats", "-d", "x", "web", NULL}),
                     STATUS_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guests_are_sorted_by_what_was_asked_for),
        cmocka_unit_test(rates_need_a_sample_of_the_same_monitor_before),
        cmocka_unit_test(a_monitor_that_says_nothing_has_a_row_without_figures),
        cmocka_unit_test(nobody_runs_is_a_table_of_no_rows),
        cmocka_unit_test(lines_are_cut_to_the_screen),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
    };
    setenv("HOSPES_ROOT", "/nonexistent", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
