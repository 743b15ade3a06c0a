// SPDX-License-Identifier: GPL-2.0-or-later
/* What a folder of changes is as a layer, and what comes out of that layer again. */
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "../store/place.h"
#include "commit/layer_write.h"
#include "store/tree.h"
#include "store/unpack.h"

static void write_layer(struct place *p, const char *dir, const char *file, struct layer_written *ret)
{
    OWN_FD top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN_FD to = open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(top >= 0 && to >= 0);
    if (layer_write(top, to, NULL, ret, &p->e) < 0)
        fail_msg("%s", p->e.text);
}

/* As it would be laid over others. */
static void unpack(struct place *p, const char *file, const char *to, struct digest *ret)
{
    OWN(tree) t = NULL;
    assert_int_equal(mkdir(to, 0755), 0);
    assert_int_equal(tree_open(&(struct tree_source){.path = file, .layer = true}, &t, &p->e), 0);
    if (unpack_tree(t, &(struct unpack){.to = to, .layer = true}, NULL, NULL, &p->e) < 0)
        fail_msg("%s", p->e.text);
    assert_int_equal(tree_digest(t, ret, &p->e), 0);
}

static void all_kinds_of_files_come_out_as_they_went_in(void **state)
{
    struct place *p = *state;
    struct layer_written l;
    struct digest found;
    struct stat a, b;
    char text[16];
    sh(p,
       "mkdir -p in/d/e in/z; cd in; echo hello >d/file; chmod 4711 d/file; ln d/file d/again; ln d/file "
       "z/third;"
       "ln -s ../nowhere d/link; mkfifo d/pipe; chmod 1777 z; : >d/empty; head -c 300000 /dev/urandom >d/big;"
       "touch -d @1234567890.123456789 d/file; mkdir d/$(head -c 200 /dev/zero | tr '\\0' n);"
       ": >d/$(printf 'sp ace\\nline'); : >d/$(printf '\\303\\244\\377')");
    if (setxattr("in/d/file", "user.note", "v\0w", 3, 0) < 0 && errno == EOPNOTSUPP)
        skip();
    write_layer(p, "in", "layer", &l);
    unpack(p, "layer", "out", &found);
    assert_string_equal(found.hex, l.diff_id.hex);
    sh(p, "(cd in && find . ! -type d -printf '%p %y %m %s %l %T@ %n\\n' | sort) >a;"
          "(cd out && find . ! -type d -printf '%p %y %m %s %l %T@ %n\\n' | sort) >b; cmp a b;"
          "(cd in && find . -type d -printf '%p %m\\n' | sort) >a; (cd out && find . -type d -printf '%p "
          "%m\\n' | sort) >b;"
          "cmp a b; diff -r --no-dereference -x pipe in out");
    assert_int_equal(getxattr("out/d/file", "user.note", text, sizeof(text)), 3);
    assert_memory_equal(text, "v\0w", 3);
    assert_int_equal(stat("out/d/file", &a), 0);
    assert_int_equal(stat("out/z/third", &b), 0);
    assert_int_equal(a.st_ino, b.st_ino);
    assert_int_equal(a.st_mtim.tv_nsec, 123456789);
}

static void the_same_files_are_the_same_bytes(void **state)
{
    struct place *p = *state;
    struct layer_written a, b;
    sh(p, "mkdir one two; for n in $(seq 40); do echo $n >one/$n; done; for n in $(seq 40 -1 1); do echo $n "
          ">two/$n; done;"
          "touch -d @1000000000 one/* two/*");
    write_layer(p, "one", "1", &a);
    write_layer(p, "two", "2", &b);
    assert_string_equal(a.diff_id.hex, b.diff_id.hex);
    assert_string_equal(a.blob.digest.hex, b.blob.digest.hex);
    assert_int_equal(a.entries, 40);
    sh(p, "cmp 1 2; tar -tzf 1 | LC_ALL=C sort -c; gzip -dc 1 | sha256sum | cut -c1-64 >plain; sha256sum <1 "
          "| cut -c1-64 >packed");
    OWN_MEM char *plain = NULL, *packed = NULL;
    assert_int_equal(file_read("plain", 100, &plain, NULL, &p->e), 0);
    assert_int_equal(file_read("packed", 100, &packed, NULL, &p->e), 0);
    assert_memory_equal(plain, a.diff_id.hex, DIGEST_HEX);
    assert_memory_equal(packed, a.blob.digest.hex, DIGEST_HEX);
}

static void what_was_taken_away_is_told_in_the_specifications_words(void **state)
{
    struct place *p = *state;
    struct layer_written l;
    struct digest found;
    struct stat st;
    if (geteuid() != 0)
        skip();
    sh(p, "mkdir -p in/d/new; mknod in/gone c 0 0; mknod in/d/gone c 0 0; mknod in/null c 1 3; : >in/d/new/f;"
          "chown 1234:4321 in/d/new/f");
    if (setxattr("in/d/new", "trusted.overlay.opaque", "y", 1, 0) < 0)
        skip();
    assert_int_equal(setxattr("in/d", "trusted.overlay.origin", "x", 1, 0), 0);
    write_layer(p, "in", "layer", &l);
    sh(p, "tar -tzf layer | sort >names; printf "
          "'.wh.gone\\nd/\\nd/.wh.gone\\nd/new/\\nd/new/.wh..wh..opq\\nd/new/f\\nnull\\n' "
          "| sort | diff - names; ! zcat layer | grep -aq overlay");
    unpack(p, "layer", "out", &found);
    assert_int_equal(stat("out/gone", &st), 0);
    assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
    assert_int_equal(stat("out/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
    assert_int_equal(stat("out/d/new/f", &st), 0);
    assert_int_equal(st.st_uid, 1234);
    assert_int_equal(st.st_gid, 4321);
}

static void what_overlayfs_keeps_elsewhere_is_refused(void **state)
{
    struct place *p = *state;
    struct layer_written l;
    sh(p, "mkdir -p in/d");
    const char *name = geteuid() == 0 ? "trusted.overlay.redirect" : "user.overlay.redirect";
    if (setxattr("in/d", name, "/old", 4, 0) < 0)
        skip();
    OWN_FD top = open("in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN_FD to = open("layer", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(layer_write(top, to, NULL, &l, &p->e), -EOPNOTSUPP);
    assert_non_null(strstr(p->e.text, "/d: "));
}

static void a_full_disk_is_told(void **state)
{
    struct place *p = *state;
    struct layer_written l;
    sh(p, "mkdir in; head -c 3000000 /dev/urandom >in/big");
    OWN_FD top = open("in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN_FD full = open("/dev/full", O_RDWR | O_CLOEXEC);
    assert_int_equal(layer_write(top, full, NULL, &l, &p->e), -ENOSPC);
}

static void folders_nested_without_end_are_refused(void **state)
{
    struct place *p = *state;
    struct layer_written l;
    sh(p, "mkdir in; cd in; i=0; while [ $i -lt 450 ]; do mkdir d; cd d; i=$((i+1)); done");
    OWN_FD top = open("in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN_FD to = open("layer", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(layer_write(top, to, NULL, &l, &p->e), -ELOOP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_kinds_of_files_come_out_as_they_went_in),
        CASE(the_same_files_are_the_same_bytes),
        CASE(what_was_taken_away_is_told_in_the_specifications_words),
        CASE(what_overlayfs_keeps_elsewhere_is_refused),
        CASE(a_full_disk_is_told),
        CASE(folders_nested_without_end_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
