// SPDX-License-Identifier: GPL-2.0-or-later
#include "cpu/stats.h"

#include "base/frame.h"
#include "unit.h"

static void every_counter_is_shown_once(void **state)
{
    (void)state;
    unsigned shown[sizeof(struct cpu_stats) / sizeof(uint64_t)] = {0};
    for (const struct cpu_counter *c = cpu_counters; c->name; c++) {
        assert_true(c->offset % sizeof(uint64_t) == 0 && c->offset < sizeof(struct cpu_stats));
        shown[c->offset / sizeof(uint64_t)]++;
        assert_non_null(c->help);
        assert_true(cpu_counter_of(c, "kvm") || cpu_counter_of(c, "soft"));
        assert_false(cpu_counter_of(c, "-"));
        for (const struct cpu_counter *other = cpu_counters; other < c; other++)
            assert_string_not_equal(c->name, other->name);
    }
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
        assert_int_equal(shown[i], 1);
}

static void a_counter_is_read_where_it_is_written(void **state)
{
    (void)state;
    struct cpu_stats s = {0}, copy;
    cpu_count(&s.tlb_misses[1]);
    cpu_count_by(&s.tlb_misses[1], 41);
    cpu_stats_copy(&copy, &s);
    for (const struct cpu_counter *c = cpu_counters; c->name; c++)
        assert_int_equal(cpu_counter_get(&copy, c), strcmp(c->name, "tlb_misses_write") == 0 ? 42 : 0);
}

/* "name":N, for each counter of each CPU, with the longest figures there are. */
static void what_the_most_cpus_count_fits_into_one_reply(void **state)
{
    (void)state;
    for (const char *const *engine = (const char *const[]){"kvm", "soft", NULL}; *engine; engine++) {
        size_t bytes = strlen("{\"cpu_ns\":},") + 20;
        for (const struct cpu_counter *c = cpu_counters; c->name; c++)
            if (cpu_counter_of(c, *engine))
                bytes += strlen(c->name) + strlen("\"\":,") + 20;
        assert_true(bytes * CPU_MAX < FRAME_MAX - 8192);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_counter_is_shown_once),
        cmocka_unit_test(a_counter_is_read_where_it_is_written),
        cmocka_unit_test(what_the_most_cpus_count_fits_into_one_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
