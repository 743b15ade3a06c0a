// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/words.h"

#include "cpu/cpu.h"
#include "unit.h"

static void debug_bits_are_named_in_a_list(void **state)
{
    (void)state;
    uint32_t bits = 0;
    assert_int_equal(word_debug_bits("step", &bits, NULL), 0);
    assert_int_equal(bits, CPU_DEBUG_STEP);
    assert_int_equal(word_debug_bits("no-tlb,no-jcache", &bits, NULL), 0);
    assert_int_equal(bits, CPU_DEBUG_NO_TLB | CPU_DEBUG_NO_JCACHE);
    static const char *const bad[] = {"", ",", "step,", "steps", "ste", "no-tlb,,step", "7"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(word_debug_bits(bad[i], &bits, NULL), -EINVAL);
    assert_int_equal(bits, CPU_DEBUG_NO_TLB | CPU_DEBUG_NO_JCACHE);
}

static void a_variable_is_given_or_passed_on(void **state)
{
    (void)state;
    const char *items[] = {"A=1", "HOSPES_TEST_SET", "HOSPES_TEST_UNSET", "B="};
    const char **env = NULL;
    setenv("HOSPES_TEST_SET", "x=y", 1);
    assert_int_equal(word_env(&(struct opt_list){items, 4}, &env, NULL), 0);
    assert_string_equal(env[0], "A=1");
    assert_string_equal(env[1], "HOSPES_TEST_SET=x=y");
    assert_string_equal(env[2], "B=");
    assert_null(env[3]);
    free(env);
    assert_int_equal(word_env(&(struct opt_list){(const char *[]){"=1"}, 1}, &env, NULL), -EINVAL);
    assert_int_equal(word_env(&(struct opt_list){(const char *[]){""}, 1}, &env, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(debug_bits_are_named_in_a_list),
        cmocka_unit_test(a_variable_is_given_or_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
