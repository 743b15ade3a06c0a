// SPDX-License-Identifier: GPL-2.0-or-later
/* What the guest's program reads: users, the command line, a file system's size. */
#include <fcntl.h>
#include <stdio.h>

#include "base/fields.h"
#include "base/file.h"
#include "guest/cmdline.h"
#include "guest/ext4.h"
#include "guest/user.h"
#include "unit.h"

struct files {
    char folder[64], passwd[96], group[96], other[96];
};

#define PASSWD                                                                                               \
    "root:x:0:0:root:/root:/bin/bash\n"                                                                      \
    "# a comment\n"                                                                                          \
    "broken:x:1\n"                                                                                           \
    "nonumber:x:a:b::/:/bin/sh\n"                                                                            \
    "web:x:1000:1001:Web,,,:/srv/web:\n"                                                                     \
    "last:x:4294967295:1::/:/bin/sh\n"                                                                       \
    "plain:x:1002:1002::/home/plain:/bin/sh"
#define GROUP "root:x:0:\nadm:x:4:other,web\ndocker:x:999:web\nwebadm:x:998:webby\nweb:x:1001:web\n"

static int set_up(void **state)
{
    struct files *f = calloc(1, sizeof(*f));
    struct err e;
    strcpy(f->folder, "/tmp/hospes-guest.XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->passwd, sizeof(f->passwd), "%s/passwd", f->folder);
    snprintf(f->group, sizeof(f->group), "%s/group", f->folder);
    snprintf(f->other, sizeof(f->other), "%s/other", f->folder);
    *state = f;
    return file_write_atomic(f->passwd, PASSWD, strlen(PASSWD), 0600, &e) < 0 ||
           file_write_atomic(f->group, GROUP, strlen(GROUP), 0600, &e) < 0;
}

static int tear_down(void **state)
{
    struct files *f = *state;
    struct err e;
    dir_remove(f->folder, &e);
    free(f);
    return 0;
}

static void a_name_gives_ids_home_shell_and_groups(void **state)
{
    struct files *f = *state;
    struct user u;
    struct err e;
    assert_int_equal(user_find("web", f->passwd, f->group, &u, &e), 0);
    assert_int_equal(u.uid, 1000);
    assert_int_equal(u.gid, 1001);
    assert_string_equal(u.home, "/srv/web");
    assert_string_equal(u.shell, "/bin/sh"); /* none is named */
    assert_int_equal(u.nr_groups, 3);
    assert_int_equal(u.groups[0], 1001);
    assert_int_equal(u.groups[1], 4);
    assert_int_equal(u.groups[2], 999);
    assert_int_equal(user_find("plain", f->passwd, f->group, &u, &e), 0); /* a last line without an end */
    assert_int_equal(u.uid, 1002);
}

static void a_number_is_looked_up_and_need_not_exist(void **state)
{
    struct files *f = *state;
    struct user u;
    struct err e;
    assert_int_equal(user_find("1000", f->passwd, f->group, &u, &e), 0);
    assert_string_equal(u.name, "web");
    assert_int_equal(user_find("777:888", f->passwd, f->group, &u, &e), 0);
    assert_int_equal(u.uid, 777);
    assert_int_equal(u.gid, 888);
    assert_int_equal(u.nr_groups, 1);
    assert_string_equal(u.home, "/");
    assert_int_equal(user_find("5", "/no/such", "/no/such", &u, &e), 0); /* a guest without the files */
    assert_int_equal(u.uid, 5);
}

static void a_group_may_be_given_by_name(void **state)
{
    struct files *f = *state;
    struct user u;
    struct err e;
    assert_int_equal(user_find("root:docker", f->passwd, f->group, &u, &e), 0);
    assert_int_equal(u.uid, 0);
    assert_int_equal(u.gid, 999);
}

static void who_is_not_there_is_refused(void **state)
{
    struct files *f = *state;
    struct user u;
    struct err e;
    const struct {
        const char *who;
        int code;
    } cases[] = {
        {"nobody", -ENOENT}, {"broken", -ENOENT}, {"nonumber", -ENOENT},   {"last", -ENOENT},
        {"we", -ENOENT},     {"", -EINVAL},       {":1", -EINVAL},         {"web:", -EINVAL},
        {"web:no", -ENOENT}, {"-1", -ENOENT},     {"4294967295", -ENOENT}, {"99999999999999", -ENOENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(user_find(cases[i].who, f->passwd, f->group, &u, &e), cases[i].code);
}

static void the_command_line_is_read_word_by_word(void **state)
{
    struct files *f = *state;
    struct cmdline c;
    struct err e;
    const char *line = "console=ttyS0 hospes.root=/dev/vda hospes.name=web1 hospes.net=none quiet "
                       "hospes.init=image hospes.roots=x xhospes.name=y\n";
    assert_int_equal(file_write_atomic(f->other, line, strlen(line), 0600, &e), 0);
    assert_int_equal(cmdline_read(f->other, &c, &e), 0);
    assert_string_equal(c.root, "/dev/vda");
    assert_string_equal(c.name, "web1");
    assert_true(c.image_init);
    assert_false(c.net);
    assert_int_equal(file_write_atomic(f->other, "quiet\n", 6, 0600, &e), 0);
    assert_int_equal(cmdline_read(f->other, &c, &e), 0);
    assert_string_equal(c.root, "");
    assert_false(c.image_init);
    assert_true(c.net);
}

static void an_ext4_tells_its_size_and_others_are_left_alone(void **state)
{
    struct files *f = *state;
    struct ext4 fs;
    uint8_t disk[4096] = {0};
    OWN_FD fd = open(f->other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_false(ext4_probe(fd, &fs)); /* empty */
    assert_int_equal(pwrite(fd, disk, sizeof(disk), 0), sizeof(disk));
    assert_false(ext4_probe(fd, &fs));
    disk[1024 + 0x38] = 0x53;
    disk[1024 + 0x39] = 0xef;
    disk[1024 + 0x18] = 2; /* 4 KiB */
    disk[1024 + 0x4 + 2] = 1;
    disk[1024 + 0x150] = 1; /* counts only with the 64-bit feature */
    assert_int_equal(pwrite(fd, disk, sizeof(disk), 0), sizeof(disk));
    assert_true(ext4_probe(fd, &fs));
    assert_int_equal(fs.block_bytes, 4096);
    assert_int_equal(fs.blocks, 65536);
    disk[1024 + 0x60] = 0x80;
    assert_int_equal(pwrite(fd, disk, sizeof(disk), 0), sizeof(disk));
    assert_true(ext4_probe(fd, &fs));
    assert_int_equal(fs.blocks, 65536 + (1ull << 32));
    disk[1024 + 0x18] = 40;
    assert_int_equal(pwrite(fd, disk, sizeof(disk), 0), sizeof(disk));
    assert_false(ext4_probe(fd, &fs));
}

static void fields_keep_order_and_refuse_what_is_no_list(void **state)
{
    (void)state;
    char list[32];
    size_t len = 0;
    assert_true(fields_add(list, sizeof(list), &len, "arg", "a=b"));
    assert_true(fields_add(list, sizeof(list), &len, "n", "17"));
    assert_true(fields_add(list, sizeof(list), &len, "arg", ""));
    assert_false(fields_add(list, sizeof(list), &len, "arg", "more than there is room for"));
    assert_true(fields_valid(list, len));
    const char *v = fields_get(list, len, "arg");
    assert_string_equal(v, "a=b");
    v = fields_next(list, len, "arg", v);
    assert_string_equal(v, "");
    assert_null(fields_next(list, len, "arg", v));
    assert_null(fields_get(list, len, "ar"));
    assert_int_equal(fields_number(list, len, "n", 17, 0), 17);
    assert_int_equal(fields_number(list, len, "n", 16, 3), 3);
    assert_int_equal(fields_number(list, len, "arg", 16, 3), 3);
    assert_true(fields_valid("", 0));
    assert_false(fields_valid("a=b", 3));
    assert_false(fields_valid("a\0=b", 5));
    assert_false(fields_valid("=b", 3));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_name_gives_ids_home_shell_and_groups),
        TEST(a_number_is_looked_up_and_need_not_exist),
        TEST(a_group_may_be_given_by_name),
        TEST(who_is_not_there_is_refused),
        TEST(the_command_line_is_read_word_by_word),
        TEST(an_ext4_tells_its_size_and_others_are_left_alone),
        TEST(fields_keep_order_and_refuse_what_is_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
