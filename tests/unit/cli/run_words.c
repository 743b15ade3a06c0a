// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/environment.h"
#include "cli/mount_option.h"
#include "unit.h"

/* ---- environment ---- */

static struct opt_list list(const char **item)
{
    struct opt_list l = {.item = item};
    while (item[l.nr])
        l.nr++;
    return l;
}

static void the_later_of_two_holds(void **state)
{
    (void)state;
    struct err e;
    char path[] = "/tmp/hospes-env-XXXXXX";
    OWN_FD fd = mkstemp(path);
    static const char text[] = "#c\n\n A=1\nB=2\r\nHOSPES_UNIT_NONE\nC=3=4";
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    const char *files[] = {path, NULL}, *env[] = {"B=5", "TERM=mine", NULL};
    struct opt_list f = list(files), v = list(env);
    setenv("TERM", "theirs", 1);
    OWN_ENVIRONMENT r = {0};
    assert_int_equal(environment_make(&f, &v, true, &r, &e), 0);
    static const char *const want[] = {"TERM=mine", "A=1", "B=5", "C=3=4", NULL};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        want[i] ? assert_string_equal(r.item[i], want[i]) : assert_null(r.item[i]);
    unlink(path);
}

static void a_missing_name_or_file_is_told(void **state)
{
    (void)state;
    struct err e;
    const char *files[] = {"/no/such/file", NULL}, *env[] = {"=b", NULL}, *no[] = {NULL};
    struct opt_list f = list(files), v = list(env), none = list(no);
    OWN_ENVIRONMENT r = {0};
    assert_int_equal(environment_make(&f, &none, false, &r, &e), -ENOENT);
    assert_int_equal(environment_make(&none, &v, false, &r, &e), -EINVAL);
    assert_null(r.item);
}

/* ---- mounts ---- */

static void words_become_volumes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
        bool tmpfs;
    } good[] = {{"type=bind,source=/a,target=/b", "/a:/b", false},
                {"type=bind,src=./a,dst=/b,ro,noexec", "./a:/b:ro,noexec", false},
                {"type=bind,source=/a=b,destination=/b,readonly=false", "/a=b:/b", false},
                {"type=tmpfs,target=/t", "/t:", true},
                {"type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700", "/t:size=1m,mode=700", true},
                {"/a:/b:ro", "/a:/b:ro", false}};
    struct err e;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        OWN_MEM char *got = NULL;
        bool tmpfs;
        assert_int_equal(mount_option_parse(good[i].text, &tmpfs, &got, &e), 0);
        assert_string_equal(got, good[i].want);
        assert_int_equal(tmpfs, good[i].tmpfs);
    }
    static const char *const bad[] = {"",
                                      "type=bind",
                                      "type=bind,source=/a",
                                      "type=volume,source=a,target=/b",
                                      "source=/a,target=/b",
                                      "type=tmpfs,source=/a,target=/b",
                                      "type=bind,source=/a,target=/b,what",
                                      "type=bind,source=/a,target=/b,nosuid=1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        OWN_MEM char *got = NULL;
        bool tmpfs;
        assert_int_equal(mount_option_parse(bad[i], &tmpfs, &got, &e), -EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_later_of_two_holds),
        cmocka_unit_test(a_missing_name_or_file_is_told),
        cmocka_unit_test(words_become_volumes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
