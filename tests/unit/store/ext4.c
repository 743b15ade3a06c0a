// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/ext4.h"

#include "place.h"

#define MIB (1ull << 20)

static void add(struct place *p, struct ext4 *f, const char *path, mode_t mode, const char *link)
{
    struct ext4_node n = {.path = path,
                          .mode = mode,
                          .uid = 70000,
                          .gid = 5,
                          .mtime = 1000000000,
                          .link = link,
                          .major = 1,
                          .minor = 3};
    if (ext4_add(f, &n, &p->e) < 0)
        fail_msg("%s", p->e.text);
}

static struct ext4 *fresh(struct place *p)
{
    struct ext4 *f = NULL;
    if (ext4_create("disk", 32 * MIB, 4096, &f, &p->e) < 0)
        fail_msg("%s", p->e.text);
    return f;
}

static void finish(struct place *p, struct ext4 *f)
{
    if (ext4_finish(&f, &p->e) < 0)
        fail_msg("%s", p->e.text);
    sh(p, "e2fsck -fn disk >fsck.log 2>&1 || { cat fsck.log >&2; exit 1; }");
}

/* What debugfs says of a path, as the other reader of the format. */
static void debugfs_says(struct place *p, const char *request, const char *what)
{
    OWN_MEM char *script = path_make("debugfs -R '%s' disk >said 2>/dev/null", request);
    OWN_MEM char *said = NULL;
    sh(p, script);
    assert_int_equal(file_read("said", 1u << 20, &said, NULL, &p->e), 0);
    if (!strstr(said, what))
        fail_msg("%s: no \"%s\" in: %s", request, what, said);
}

static void all_kinds_of_nodes_are_there_with_owner_mode_and_time(void **state)
{
    struct place *p = *state;
    OWN(ext4) f = fresh(p);
    add(p, f, "./", S_IFDIR | 0755, NULL);
    add(p, f, "usr/bin/tool", S_IFREG | 04755, NULL); /* folders above it are made */
    assert_int_equal(ext4_write(f, 0, "hello", 5, &p->e), 0);
    assert_int_equal(ext4_set_xattr(f, "user.note", "abc", 3, &p->e), 0);
    add(p, f, "bin", S_IFLNK | 0777, "usr/bin");
    add(p, f, "bin/second", S_IFREG | 0644, NULL); /* through the link */
    add(p, f, "dev/null", S_IFCHR | 0666, NULL);
    add(p, f, "run/fifo", S_IFIFO | 0600, NULL);
    add(p, f, "long", S_IFLNK | 0777,
        "a/link/text/of/more/than/sixty/characters/does/not/fit/into/the/inode/itself/and/needs/a/block");
    assert_int_equal(ext4_link(f, "usr/bin/same", "./usr/bin/tool", &p->e), 0);
    finish(p, take(f));
    debugfs_says(p, "stat /usr/bin/tool", "Mode:  04755");
    debugfs_says(p, "stat /usr/bin/tool", "User: 70000");
    debugfs_says(p, "stat /usr/bin/tool", "Links: 2");
    debugfs_says(p, "stat /usr/bin/tool", "Size: 5");
    debugfs_says(p, "stat /usr/bin/tool", "mtime: 0x3b9aca00");
    debugfs_says(p, "ea_get /usr/bin/tool user.note", "abc");
    debugfs_says(p, "cat /usr/bin/same", "hello");
    debugfs_says(p, "stat /usr/bin/second", "Type: regular");
    debugfs_says(p, "stat /dev/null", "Device major/minor number: 01:03");
    debugfs_says(p, "stat /run/fifo", "Type: FIFO");
    debugfs_says(p, "stat /long", "Type: symlink");
}

static void holes_are_kept_and_read_as_zeroes(void **state)
{
    struct place *p = *state;
    OWN(ext4) f = fresh(p);
    add(p, f, "sparse", S_IFREG | 0644, NULL);
    assert_int_equal(ext4_write(f, 8 * MIB, "end", 3, &p->e), 0);
    assert_int_equal(ext4_set_size(f, 200 * MIB, &p->e), 0); /* larger than the disk: a hole */
    finish(p, take(f));
    debugfs_says(p, "stat /sparse", "Size: 209715200");
    OWN(ext4) r = NULL;
    char start[4] = "xxx";
    assert_int_equal(ext4_open("disk", 0, &r, &p->e), 0);
    assert_int_equal(ext4_peek(r, "/sparse", start, 4), 4);
    assert_memory_equal(start, "\0\0\0\0", 4);
}

