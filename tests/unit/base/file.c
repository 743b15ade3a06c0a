// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "unit.h"

struct fixture {
    char dir[64];
    struct err e;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->dir, "/tmp/hospes-file.XXXXXX");
    *state = f;
    return mkdtemp(f->dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    int rc = dir_remove(f->dir, &f->e);
    free(f);
    return rc;
}

static const char *at(struct fixture *f, const char *name)
{
    static char path[2][300];
    static unsigned turn;
    char *p = path[turn++ % 2];
    snprintf(p, sizeof(path[0]), "%s/%s", f->dir, name);
    return p;
}

static void put(const char *path, const char *text)
{
    OWN_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
}

static bool there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void a_file_of_just_the_limit_is_read_and_one_byte_more_is_refused(void **state)
{
    struct fixture *f = *state;
    OWN_MEM char *text = NULL;
    size_t len;
    put(at(f, "a"), "12345");
    assert_int_equal(file_read(at(f, "a"), 5, &text, &len, &f->e), 0);
    assert_int_equal(len, 5);
    assert_string_equal(text, "12345");
    OWN_MEM char *none = NULL;
    assert_int_equal(file_read(at(f, "a"), 4, &none, &len, &f->e), -EFBIG);
    assert_null(none);
}

static void a_file_of_any_length_is_read_whole(void **state)
{
    struct fixture *f = *state;
    static const size_t lengths[] = {0, 1, 255, 256, 1023, 1024, 1025, 4096, 100000};
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        OWN_MEM char *text = NULL;
        OWN_MEM char *want = calloc(1, lengths[i] + 1);
        size_t len;
        memset(want, 'a' + (int)i, lengths[i]);
        put(at(f, "a"), want);
        assert_int_equal(file_read(at(f, "a"), 1 << 20, &text, &len, &f->e), 0);
        assert_int_equal(len, lengths[i]);
        assert_string_equal(text, want);
    }
}

/* /proc says that its files are empty. */
static void a_file_that_does_not_tell_its_length_is_read_whole(void **state)
{
    struct fixture *f = *state;
    OWN_MEM char *text = NULL;
    size_t len;
    assert_int_equal(file_read("/proc/self/smaps", 1 << 20, &text, &len, &f->e), 0);
    assert_true(len > 4096);
    assert_int_equal(strlen(text), len);
    assert_int_equal(text[len - 1], '\n');
}

static void what_cannot_be_read_is_told_with_its_path(void **state)
{
    struct fixture *f = *state;
    char *text;
    assert_int_equal(file_read(at(f, "none"), 9, &text, NULL, &f->e), -ENOENT);
    assert_non_null(strstr(f->e.text, "/none: No such file"));
    assert_int_equal(file_read(f->dir, 9, &text, NULL, &f->e), -EISDIR);
}

static void an_atomic_write_replaces_and_leaves_no_temporary_file(void **state)
{
    struct fixture *f = *state;
    OWN_MEM char *text = NULL;
    put(at(f, "a"), "old and longer");
    assert_int_equal(file_write_atomic(at(f, "a"), "new", 3, 0640, &f->e), 0);
    assert_int_equal(file_read(at(f, "a"), 99, &text, NULL, &f->e), 0);
    assert_string_equal(text, "new");
    struct stat st;
    assert_int_equal(stat(at(f, "a"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(unlink(at(f, "a")), 0);
    assert_int_equal(rmdir(f->dir), 0); /* nothing else was in it */
    assert_int_equal(mkdir(f->dir, 0700), 0);
}

static void an_atomic_write_that_fails_leaves_the_old_file_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdir(at(f, "a"), 0755), 0);
    assert_true(file_write_atomic(at(f, "a"), "new", 3, 0640, &f->e) < 0);
    assert_int_equal(rmdir(at(f, "a")), 0);
    assert_int_equal(rmdir(f->dir), 0);
    assert_int_equal(mkdir(f->dir, 0700), 0);
}

static void folders_are_made_all_the_way_and_again(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dir_make(at(f, "a/b/c"), 0755, &f->e), 0);
    assert_int_equal(dir_make(at(f, "a/b/c"), 0755, &f->e), 0);
    put(at(f, "a/file"), "");
    assert_int_equal(dir_make(at(f, "a/file"), 0755, &f->e), -ENOTDIR);
    assert_int_equal(dir_make(at(f, "a/file/x"), 0755, &f->e), -ENOTDIR);
}

static void a_tree_is_removed_but_what_its_links_lead_to_is_not(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(dir_make(at(f, "out/side"), 0755, &f->e), 0);
    put(at(f, "out/side/kept"), "x");
    assert_int_equal(dir_make(at(f, "tree/deep/er"), 0755, &f->e), 0);
    put(at(f, "tree/deep/file"), "x");
    assert_int_equal(symlink("../../out/side", at(f, "tree/deep/link")), 0);
    assert_int_equal(symlink("../out", at(f, "tree/top")), 0);
    assert_int_equal(chmod(at(f, "tree/deep"), 0500), 0);
    assert_int_equal(dir_remove(at(f, "tree"), &f->e), 0);
    assert_false(there(at(f, "tree")));
    assert_true(there(at(f, "out/side/kept")));
    assert_int_equal(dir_remove(at(f, "tree"), &f->e), 0); /* gone already */
}

static void a_lock_is_exclusive_until_it_is_closed(void **state)
{
    struct fixture *f = *state;
    int first, second;
    assert_int_equal(file_lock(at(f, "lock"), false, false, &first, &f->e), 0);
    assert_int_equal(file_lock(at(f, "lock"), false, false, &second, &f->e), -EWOULDBLOCK);
    assert_int_equal(file_lock(at(f, "lock"), true, false, &second, &f->e), -EWOULDBLOCK);
    close(first);
    assert_int_equal(file_lock(at(f, "lock"), true, false, &first, &f->e), 0);
    assert_int_equal(file_lock(at(f, "lock"), true, true, &second, &f->e), 0);
    close(first);
    close(second);
}

static void a_private_folder_is_closed_to_others_even_if_it_was_open(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    assert_int_equal(dir_make_private(at(f, "new/one"), &f->e), 0);
    assert_int_equal(stat(at(f, "new/one"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(dir_make(at(f, "wide"), 0755, &f->e), 0);
    assert_int_equal(dir_make_private(at(f, "wide"), &f->e), 0);
    assert_int_equal(stat(at(f, "wide"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_private_folder_is_closed_to_others_even_if_it_was_open),
        CASE(a_file_of_just_the_limit_is_read_and_one_byte_more_is_refused),
        CASE(a_file_of_any_length_is_read_whole),
        CASE(a_file_that_does_not_tell_its_length_is_read_whole),
        CASE(what_cannot_be_read_is_told_with_its_path),
        CASE(an_atomic_write_replaces_and_leaves_no_temporary_file),
        CASE(an_atomic_write_that_fails_leaves_the_old_file_and_nothing_else),
        CASE(folders_are_made_all_the_way_and_again),
        CASE(a_tree_is_removed_but_what_its_links_lead_to_is_not),
        CASE(a_lock_is_exclusive_until_it_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
