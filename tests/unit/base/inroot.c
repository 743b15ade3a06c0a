// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/inroot.h"

static char top[64];
static int root = -1;

static int make_root(void **s)
{
    (void)s;
    strcpy(top, "/tmp/hospes-inroot-XXXXXX");
    if (!mkdtemp(top))
        return -1;
    int dir = open(top, O_PATH | O_DIRECTORY);
    if (mkdirat(dir, "root", 0755) < 0 || mkdirat(dir, "outside", 0755) < 0)
        return -1;
    root = openat(dir, "root", O_PATH | O_DIRECTORY);
    close(dir);
    return root < 0 ? -1 : 0;
}

static int remove_root(void **s)
{
    (void)s;
    close(root);
    return dir_remove(top, NULL);
}

static bool same(int a, const char *name)
{
    struct stat x, y;
    return fstat(a, &x) == 0 && fstatat(root, name, &y, 0) == 0 && x.st_ino == y.st_ino;
}

static bool outside_is_empty(void)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/outside", top);
    return rmdir(path) == 0 && mkdir(path, 0755) == 0;
}

static void folders_are_made_with_those_above(void **s)
{
    (void)s;
    OWN_FD fd = inroot_make_dir(root, "/a/b//c/", 0755);
    assert_true(fd >= 0 && same(fd, "a/b/c"));
    OWN_FD again = inroot_make_dir(root, "a/b/c", 0755);
    assert_true(again >= 0 && same(again, "a/b/c"));
}

static void dots_stay_inside(void **s)
{
    (void)s;
    OWN_FD fd = inroot_make_dir(root, "/../../outside/x", 0755);
    assert_true(fd >= 0 && same(fd, "outside/x"));
    assert_true(outside_is_empty());
}

static void links_stay_inside(void **s)
{
    (void)s;
    assert_int_equal(symlinkat("../../../outside", root, "rel"), 0);
    assert_int_equal(symlinkat("/nowhere", root, "abs"), 0);
    OWN_FD made = inroot_make_dir(root, "/outside", 0755);
    OWN_FD rel = inroot_make_file(root, "/rel/file", 0644);
    assert_true(made >= 0 && rel >= 0 && same(rel, "outside/file"));
    assert_int_equal(inroot_open(root, "/abs", O_PATH, 0), -ENOENT);
    assert_true(outside_is_empty());
}

static void targets_of_links_are_made_inside(void **s)
{
    (void)s;
    assert_int_equal(mkdirat(root, "var", 0755), 0);
    assert_int_equal(symlinkat("../../../run/deep", root, "var/run"), 0);
    assert_int_equal(symlinkat("loop", root, "loop"), 0);
    OWN_FD fd = inroot_make_file(root, "/var/run/x/file", 0644);
    assert_true(fd >= 0 && same(fd, "run/deep/x/file"));
    assert_int_equal(inroot_make_dir(root, "/loop/x", 0755), -ELOOP);
    assert_true(outside_is_empty());
}

static void magic_links_are_refused(void **s)
{
    (void)s;
    OWN_FD proc = open("/proc", O_PATH | O_DIRECTORY);
    assert_int_equal(inroot_open(proc, "self/root/etc", O_PATH, 0), -ELOOP);
    assert_int_equal(inroot_open(proc, "self/exe", O_RDONLY, 0), -ELOOP);
}

static void plain_writes_follow_no_link(void **s)
{
    (void)s;
    OWN_FD file = inroot_make_file(root, "/plain", 0644);
    assert_true(file >= 0);
    assert_int_equal(inroot_write_plain(root, "plain", "x"), 0);
    assert_int_equal(symlinkat("plain", root, "link"), 0);
    assert_int_equal(inroot_write_plain(root, "link", "x"), -ELOOP);
    assert_int_equal(inroot_write_plain(root, "../outside", "x"), -EXDEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_made_with_those_above),
        cmocka_unit_test(dots_stay_inside),
        cmocka_unit_test(links_stay_inside),
        cmocka_unit_test(targets_of_links_are_made_inside),
        cmocka_unit_test(magic_links_are_refused),
        cmocka_unit_test(plain_writes_follow_no_link),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
