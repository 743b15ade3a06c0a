// SPDX-License-Identifier: GPL-2.0-or-later
/* Samples of a guest, rates from two of them, and the page of inspect --stats. */
#include "cli/sample.h"

#include "base/json.h"
#include "cli/stats.h"
#include "unit.h"

#define TWO_CPUS                                                                                             \
    "{\"name\":\"web\",\"state\":\"running\",\"engine\":\"soft\",\"cpus\":2,\"stats\":{\"at_ns\":%s,\"up_"   \
    "ns\":60000000000,"                                                                                      \
    "\"monitor\":{\"cpu_ns\":%s,\"vcpus_ns\":900,\"rest_ns\":100,\"resident\":4096},"                        \
    "\"memory\":{\"bytes\":16777216,\"given_back\":0,\"touched\":8192},"                                     \
    "\"code_cache\":{\"used\":10,\"bytes\":100,\"blocks\":3,\"flushes\":1},"                                 \
    "\"cpus\":[{\"cpu_ns\":5,\"halts\":3,\"steps\":%s,\"tlb_misses_read\":1},"                               \
    "{\"cpu_ns\":6,\"halts\":4,\"mmio_writes\":2,\"tlb_misses_fetch\":2}],"                                  \
    "\"devices\":[{\"name\":\"disk0\",\"in_bytes\":1,\"out_bytes\":2},{\"name\":\"disk1\",\"in_bytes\":4},"  \
    "{\"name\":\"net\",\"in_bytes\":8,\"out_bytes\":16},{\"name\":\"rng\",\"in_bytes\":99}]}}"

static json_t *guest(const char *at_ns, const char *cpu_ns, const char *steps)
{
    char text[2048];
    json_t *j = NULL;
    snprintf(text, sizeof(text), TWO_CPUS, at_ns, cpu_ns, steps);
    assert_int_equal(json_parse(text, strlen(text), "guest", &j, NULL), 0);
    return j;
}

static void a_sample_is_the_sum_of_cpus_and_devices(void **state)
{
    (void)state;
    OWN(json_t) j = guest("1000", "1000", "7");
    struct sample s;
    sample_read(j, &s);
    assert_true(s.known);
    assert_int_equal(s.cpus.halts, 7);
    assert_int_equal(s.cpus.steps, 7);
    assert_int_equal(sample_tlb_misses(&s), 3);
    assert_int_equal(sample_exits(&s), 9); /* halts and MMIO */
    assert_int_equal(s.disk_in, 5);
    assert_int_equal(s.disk_out, 2);
    assert_int_equal(s.net_in, 8);
    assert_int_equal(s.net_out, 16);
    assert_int_equal(s.cache.blocks, 3);
    assert_int_equal(s.touched, 8192);
    s.cpus.exits = 1000;
    assert_int_equal(sample_exits(&s), 1000); /* the kernel knows better */
}

static void what_is_missing_or_of_another_kind_is_zero(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}", "{\"stats\":null}", "{\"stats\":[]}", "{\"stats\":7}",
        "{\"stats\":{\"monitor\":3,\"cpus\":{},\"devices\":[1,{\"name\":2}],\"at_ns\":\"x\",\"up_ns\":-5}}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        OWN(json_t) j = NULL;
        struct sample s;
        assert_int_equal(json_parse(texts[i], strlen(texts[i]), "guest", &j, NULL), 0);
        sample_read(j, &s);
        assert_int_equal(s.known, i == 4);
        s.known = false;
        assert_memory_equal(&s, &(struct sample){0}, sizeof(s));
    }
    struct sample s;
    sample_read(NULL, &s);
    assert_false(s.known);
}

static void rates_are_per_second_and_percent_of_a_core(void **state)
{
    (void)state;
    assert_true(sample_rate(100, 300, 2000000000) == 100);
    assert_true(sample_percent(0, 500000000, 1000000000) == 50);
    assert_true(sample_percent(1000000000, 5000000000, 2000000000) == 200); /* two threads */
    assert_true(sample_rate(1, 2, 0) == 0);
}

static void a_counter_that_began_anew_has_grown_by_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(sample_growth(1000, 30), 30);
    assert_int_equal(sample_growth(30, 30), 0);
    assert_true(sample_rate(1000, 30, 1000000000) == 30);
}

static void figures_are_short(void **state)
{
    (void)state;
    static const struct {
        double n;
        const char *text;
    } all[] = {{0, "0"},        {0.04, "0"},      {0.4, "0.4"},   {1, "1"},
               {9.04, "9.0"},   {9.96, "10"},     {37.2, "37"},   {999, "999"},
               {999.6, "1.0k"}, {1200, "1.2k"},   {98765, "99k"}, {999600, "1.0M"},
               {35e6, "35M"},   {7.25e9, "7.2G"}, {4e12, "4.0T"}, {5e15, "5000T"}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char b[32];
        assert_string_equal(sample_short(all[i].n, b, sizeof(b)), all[i].text);
    }
}

static char *page(const json_t *before, const json_t *now)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    stats_print(f, before, now);
    fclose(f);
    return text;
}

static void contains(const char *text, const char *line)
{
    if (!strstr(text, line))
        fail_msg("no \"%s\" in:\n%s", line, text);
}

static void the_page_has_totals_and_rates(void **state)
{
    (void)state;
    OWN(json_t) before = guest("1000000000", "0", "100");
    OWN(json_t) now = guest("3000000000", "1500000000", "5100");
    OWN_MEM char *text = page(before, now);
    contains(text, "web: running, engine soft, 2 cpus, up 60 s\n");
    contains(text, "  all                      1.50 s      75.0%  ");
    contains(text, "    cpu1                   0.00 s       0.0%\n");
    contains(text, "  touched                   8 KiB");
    contains(text, "  emptied                       1          0  ");
    contains(text, "  steps                      5100       2.5k  ");
    contains(text, "disk1 ");
    assert_null(strstr(text, "memory_faults")); /* kvm's */
}

static void one_sample_has_no_rates(void **state)
{
    (void)state;
    OWN(json_t) now = guest("3000000000", "1500000000", "5100");
    OWN_MEM char *text = page(NULL, now);
    contains(text, "  steps                      5100          -  ");
    contains(text, "  all                      1.50 s          -  ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_is_the_sum_of_cpus_and_devices),
        cmocka_unit_test(what_is_missing_or_of_another_kind_is_zero),
        cmocka_unit_test(rates_are_per_second_and_percent_of_a_core),
        cmocka_unit_test(a_counter_that_began_anew_has_grown_by_what_it_is),
        cmocka_unit_test(figures_are_short),
        cmocka_unit_test(the_page_has_totals_and_rates),
        cmocka_unit_test(one_sample_has_no_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
