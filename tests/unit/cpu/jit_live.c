// SPDX-License-Identifier: GPL-2.0-or-later
/* Which flags instructions read and write, and which are needed at a place. */
#include "unit.h"

#include "cpu/soft/jit.h"

static struct flag_use use_of(const uint8_t *bytes, unsigned len)
{
    struct insn i;
    bool more;
    assert_true(insn_decode(MODE_LONG64, bytes, len, &i, &more));
    return flags_of(&i.z, i.bytes);
}

#define USE(...) use_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void add_writes_all_flags(void **state)
{
    (void)state;
    struct flag_use u = USE(0x01, 0xc8);
    assert_int_equal(u.writes, FL_ARITH);
    assert_int_equal(u.reads, 0);
}

static void inc_leaves_the_carry_alone(void **state)
{
    (void)state;
    assert_int_equal(USE(0xff, 0xc0).writes, FL_ARITH & ~FL_CF);
}

static void adc_reads_the_carry(void **state)
{
    (void)state;
    assert_int_equal(USE(0x11, 0xc8).reads, FL_CF);
}

static void a_shift_by_a_register_may_change_nothing(void **state)
{
    (void)state;
    struct flag_use u = USE(0xd3, 0xe0);
    assert_int_equal(u.writes, 0);
    assert_true(u.reads & FL_CF);
}

static void a_shift_by_a_constant_writes(void **state)
{
    (void)state;
    assert_true(USE(0xc1, 0xe0, 3).writes & FL_CF);
    assert_int_equal(USE(0xc1, 0xe0, 32).writes, 0); /* counts are modulo 32 */
}

static void a_repeated_compare_may_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(USE(0xf3, 0xa6).writes, 0);
}

static uint16_t ahead(const uint8_t *bytes, unsigned len, uint64_t *seen)
{
    static uint8_t page[RAM_PAGE];
    static struct jpage p;
    memset(page, 0xcc, sizeof(page));
    memcpy(page, bytes, len);
    *seen = 0;
    return flags_ahead(&p, page, 0, MODE_LONG64, 2, seen);
}

#define AHEAD(seen, ...) ahead((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), seen)

static void nothing_is_needed_before_all_is_written(void **state)
{
    uint64_t seen;
    (void)state;
    assert_int_equal(AHEAD(&seen, 0x48, 0x8b, 0x07, 0x48, 0x01, 0xc8), 0); /* mov rax, [rdi]; add rax, rcx */
    assert_int_equal(seen, 1);
}

static void a_condition_needs_its_flags_whatever_follows(void **state)
{
    uint64_t seen;
    (void)state;
    /* jz +2; add eax, ecx; add eax, ecx */
    assert_int_equal(AHEAD(&seen, 0x74, 0x02, 0x01, 0xc8, 0x01, 0xc8), FL_ZF);
}

static void everything_counts_as_needed_at_a_return(void **state)
{
    uint64_t seen;
    (void)state;
    assert_int_equal(AHEAD(&seen, 0xc3), FL_ARITH);
    assert_int_equal(AHEAD(&seen, 0xff, 0xc0, 0xc3), FL_CF); /* inc eax; ret */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_writes_all_flags),
        cmocka_unit_test(inc_leaves_the_carry_alone),
        cmocka_unit_test(adc_reads_the_carry),
        cmocka_unit_test(a_shift_by_a_register_may_change_nothing),
        cmocka_unit_test(a_shift_by_a_constant_writes),
        cmocka_unit_test(a_repeated_compare_may_change_nothing),
        cmocka_unit_test(nothing_is_needed_before_all_is_written),
        cmocka_unit_test(a_condition_needs_its_flags_whatever_follows),
        cmocka_unit_test(everything_counts_as_needed_at_a_return),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
