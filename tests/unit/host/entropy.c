// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/entropy.h"

#include "unit.h"

static void every_byte_asked_for_is_filled_and_no_other(void **state)
{
    (void)state;
    struct entropy_port p = entropy_host();
    uint8_t seen[1003] = {0}, once[1003];
    for (int i = 0; i < 20; i++) { /* a byte that stays 0 twenty times was not filled */
        memset(once, 0, sizeof(once));
        p.fill(p.ctx, once + 1, 1001);
        assert_int_equal(once[0] | once[1002], 0);
        for (unsigned k = 0; k < sizeof(once); k++)
            seen[k] |= once[k];
    }
    for (unsigned k = 1; k <= 1001; k++)
        assert_int_not_equal(seen[k], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte_asked_for_is_filled_and_no_other)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
