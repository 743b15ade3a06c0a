// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/image_layers.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include "place.h"
#include "store/ext4.h"
#include "store/image_import.h"

static void unpack(struct place *p, const char *disk, int expected)
{
    OWN(ext4) f = NULL;
    sh(p, "rm -rf to; mkdir to");
    if (ext4_open(disk, 0, &f, &p->e) < 0)
        fail_msg("%s", p->e.text);
    int rc = ext4_unpack(f, "to", &p->e);
    if (rc != expected)
        fail_msg("%d: %s", rc, rc < 0 ? p->e.text : "");
}

static void files_come_out_as_they_went_in(void **state)
{
    struct place *p = *state;
    sh(p,
       "mkdir -p in/a/b in/empty; echo text >in/a/file; ln in/a/file in/a/b/same; ln -s ../file in/a/b/link; "
       "ln -s /a/very/long/link/that/does/not/fit/into/the/inode/itself/but/needs/a/block/of/its/own "
       "in/long; "
       "head -c 300000 /dev/urandom >in/noise; chmod 4755 in/a/file; chmod 1777 in/empty; mkfifo in/fifo; "
       "truncate -s 8M in/holes; echo end >>in/holes; touch -d @1000000000 in/noise; "
       "mke2fs -q -t ext4 -d in disk 64M");
    unpack(p, "disk", 0);
    sh(p, "diff -r -x fifo --no-dereference in to");
    sh(p,
       "cd in; find . -printf '%p %y %m %l %s %n\\n' | grep -v ' d ' | sort >../one; "
       "cd ../to; find . -printf '%p %y %m %l %s %n\\n' | grep -v ' d ' | sort >../two; cd ..; diff one two");
    sh(p, "[ $(stat -c %Y to/noise) = 1000000000 ] && [ $(stat -c %a to/empty) = 1777 ] && "
          "[ $(stat -c %b to/holes) -lt 100 ] && [ to/a/file -ef to/a/b/same ] && [ ! -e to/lost+found ]");
}

static void attributes_come_out_too(void **state)
{
    struct place *p = *state;
    char value[8];
    sh(p, "mkdir in; echo x >in/file; mke2fs -q -t ext4 -d in disk 16M; "
          "debugfs -w -R 'ea_set /file user.color blue' disk 2>/dev/null");
    unpack(p, "disk", 0);
    assert_int_equal(getxattr("to/file", "user.color", value, sizeof(value)), 4);
}

/* A folder that contains itself ends; nothing is written outside of `to`. */
static void a_folder_in_itself_is_refused(void **state)
{
    struct place *p = *state;
    sh(p, "mkdir -p in/a/b; mke2fs -q -t ext4 -d in disk 16M; debugfs -w -R 'link /a /a/b/again' disk "
          "2>/dev/null");
    unpack(p, "disk", -ELOOP);
}

static void a_damaged_file_system_is_an_error(void **state)
{
    struct place *p = *state;
    sh(p, "mkdir -p in/a; echo x >in/a/f; mke2fs -q -t ext4 -O ^metadata_csum -d in disk 16M; "
          "debugfs -w -R 'set_inode_field /a/f mode 0' disk 2>/dev/null");
    unpack(p, "disk", -EINVAL);
}

static void an_images_root_is_made_once_and_goes_with_it(void **state)
{
    struct place *p = *state;
    OWN(image) i = NULL;
    OWN_LAYERS first = {0}, second = {0};
    sh(p, "mkdir -p in/bin in/etc; cp /bin/sh in/bin/sh; echo x >in/etc/name");
    if (image_import(&(struct image_import){.path = "in", .name = "small"}, NULL, &i, &p->e) < 0)
        fail_msg("%s", p->e.text);
    assert_int_equal(image_layers_get(i, &first, &p->e), 0);
    assert_int_equal(first.nr, 1);
    sh(p, "diff -r in data/images/small/root; echo mark >data/images/small/root/mark");
    assert_int_equal(image_layers_get(i, &second, &p->e), 0);
    assert_string_equal(first.roots[0], second.roots[0]);
    sh(p, "[ -e data/images/small/root/mark ]");
    assert_int_equal(image_remove("small", &p->e), 0);
    assert_int_equal(access(first.roots[0], F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(files_come_out_as_they_went_in),
        CASE(attributes_come_out_too),
        CASE(a_folder_in_itself_is_refused),
        CASE(a_damaged_file_system_is_an_error),
        CASE(an_images_root_is_made_once_and_goes_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
