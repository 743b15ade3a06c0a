// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/guest_dir.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include "root.h"

static struct guest_config config(const char *name)
{
    struct guest_config c;
    guest_defaults(&c);
    c.name = name;
    c.image = "debian";
    return c;
}

static struct guest_dir *made(const char *name)
{
    const struct guest_config c = config(name);
    struct guest_dir *d = NULL;
    struct err e = {0};
    if (guest_dir_create(&c, &d, &e) < 0)
        fail_msg("%s", e.text);
    return d;
}

static char *field(const char *name, const char *key)
{
    OWN(guest_dir) d = NULL;
    OWN(json_t) j = NULL;
    const char *text;
    struct err e;
    assert_int_equal(guest_dir_open(name, &d, &e), 0);
    assert_int_equal(guest_dir_load(d, &j, &e), 0);
    assert_int_equal(json_get_string(j, key, &text, &e), 0);
    return strdup(text);
}

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void a_name_is_taken_once(void **state)
{
    (void)state;
    OWN(guest_dir) d = made("web");
    const struct guest_config c = config("web");
    struct guest_dir *again = NULL;
    struct err e;
    assert_int_equal(guest_dir_create(&c, &again, &e), -EEXIST);
    assert_non_null(strstr(e.text, "name taken"));
    guest_dir_unlock(d); /* stopped guests keep their names */
    assert_int_equal(guest_dir_create(&c, &again, &e), -EEXIST);
    assert_true(there(d->dir));
    assert_false(there(d->run));
}

static void names_are_made_up_when_none_is_given(void **state)
{
    (void)state;
    OWN(guest_dir) a = made(NULL);
    OWN(guest_dir) b = made(NULL);
    struct err e;
    assert_string_not_equal(a->name, b->name);
    assert_int_equal(guest_check_name(a->name, &e), 0);
    OWN_MEM char *name = field(a->name, "name");
    assert_string_equal(name, a->name);
}

static void the_lock_is_one_at_a_time(void **state)
{
    (void)state;
    OWN(guest_dir) d = made("web");
    OWN(guest_dir) other = NULL;
    struct err e;
    OWN_MEM char *pid = guest_dir_run_file(d, "pid");
    assert_int_equal(file_write_atomic(pid, "1\n", 2, 0644, &e), 0); /* as monitors have it */
    assert_int_equal(guest_dir_open("web", &other, &e), 0);
    assert_true(guest_dir_alive(other));
    assert_int_equal(guest_dir_lock(other, &e), -EBUSY);
    guest_dir_unlock(d);
    assert_false(guest_dir_alive(other));
    assert_int_equal(guest_dir_lock(other, &e), 0);
    guest_dir_unlock(other);
    assert_false(there(d->run));
}

static void a_guest_whose_monitor_died_has_crashed(void **state)
{
    (void)state;
    struct err e;
    pid_t child = fork();
    if (child == 0) {
        OWN(guest_dir) d = made("web");
        OWN(json_t) running = json_pack("{s:s}", "state", "running");
        OWN_MEM char *pid = guest_dir_run_file(d, "pid");
        file_write_atomic(pid, "1\n", 2, 0644, NULL);
        guest_dir_record(d, running, NULL);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
    OWN(guest_dir) d = NULL;
    assert_int_equal(guest_dir_open("web", &d, &e), 0);
    assert_true(there(d->run));
    assert_int_equal(guest_dir_lock(d, &e), 0);
    OWN_MEM char *now = field("web", "state");
    assert_string_equal(now, "crashed");
    guest_dir_unlock(d);
    assert_false(there(d->run));
}

static void a_folder_that_was_never_finished_is_no_guest(void **state)
{
    (void)state;
    OWN(guest_dir) whole = made("whole");
    OWN(guest_dir) half = NULL;
    OWN(json_t) names = NULL;
    struct err e;
    assert_int_equal(guest_dir_at("half", &half, &e), 0);
    assert_int_equal(dir_make(half->dir, 0700, &e), 0);
    assert_int_equal(guest_dir_names(&names, &e), 0);
    assert_int_equal(json_array_size(names), 1);
    assert_string_equal(json_string_value(json_array_get(names, 0)), "whole");
    assert_false(there(half->dir));
    OWN(guest_dir) now = made("half"); /* its name is free */
    assert_true(there(whole->dir) && there(now->dir));
}

static void what_is_removed_leaves_nothing(void **state)
{
    OWN(guest_dir) d = made("web");
    OWN_MEM char *disk = guest_dir_file(d, "disk");
    struct err e;
    assert_int_equal(file_write_atomic(disk, "x", 1, 0600, &e), 0);
    assert_int_equal(guest_dir_remove(d, &e), 0);
    assert_false(there(d->dir) || there(d->run));
    struct guest_dir *gone = NULL;
    assert_int_equal(guest_dir_open("web", &gone, &e), -ENOENT);
    OWN(json_t) names = NULL;
    assert_int_equal(guest_dir_names(&names, &e), 0);
    assert_int_equal(json_array_size(names), 0);
    (void)state;
}

static void a_fork_that_removed_the_guest_takes_no_other_guests_folder_with_it(void **state)
{
    (void)state;
    OWN(guest_dir) mine = made("web");
    struct err e;
    pid_t child = fork();
    if (child == 0) {
        guest_dir_remove(mine, NULL);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    OWN(guest_dir) others = made("web"); /* somebody is quick to take the name */
    assert_int_equal(guest_dir_remove(mine, &e), 0);
    assert_true(there(others->dir) && there(others->run));
    assert_true(guest_dir_alive(others));
}

static void records_keep_the_configuration(void **state)
{
    (void)state;
    OWN(guest_dir) d = made("web");
    OWN(json_t) fields = json_pack("{s:s, s:{s:s}}", "state", "broken", "last", "why", "kernel panic: x");
    OWN(json_t) j = NULL;
    OWN_GUEST c = {0};
    struct err e;
    assert_int_equal(guest_dir_record(d, fields, &e), 0);
    assert_int_equal(guest_dir_load(d, &j, &e), 0);
    assert_int_equal(guest_parse(j, &c, &e), 0);
    assert_string_equal(c.image, "debian");
    struct stat st;
    assert_int_equal(stat(d->dir, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
}

static void names_that_are_paths_are_none(void **state)
{
    (void)state;
    static const char *const names[] = {"..", ".", "", "a/b", "-a", "/etc", "a b", "a\n"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct guest_dir *d = NULL;
        struct err e;
        assert_int_equal(guest_dir_at(names[i], &d, &e), -EINVAL);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, root_setup, root_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_is_taken_once),
        TEST(names_are_made_up_when_none_is_given),
        TEST(the_lock_is_one_at_a_time),
        TEST(a_guest_whose_monitor_died_has_crashed),
        TEST(a_folder_that_was_never_finished_is_no_guest),
        TEST(what_is_removed_leaves_nothing),
        TEST(a_fork_that_removed_the_guest_takes_no_other_guests_folder_with_it),
        TEST(records_keep_the_configuration),
        TEST(names_that_are_paths_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
