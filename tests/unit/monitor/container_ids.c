// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/container_ids.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "unit.h"

static void ranges_follow_the_users_own_id(void **state)
{
    (void)state;
    static const char text[] =
        "other:1:2\nweb:100000:65536\n1000:300000:10\nweb\nweb:x:1\nweb:5:\n:1:1\nweb:7:-1\n"
        "web:4294967295:2\nweb:9:0\nwebby:1:1\n";
    struct id_maps m = {0};
    OWN_FILE f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_int_equal(container_ids_read(f, "web", 1000, &m), 0);
    assert_int_equal(m.nr, 3);
    assert_true(m.item[0].inside == 0 && m.item[0].outside == 1000 && m.item[0].count == 1);
    assert_true(m.item[1].inside == 1 && m.item[1].outside == 100000 && m.item[1].count == 65536);
    assert_true(m.item[2].inside == 65537 && m.item[2].outside == 300000 && m.item[2].count == 10);
    free(m.item);
}

static void without_a_file_there_is_one(void **state)
{
    (void)state;
    struct id_maps m = {0};
    assert_int_equal(container_ids_read(NULL, "web", 1000, &m), 0);
    assert_int_equal(m.nr, 1);
    free(m.item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_follow_the_users_own_id),
        cmocka_unit_test(without_a_file_there_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
