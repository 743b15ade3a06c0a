// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/progress.h"

#include <fcntl.h>
#include <unistd.h>

#include "unit.h"

static void a_bar_tells_percent_bytes_and_rate(void **state)
{
    (void)state;
    struct progress p = {.unit = PROGRESS_BYTES, .total = 200u << 20, .done = 50u << 20, .what = "import x"};
    char text[200];
    progress_text(&p, 2000000000, 100, text, sizeof(text));
    assert_string_equal(text, "import x  [######------------------]  25%  50 MiB of 200 MiB  25 MiB/s");
    p.done = 300u << 20; /* more came than was said */
    progress_text(&p, 2000000000, 100, text, sizeof(text));
    assert_non_null(strstr(text, "100%  200 MiB of 200 MiB"));
}

static void an_unknown_total_has_no_bar_and_nothing_is_wider_than_the_terminal(void **state)
{
    (void)state;
    struct progress p = {.unit = PROGRESS_BYTES, .done = 2048, .what = "x"};
    char text[200];
    progress_text(&p, 1000000000, 100, text, sizeof(text));
    assert_string_equal(text, "x ...  2.0 KiB  2.0 KiB/s");
    p.total = 4096;
    progress_text(&p, 1000000000, 11, text, sizeof(text));
    assert_string_equal(text, "x  [#######");
}

static size_t said(int fd, char *text, size_t len)
{
    ssize_t n = read(fd, text, len - 1);
    text[n > 0 ? n : 0] = 0;
    return strlen(text);
}

static void short_work_says_nothing_and_long_work_one_line_a_phase_where_no_terminal_is(void **state)
{
    (void)state;
    int p[2];
    char text[200];
    assert_int_equal(pipe2(p, O_NONBLOCK), 0);
    struct progress g;
    progress_init(&g, p[1]);
    progress_start(&g, "first", 10, PROGRESS_STEPS);
    progress_to(&g, 5);
    progress_start(&g, "second", 10, PROGRESS_STEPS);
    assert_int_equal(said(p[0], text, sizeof(text)), 0);
    g.start_ns -= 1000000000;
    progress_to(&g, 1);
    progress_add(&g, 1);
    progress_done(&g);
    progress_add(&g, 1); /* after the end: nothing */
    said(p[0], text, sizeof(text));
    assert_string_equal(text, "second ...\n");
    close(p[0]);
    close(p[1]);
}

static void nobody_has_to_look(void **state)
{
    (void)state;
    progress_start(NULL, "x", 1, PROGRESS_STEPS);
    progress_add(NULL, 1);
    progress_done(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bar_tells_percent_bytes_and_rate),
        cmocka_unit_test(an_unknown_total_has_no_bar_and_nothing_is_wider_than_the_terminal),
        cmocka_unit_test(short_work_says_nothing_and_long_work_one_line_a_phase_where_no_terminal_is),
        cmocka_unit_test(nobody_has_to_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
