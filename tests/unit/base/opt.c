// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/opt.h"

#include "unit.h"

struct args {
    bool quiet, dry_run;
    const char *name, *engine;
    unsigned cpus;
    uint64_t memory;
    struct opt_time timeout;
    struct opt_list publish;
};
static const struct opt rows[] = {
    OPT(args, quiet, OPT_FLAG, 'q', NULL, "say less"),
    OPT(args, dry_run, OPT_FLAG, 'n', NULL, "only say it"),
    OPT(args, name, OPT_TEXT, 0, "NAME", "name"),
    OPT(args, engine, OPT_CHOICE, 0, "auto|kvm|soft", "engine"),
    OPT(args, cpus, OPT_NUMBER, 'c', "N", "cpus"),
    OPT(args, memory, OPT_SIZE, 'm', "SIZE", "memory"),
    OPT(args, timeout, OPT_SECONDS, 't', "TIME", "time"),
    OPT(args, publish, OPT_REPEATED, 'p', "PORT", "ports"),
};
static const struct opt_table table = {.opts = rows, .nr = sizeof(rows) / sizeof(rows[0])};
static const struct opt_table leading = {.opts = rows, .nr = sizeof(rows) / sizeof(rows[0]), .leading = true};

#define PARSE(t_, ...)                                                                                       \
    char *argv[] = {__VA_ARGS__, NULL};                                                                      \
    struct args a = {0};                                                                                     \
    struct err e = {0};                                                                                      \
    int nr = -1;                                                                                             \
    int rc = opt_parse(&(t_), (int)(sizeof(argv) / sizeof(argv[0])) - 1, argv, &a, &nr, &e);                 \
    (void)nr

static void each_spelling_of_an_option_means_the_same(void **state)
{
    (void)state;
    PARSE(table, "-qn", "-c2", "--memory=1G", "--timeout", "5", "x", "--name=", "--engine", "soft", "-p",
          "1:2", "-p3:4");
    assert_int_equal(rc, OPT_OPERANDS);
    assert_true(a.quiet && a.dry_run);
    assert_int_equal(a.cpus, 2);
    assert_int_equal(a.memory, 1ull << 30);
    assert_int_equal(a.timeout.ms, 5000);
    assert_string_equal(a.name, "");
    assert_string_equal(a.engine, "soft");
    assert_int_equal(a.publish.nr, 2);
    assert_string_equal(a.publish.item[1], "3:4");
    assert_int_equal(nr, 1);
    assert_string_equal(argv[0], "x");
    opt_fini(&table, &a);
}

static void options_and_operands_may_be_mixed(void **state)
{
    (void)state;
    PARSE(table, "a", "-q", "b", "-", "--", "-n", "--", "c");
    assert_int_equal(rc, OPT_OPERANDS);
    assert_int_equal(nr, 6);
    const char *want[] = {"a", "b", "-", "-n", "--", "c"};
    for (int i = 0; i < nr; i++)
        assert_string_equal(argv[i], want[i]);
    assert_false(a.dry_run);
}

static void a_program_of_its_own_keeps_its_options(void **state)
{
    (void)state;
    PARSE(leading, "-q", "image", "ls", "-l", "--help", "--", "x");
    assert_int_equal(rc, OPT_OPERANDS);
    assert_int_equal(nr, 6);
    assert_string_equal(argv[0], "image");
    assert_string_equal(argv[2], "-l");
    assert_string_equal(argv[4], "--");
}

static void help_is_always_there(void **state)
{
    (void)state;
    {
        PARSE(table, "-q", "--help", "--nonsense");
        assert_int_equal(rc, OPT_HELP);
    }
    {
        PARSE(table, "-qh");
        assert_int_equal(rc, OPT_HELP);
    }
}

