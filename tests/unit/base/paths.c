// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/paths.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "unit.h"

static void one_variable_moves_everything(void **state)
{
    (void)state;
    struct err e;
    char root[] = "/tmp/hospes-paths.XXXXXX";
    assert_non_null(mkdtemp(root));
    setenv("HOSPES_ROOT", root, 1);
    OWN_MEM char *data = paths_data(), *run = NULL, *want = path_make("%s/data", root);
    assert_string_equal(data, want);
    assert_int_equal(paths_run(&run, &e), 0);
    struct stat st;
    assert_int_equal(stat(run, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);

    OWN_MEM char *again = NULL;
    assert_int_equal(chmod(run, 0777), 0);
    assert_int_equal(paths_run(&again, &e), -EPERM);
    assert_int_equal(dir_remove(root, &e), 0);
}

static void a_relative_root_becomes_absolute(void **state)
{
    (void)state;
    setenv("HOSPES_ROOT", "some/where", 1);
    OWN_MEM char *data = paths_data();
    assert_int_equal(data[0], '/');
    assert_non_null(strstr(data, "/some/where/data"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_variable_moves_everything),
        cmocka_unit_test(a_relative_root_becomes_absolute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
