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

static void a_made_up_name_is_two_words(void **state)
{
    (void)state;
    char name[32];
    for (int i = 0; i < 50; i++) {
        word_name(name, sizeof(name));
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        assert_ptr_equal(strchr(name, '-'), strrchr(name, '-'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(debug_bits_are_named_in_a_list),
        cmocka_unit_test(a_made_up_name_is_two_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