#define REFUSES(text_, ...)                                                                                  \
    do {                                                                                                     \
        PARSE(table, __VA_ARGS__);                                                                           \
        assert_int_equal(rc, -EINVAL);                                                                       \
        assert_string_equal(e.text, text_);                                                                  \
        opt_fini(&table, &a);                                                                                \
    } while (0)

static void each_mistake_has_a_line_of_its_own(void **state)
{
    (void)state;
    REFUSES("unknown option --foo", "--foo");
    REFUSES("unknown option --memroy, did you mean --memory?", "--memroy=1G");
    REFUSES("unknown option --dry_run, did you mean --dry-run?", "--dry_run");
    REFUSES("unknown option -x", "-qx");
    REFUSES("--name: flag needs an argument: NAME", "--name");
    REFUSES("-c: flag needs an argument: N", "-qc");
    REFUSES("--quiet takes no value", "--quiet=yes");
    REFUSES("--engine: not one of auto|kvm|soft: fast", "--engine=fast");
    REFUSES("--engine: not one of auto|kvm|soft: ", "--engine=");
    REFUSES("--engine: not one of auto|kvm|soft: auto|kvm", "--engine", "auto|kvm");
    REFUSES("-c: not a number: -1", "-c-1");
    REFUSES("--cpus: not a number: 1.5", "--cpus", "1.5");
    REFUSES("--memory: not a size: 12Q (like 512M or 2G)", "--memory", "12Q");
    REFUSES("--timeout: not a time: soon (like 10, 500ms or 2m)", "--timeout", "soon", "-p", "1");
    REFUSES("unknown option --help", "--help=x");
}

static void sizes_are_powers_of_1024(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t want;
    } good[] = {{"0", 0},
                {"4096", 4096},
                {"1k", 1024},
                {"512M", 512ull << 20},
                {"512MiB", 512ull << 20},
                {"2g", 2ull << 30},
                {"1.5G", 3ull << 29},
                {"2GB", 2ull << 30},
                {"1T", 1ull << 40},
                {"0.5K", 512}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t got = 1;
        assert_int_equal(opt_size(good[i].text, &got, NULL), 0);
        assert_int_equal(got, good[i].want);
    }
    static const char *const bad[] = {
        "",    "G", "-1", "1 G", "1GG", "0x10", "1.G", "1.5", ".5G", "99999999T", "18446744073709551616",
        "1e3", "∞"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t got = 1;
        assert_int_equal(opt_size(bad[i], &got, NULL), -EINVAL);
    }
}

static void times_have_units_or_are_seconds(void **state)
{
    (void)state;
    struct opt_time t;
    assert_int_equal(opt_time("1.25", &t, NULL), 0);
    assert_int_equal(t.ms, 1250);
    assert_int_equal(opt_time("500ms", &t, NULL), 0);
    assert_int_equal(t.ms, 500);
    assert_int_equal(opt_time("2m", &t, NULL), 0);
    assert_int_equal(t.ms, 120000);
    assert_int_equal(opt_time("5d", &t, NULL), -EINVAL);
}

static void a_slip_is_told_from_another_word(void **state)
{
    (void)state;
    const char *names[] = {"ps", "stop", "start", "inspect"};
    assert_string_equal(opt_nearest("strat", names, 4), "start");
    assert_string_equal(opt_nearest("stpo", names, 4), "stop");
    assert_string_equal(opt_nearest("inspct", names, 4), "inspect");
    assert_null(opt_nearest("frobnicate", names, 4));
    assert_null(opt_nearest("x", names, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_spelling_of_an_option_means_the_same),
        cmocka_unit_test(options_and_operands_may_be_mixed),
        cmocka_unit_test(a_program_of_its_own_keeps_its_options),
        cmocka_unit_test(help_is_always_there),
        cmocka_unit_test(each_mistake_has_a_line_of_its_own),
        cmocka_unit_test(sizes_are_powers_of_1024),
        cmocka_unit_test(times_have_units_or_are_seconds),
        cmocka_unit_test(a_slip_is_told_from_another_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
