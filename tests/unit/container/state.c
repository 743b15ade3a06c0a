// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "container/state.h"

static char root[64];

static int make_root(void **s)
{
    (void)s;
    strcpy(root, "/tmp/hospes-state-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **s)
{
    (void)s;
    return dir_remove(root, NULL);
}

static void an_id_cannot_lead_out_of_the_folder(void **s)
{
    (void)s;
    const char *const bad[] = {"", ".", "..", "a/b", "../x", ".hidden", "a b", "a\n", "\xc3\xa4"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(state_check_id(bad[i], NULL), -EINVAL);
    assert_int_equal(state_check_id("a_B-c.d+9", NULL), 0);
}

static bool is_root_of(const char *want)
{
    OWN_MEM char *got = state_root(NULL);
    return got && strcmp(got, want) == 0;
}

/* Without privileges an engine is root of a user namespace, and only XDG_RUNTIME_DIR is sure to be told. */
static int check_inside(void)
{
    int made = unshare(CLONE_NEWUSER);
    OWN_FD map = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    if (made < 0 || write(map, "0 0 1", 5) != 5)
        return 77;
    unsetenv("USER");
    return is_root_of("/x/hospes-oci") && (setenv("USER", "root", 1), is_root_of("/run/hospes-oci")) ? 0 : 1;
}

static void states_are_where_all_calls_of_an_engine_look(void **s)
{
    (void)s;
    int status;
    if (geteuid() != 0)
        skip();
    setenv("XDG_RUNTIME_DIR", "/x", 1);
    assert_true(is_root_of("/run/hospes-oci"));
    pid_t pid = fork();
    if (pid == 0)
        _exit(check_inside());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(status == 0 || status == 77 << 8);
    unsetenv("XDG_RUNTIME_DIR");
    assert_true(is_root_of("/run/hospes-oci"));
}

static void make_state(const char *id, struct state *s, int *dir)
{
    *dir = state_make(root, id, NULL);
    assert_true(*dir >= 0);
    *s = (struct state){.id = id,
                        .bundle = "/b",
                        .rootfs = "/b/r",
                        .oci_version = "1.0.2",
                        .cgroup_path = "/c",
                        .pid = getpid()};
    assert_int_equal(state_write(*dir, s, NULL), 0);
}

static void a_name_is_given_once(void **s)
{
    (void)s;
    OWN_FD dir = state_make(root, "one", NULL);
    assert_true(dir >= 0);
    errno = 0;
    assert_int_equal(state_make(root, "one", NULL), -EEXIST);
    errno = EEXIST; /* of something before */
    OWN_FD other = state_make(root, "two", NULL);
    assert_true(other >= 0);
    assert_int_equal(state_remove(root, "one", NULL), 0);
    assert_int_equal(state_remove(root, "two", NULL), 0);
}

static void what_was_written_is_read(void **s)
{
    (void)s;
    struct state w;
    OWN_STATE r = {0};
    OWN_FD dir = -1;
    make_state("x", &w, &dir);
    assert_int_equal(state_read(root, "x", &r, NULL, NULL), 0);
    assert_string_equal(r.bundle, "/b");
    assert_string_equal(r.cgroup_path, "/c");
    assert_int_equal(r.pid, getpid());
    assert_int_equal(r.pid_start, process_start_ticks(getpid()));
    assert_int_equal(state_status(&r, dir, NULL), STATUS_RUNNING);
    assert_int_equal(state_remove(root, "x", NULL), 0);
    assert_int_equal(state_read(root, "x", &r, NULL, NULL), -ENOENT);
}

static void another_process_of_that_number_is_not_it(void **s)
{
    (void)s;
    struct state w;
    OWN_FD dir = -1;
    make_state("p", &w, &dir);
    w.pid_start++;
    assert_false(state_alive(&w));
    assert_int_equal(state_status(&w, dir, NULL), STATUS_STOPPED);
    assert_int_equal(state_remove(root, "p", NULL), 0);
}

static void a_broken_state_is_told(void **s)
{
    (void)s;
    struct err e = {0};
    OWN_STATE r = {0};
    OWN_FD dir = state_make(root, "b", NULL);
    OWN_FD file = openat(dir, "state.json", O_WRONLY | O_CREAT, 0600);
    assert_int_equal(file_write_all(file, "{\"id\": 7}", 9), 0);
    assert_int_equal(state_read(root, "b", &r, NULL, &e), -EINVAL);
    assert_non_null(strstr(e.text, "state.json: ociVersion: is missing"));
    assert_int_equal(state_remove(root, "b", NULL), 0);
}

static void a_folder_that_others_may_write_to_is_not_believed(void **s)
{
    (void)s;
    struct state w;
    OWN_STATE r = {0};
    OWN_FD dir = -1;
    make_state("o", &w, &dir);
    assert_int_equal(chmod(root, 0777), 0);
    assert_int_equal(state_read(root, "o", &r, NULL, NULL), -EPERM);
    assert_int_equal(chmod(root, 0700), 0);
    assert_int_equal(state_remove(root, "o", NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_cannot_lead_out_of_the_folder),
        cmocka_unit_test(states_are_where_all_calls_of_an_engine_look),
        cmocka_unit_test(a_name_is_given_once),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(another_process_of_that_number_is_not_it),
        cmocka_unit_test(a_broken_state_is_told),
        cmocka_unit_test(a_folder_that_others_may_write_to_is_not_believed),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