static void what_comes_later_replaces_and_a_link_to_a_folder_stays(void **state)
{
    struct place *p = *state;
    OWN(ext4) f = fresh(p);
    add(p, f, "usr/lib/x", S_IFREG | 0644, NULL);
    assert_int_equal(ext4_write(f, 0, "first", 5, &p->e), 0);
    add(p, f, "usr/lib/x", S_IFREG | 0600, NULL);
    assert_int_equal(ext4_write(f, 0, "2nd", 3, &p->e), 0);
    add(p, f, "lib", S_IFLNK | 0777, "usr/lib");
    add(p, f, "lib", S_IFDIR | 0755, NULL);
    add(p, f, "usr/lib/x", S_IFLNK | 0777, "y");
    struct ext4_node folder_in_the_way = {.path = "usr", .mode = S_IFREG | 0644};
    assert_true(ext4_add(f, &folder_in_the_way, &p->e) < 0);
    finish(p, take(f));
    debugfs_says(p, "stat /usr/lib/x", "Type: symlink");
    debugfs_says(p, "stat /lib", "Type: symlink");
}

static void paths_that_lead_upwards_are_refused(void **state)
{
    struct place *p = *state;
    OWN(ext4) f = fresh(p);
    struct ext4_node n = {.path = "a/../../b", .mode = S_IFREG | 0644};
    assert_int_equal(ext4_add(f, &n, &p->e), -EINVAL);
    assert_int_equal(ext4_link(f, "x", "../y", &p->e), -EINVAL);
}

static void too_much_for_the_disk_is_told(void **state)
{
    struct place *p = *state;
    OWN(ext4) f = fresh(p);
    add(p, f, "big", S_IFREG | 0644, NULL);
    OWN_MEM char *data = malloc(MIB);
    memset(data, 'x', MIB);
    int rc = 0;
    for (unsigned i = 0; i < 64 && rc == 0; i++)
        rc = ext4_write(f, i * MIB, data, MIB, &p->e);
    assert_int_equal(rc, -ENOSPC);
    assert_non_null(strstr(p->e.text, "too small"));
}

static int count(void *ctx, const char *name)
{
    (void)name;
    ++*(int *)ctx;
    return 0;
}

static void folders_of_thousands_of_files_are_listed_and_copied_out(void **state)
{
    struct place *p = *state;
    OWN(ext4) f = fresh(p);
    for (int i = 0; i < 1500; i++) {
        char path[80];
        snprintf(path, sizeof(path), "tree/sub/a-name-that-fills-the-blocks-of-the-folder-%d", i);
        add(p, f, path, S_IFREG | 0644, NULL);
    }
    assert_int_equal(ext4_write(f, 0, "last", 4, &p->e), 0);
    add(p, f, "tree/link", S_IFLNK | 0777, "/etc/passwd");
    finish(p, take(f));
    OWN(ext4) r = NULL;
    int n = 0;
    assert_int_equal(ext4_open("disk", 0, &r, &p->e), 0);
    assert_int_equal(ext4_each(r, "/tree/sub", count, &n, &p->e), 0);
    assert_int_equal(n, 1500);
    assert_int_equal(ext4_copy_out(r, "/tree", "out", &p->e), 0);
    char names[400];
    assert_string_equal(names_in(p, "out", names, sizeof(names)),
                        "sub "); /* no links: they could lead anywhere */
    sh(p, "test $(ls out/sub | wc -l) = 1500; test \"$(cat out/sub/*-1499)\" = last");
    assert_int_equal(ext4_copy_out(r, "/tree", "out", &p->e), -EEXIST); /* never over something */
}

static void names_no_file_can_have_do_not_leave_the_file_system(void **state)
{
    struct place *p = *state;
    OWN(ext4) f = fresh(p);
    add(p, f, "tree/__@escape", S_IFREG | 0644, NULL);
    finish(p, take(f));
    /* as an attacker would: the name becomes "../escape", with the checksum made right again */
    sh(p, "tune2fs -O ^metadata_csum disk >/dev/null 2>&1; LC_ALL=C sed -i 's#__@escape#../escape#' disk");
    OWN(ext4) r = NULL;
    assert_int_equal(ext4_open("disk", 0, &r, &p->e), 0);
    assert_int_equal(ext4_copy_out(r, "/tree", "out", &p->e), -EINVAL);
    sh(p, "test ! -e escape");
}

static void garbage_is_no_file_system(void **state)
{
    struct place *p = *state;
    OWN(ext4) r = NULL;
    put("garbage", "nothing", 7);
    assert_true(ext4_open("garbage", 0, &r, &p->e) < 0);
    assert_null(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_kinds_of_nodes_are_there_with_owner_mode_and_time),
        CASE(holes_are_kept_and_read_as_zeroes),
        CASE(what_comes_later_replaces_and_a_link_to_a_folder_stays),
        CASE(paths_that_lead_upwards_are_refused),
        CASE(too_much_for_the_disk_is_told),
        CASE(folders_of_thousands_of_files_are_listed_and_copied_out),
        CASE(names_no_file_can_have_do_not_leave_the_file_system),
        CASE(garbage_is_no_file_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
