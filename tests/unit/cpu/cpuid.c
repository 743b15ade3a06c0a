// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "cpu/cpuid.h"

static struct cpuid_table table_of(unsigned cpu, unsigned nr)
{
    struct cpuid_table t = {.nr = 0};
    cpuid_build(&t, cpu, nr, 2500000);
    return t;
}

static void names_the_vendor_and_the_hypervisor(void **state)
{
    (void)state;
    struct cpuid_table t = table_of(0, 1);
    uint32_t r[4];
    cpuid_lookup(&t, 0, 0, r);
    assert_memory_equal(&r[1], "Auth", 4);
    assert_memory_equal(&r[3], "enti", 4);
    assert_memory_equal(&r[2], "cAMD", 4);
    cpuid_lookup(&t, 0x40000000, 0, r);
    assert_memory_equal(&r[1], "KVMKVMKVM\0\0\0", 12);
    cpuid_lookup(&t, 1, 0, r);
    assert_true(r[2] >> 31);
}

static void hides_what_the_engines_do_not_have(void **state)
{
    (void)state;
    struct cpuid_table t = table_of(0, 1);
    uint32_t r[4];
    cpuid_lookup(&t, 1, 0, r);
    assert_false(r[2] >> 3 & 1);  /* MONITOR */
    assert_false(r[2] >> 5 & 1);  /* VMX */
    assert_false(r[2] >> 17 & 1); /* PCID */
    assert_false(r[2] >> 27 & 1); /* OSXSAVE is the guest's doing */
    cpuid_lookup(&t, 7, 0, r);
    assert_false(r[1] >> 10 & 1); /* INVPCID */
    assert_false(r[1] >> 16 & 1); /* AVX-512F */
    assert_false(r[1] >> 20 & 1); /* SMAP */
    assert_false(r[2] >> 3 & 1);  /* PKU */
    assert_false(r[2] >> 16 & 1); /* LA57 */
    cpuid_lookup(&t, 0xd, 1, r);
    assert_false(r[0] & 1);      /* XSAVEOPT */
    assert_false(r[0] >> 3 & 1); /* XSAVES */
    cpuid_lookup(&t, 0x80000001, 0, r);
    assert_false(r[2] >> 2 & 1); /* SVM */
}

static void a_leaf_beyond_the_highest_is_zero(void **state)
{
    (void)state;
    struct cpuid_table t = table_of(0, 1);
    uint32_t r[4] = {1, 1, 1, 1}, zero[4] = {0, 0, 0, 0};
    cpuid_lookup(&t, 0x12345, 0, r);
    assert_memory_equal(r, zero, sizeof(r));
    cpuid_lookup(&t, 0x80001234, 0, r);
    assert_memory_equal(r, zero, sizeof(r));
}

static void each_cpu_has_its_own_apic_id(void **state)
{
    (void)state;
    for (unsigned cpu = 0; cpu < 5; cpu++) {
        struct cpuid_table t = table_of(cpu, 5);
        uint32_t r[4];
        cpuid_lookup(&t, 1, 0, r);
        assert_int_equal(r[1] >> 24, cpu);
        assert_int_equal(r[1] >> 16 & 0xff, 5);
        cpuid_lookup(&t, 0xb, 1, r);
        assert_int_equal(r[3], cpu);
        assert_int_equal(r[0], 3); /* 5 fit into 3 bits */
        cpuid_lookup(&t, 0xb, 77, r);
        assert_int_equal(r[2], 77);
        assert_int_equal(r[3], cpu);
    }
}

static void tells_the_tsc_frequency_in_three_ways(void **state)
{
    (void)state;
    struct cpuid_table t = table_of(0, 1);
    uint32_t r[4];
    cpuid_lookup(&t, 0x15, 0, r);
    assert_int_equal((uint64_t)r[2] * r[1] / r[0], 2500000000);
    cpuid_lookup(&t, 0x16, 0, r);
    assert_int_equal(r[0], 2500);
    cpuid_lookup(&t, 0x40000010, 0, r);
    assert_int_equal(r[0], 2500000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_vendor_and_the_hypervisor),
        cmocka_unit_test(hides_what_the_engines_do_not_have),
        cmocka_unit_test(a_leaf_beyond_the_highest_is_zero),
        cmocka_unit_test(each_cpu_has_its_own_apic_id),
        cmocka_unit_test(tells_the_tsc_frequency_in_three_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
