// SPDX-License-Identifier: GPL-2.0-or-later
/* A folder stands in for the kernel's: what would be the kernel's doing (files of a new folder) is not there.
 */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "container/rdt.h"

static char top[64];

static int make_top(void **s)
{
    (void)s;
    strcpy(top, "/tmp/hospes-rdt-XXXXXX");
    return mkdtemp(top) ? 0 : -1;
}

static int remove_top(void **s)
{
    (void)s;
    return dir_remove(top, NULL);
}

static void write_file(const char *name, const char *text)
{
    OWN_MEM char *path = path_make("%s/%s", top, name);
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

static void make_group(const char *name, const char *schemata)
{
    OWN_MEM char *path = path_make("%s/%s", top, name), *file = path_make("%s/schemata", name),
                 *tasks = path_make("%s/tasks", name);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(file, schemata);
    write_file(tasks, "");
}

static void holds(const char *name, const char *want)
{
    OWN_MEM char *path = path_make("%s/%s", top, name), *text = NULL;
    assert_int_equal(file_read(path, 4096, &text, NULL, NULL), 0);
    assert_string_equal(text, want);
}

static bool there(const char *name)
{
    OWN_MEM char *path = path_make("%s/%s", top, name);
    return access(path, F_OK) == 0;
}

static void schemata_match_in_what_they_say(void **s)
{
    (void)s;
    static const char have[] = "    L3:0=07ff;1=7ff\n    L2:0=ff;1=ff\n    MB:0= 20;1=70\n";
    const char *const good[] = {
        "L3:0=7ff;1=7ff",      "L3:1=7ff", "MB:0=20;1=70", "L3:0=7ff;1=7ff\nMB:1=70\n",
        "MB:1=70\nL3:0=007ff", "",         "MB:1= 70"};
    const char *const bad[] = {"L3:0=7f0", "L3:2=7ff",          "MB:0=200", "L4:0=1",
                               "nonsense", "L3:0=7ff\nMB:0=30", "L3"};
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(rdt_schemata_match(have, good[i]));
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(rdt_schemata_match(have, bad[i]));
}

static void a_class_that_is_there_is_joined(void **s)
{
    (void)s;
    struct rdt_group g;
    const struct rdt_config r = {.there = true, .clos_id = "gold"}, none = {.there = true, .clos_id = "lead"};
    make_group("gold", "L3:0=f\n");
    assert_int_equal(rdt_enter(top, &r, "id", 42, &g, NULL), 0);
    holds("gold/tasks", "42");
    holds("gold/schemata", "L3:0=f\n");
    rdt_leave(&g);
    assert_true(there("gold")); /* others' */
    rdt_group_fini(&g);
    assert_int_equal(rdt_enter(top, &none, "id", 42, &g, NULL), -ENOENT);
    assert_false(there("lead"));
}

static void one_with_other_schemata_is_refused(void **s)
{
    (void)s;
    struct rdt_group g;
    struct err e;
    struct rdt_config r = {.there = true, .clos_id = "silver", .l3 = "L3:0=f", .bandwidth = "MB:0=10"};
    make_group("silver", "L3:0=f\nMB:0=20\n");
    assert_int_equal(rdt_enter(top, &r, "id", 42, &g, &e), -EBUSY);
    holds("silver/tasks", "");
    r.bandwidth = "MB:0=20";
    assert_int_equal(rdt_enter(top, &r, "id", 42, &g, &e), 0);
    holds("silver/tasks", "42");
    rdt_group_fini(&g);
}

/* As the kernel would: its files are there as soon as the folder is. */
static void without_a_name_the_class_is_the_containers_own(void **s)
{
    (void)s;
    struct rdt_group g;
    const char *const lines[] = {"L2:0=3"};
    const struct rdt_config r = {.there = true,
                                 .l3 = "L3:0=f\nMB:0=99",
                                 .bandwidth = "MB:0=50",
                                 .schemata = {.item = (const char **)lines, .nr = 1}};
    make_group("box", "");
    assert_int_equal(rdt_enter(top, &r, "box", 7, &g, NULL), 0);
    holds("box/schemata", "L3:0=f\nMB:0=50\nL2:0=3\n");
    assert_true(g.made);
    assert_int_equal(rdt_update(&g, "L3:0=3", NULL, NULL), 0);
    rdt_group_fini(&g);
}

static void after_an_error_nothing_is_left(void **s)
{
    (void)s;
    struct rdt_group g;
    struct err e;
    const struct rdt_config r = {.there = true, .l3 = "L3:0=f"}, m = {.there = true, .cmt = true};
    assert_int_equal(rdt_enter(top, &r, "new", 7, &g, &e), -ENOENT); /* no file schemata in a mere folder */
    assert_false(there("new"));
    assert_int_equal(rdt_enter(top, &m, "new", 7, &g, &e), -EOPNOTSUPP);
    assert_false(there("new"));
}

static void monitoring_is_a_group_below_the_class(void **s)
{
    (void)s;
    struct rdt_group g;
    const struct rdt_config r = {.there = true, .clos_id = "gold", .monitoring = true};
    OWN_MEM char *path = path_make("%s/gold/mon_groups", top);
    assert_int_equal(mkdir(path, 0700), 0);
    make_group("gold/mon_groups/id", "");
    assert_int_equal(rdt_enter(top, &r, "id", 43, &g, NULL), 0);
    holds("gold/tasks", "43");
    holds("gold/mon_groups/id/tasks", "43");
    rdt_group_fini(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemata_match_in_what_they_say),
        cmocka_unit_test(a_class_that_is_there_is_joined),
        cmocka_unit_test(one_with_other_schemata_is_refused),
        cmocka_unit_test(without_a_name_the_class_is_the_containers_own),
        cmocka_unit_test(after_an_error_nothing_is_left),
        cmocka_unit_test(monitoring_is_a_group_below_the_class),
    };
    return cmocka_run_group_tests(tests, make_top, remove_top);
}
