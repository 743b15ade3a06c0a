// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/image.h"

#include <sys/wait.h>

#include "place.h"
#include "store/draft.h"

/* An image by hand: a disk of 4 KiB and what image.json is told to say besides. */
static void make(struct place *p, const char *name, const char *more)
{
    OWN_MEM char *script = path_make(
        "mkdir -p data/images/%s/modules; cd data/images/%s; truncate -s 4096 disk.raw; echo k >vmlinuz; "
        "echo '{\"source\": \"test\", \"created\": \"now\", \"disk\": {\"file\": \"disk.raw\", \"bytes\": "
        "4096, \"fs\": \"ext4\"}%s}' >image.json",
        name, name, more);
    sh(p, script);
}

static void names_begin_with_a_letter_or_digit_and_stay_simple(void **state)
{
    struct place *p = *state;
    const char *const good[] = {"a", "web:before-1.2", "debian-12", "9lives", "a.b_c-D"};
    const char *const bad[] = {
        "",       ".",        "..",
        ".tmp-x", "-x",       "_x",
        "a/b",    "a:",       ":a",
        "a:b:c",  "a:.b",     "a b",
        "a\n",    "\xc3\xa4", "a1234567890123456789012345678901234567890123456789012345678901234"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(image_check_name(good[i], &p->e), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(image_check_name(bad[i], &p->e), -EINVAL);
}

static void what_is_not_there_or_damaged_is_told(void **state)
{
    struct place *p = *state;
    OWN(image) i = NULL;
    assert_int_equal(image_open("none", &i, &p->e), -ENOENT);
    assert_string_equal(p->e.text, "no image called none; `hospes image ls` lists them");
    assert_int_equal(image_open("../etc", &i, &p->e), -EINVAL);
    make(p, "cut", "");
    sh(p, "truncate -s 100 data/images/cut/disk.raw");
    assert_int_equal(image_open("cut", &i, &p->e), -EINVAL);
    make(p, "broken", ", \"kernel\": 7");
    assert_int_equal(image_open("broken", &i, &p->e), -EINVAL);
    assert_string_equal(p->e.text, "image broken is damaged: \"kernel\" is not a string");
    make(p, "gone", ", \"kernel\": \"vmlinuz\"");
    sh(p, "rm data/images/gone/vmlinuz");
    assert_int_equal(image_open("gone", &i, &p->e), -EINVAL);
    assert_null(i);
}

static void note(void *ctx, const char *name, const struct image *i, const struct err *trouble)
{
    char *text = ctx;
    strcat(strcat(text, name), i && !trouble ? " " : "! ");
}

static void a_list_is_in_order_and_tells_damaged_ones(void **state)
{
    struct place *p = *state;
    char text[100] = "";
    assert_int_equal(image_list(note, text, &p->e), 0);
    assert_string_equal(text, "");
    make(p, "b", "");
    make(p, "a", "");
    make(p, "c", ", \"init\": []");
    make(p, ".tmp-d", "");
    assert_int_equal(image_list(note, text, &p->e), 0);
    assert_string_equal(text, "a b c! ");
}

static void an_image_in_use_is_not_removed(void **state)
{
    struct place *p = *state;
    make(p, "a", "");
    make(p, "b", ", \"init\": []");
    OWN(image) i = NULL;
    OWN_FD hold = -1;
    assert_int_equal(image_open("a", &i, &p->e), 0);
    assert_int_equal(image_hold(i, &hold, &p->e), 0);
    assert_int_equal(image_remove("a", &p->e), -EBUSY);
    own_fd(&hold);
    hold = -1;
    sh(p,
       "mkdir -p data/guests/web1 data/guests/web2; echo '{\"image\": \"b\"}' >data/guests/web1/guest.json; "
       "echo '{\"image\": \"a\"}' >data/guests/web2/guest.json");
    assert_int_equal(image_remove("a", &p->e), -EBUSY);
    assert_string_equal(p->e.text, "image a is used by guest web2");
    sh(p, "rm -r data/guests/web2 data/guests/web1");
    assert_int_equal(image_remove("a", &p->e), 0);
    assert_int_equal(image_hold(i, &hold, &p->e), -ENOENT);
    assert_int_equal(image_remove("a", &p->e), -ENOENT);
    assert_int_equal(image_remove("b", &p->e), 0); /* a damaged one, too */
    char names[100];
    assert_string_equal(names_in(p, "data/images", names, sizeof(names)), ".lock ");
}

static void the_newest_kernel_of_all_images_is_the_default(void **state)
{
    struct place *p = *state;
    OWN_MEM char *kernel = NULL, *modules = NULL;
    assert_int_equal(image_default_kernel(&kernel, &modules, &p->e), -ENOENT);
    make(p, "a", ", \"kernel\": \"vmlinuz\", \"kernel_version\": \"6.9.0\", \"modules\": \"modules\"");
    make(p, "b", ", \"kernel\": \"vmlinuz\", \"kernel_version\": \"6.12.0\"");
    make(p, "c", ", \"kernel_version\": \"7.0\"");
    assert_int_equal(image_default_kernel(&kernel, &modules, &p->e), 0);
    OWN_MEM char *want = path_make("%s/data/images/b/vmlinuz", p->dir);
    assert_string_equal(kernel, want);
    assert_null(modules);
}

/* ---- drafts ---- */

static void a_draft_that_fails_vanishes_with_its_scratch_folder(void **state)
{
    struct place *p = *state;
    OWN_MEM char *scratch = NULL;
    char names[100];
    {
        OWN(draft) d = NULL;
        assert_int_equal(draft_begin("x", &d, &p->e), 0);
        assert_int_equal(draft_scratch(d, &scratch, &p->e), 0);
        put(d->disk, "half", 4);
        OWN(image) none = NULL;
        assert_int_equal(image_open("x", &none, &p->e), -ENOENT);
        assert_int_equal(access(scratch, F_OK), 0);
    }
    assert_string_equal(names_in(p, "data/images", names, sizeof(names)), ".lock ");
    assert_int_equal(access(scratch, F_OK), -1);
}

static void two_makers_of_one_name_are_told_apart(void **state)
{
    struct place *p = *state;
    OWN(draft) first = NULL;
    OWN(draft) second = NULL;
    OWN(draft) other = NULL;
    assert_int_equal(draft_begin("x", &first, &p->e), 0);
    assert_int_equal(draft_begin("x", &second, &p->e), -EBUSY);
    assert_string_equal(p->e.text, "image x is being made by another process just now");
    assert_int_equal(draft_begin("y", &other, &p->e), 0); /* which sweeps, but not the living */
    assert_int_equal(access(first->dir, F_OK), 0);
}

static void what_a_killed_maker_left_is_swept_by_the_next(void **state)
{
    struct place *p = *state;
    pid_t pid = fork();
    if (pid == 0) {
        struct draft *d = NULL;
        char *scratch = NULL;
        if (draft_begin("x", &d, &p->e) == 0 && draft_scratch(d, &scratch, &p->e) == 0)
            raise(SIGKILL);
        _exit(1);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    char names[200];
    assert_string_equal(names_in(p, "data/images", names, sizeof(names)), ".lock .tmp-x ");
    assert_non_null(strstr(names_in(p, ".", names, sizeof(names)), "hospes."));
    OWN(draft) d = NULL;
    assert_int_equal(draft_begin("y", &d, &p->e), 0);
    assert_string_equal(names_in(p, "data/images", names, sizeof(names)), ".lock .tmp-y ");
    assert_null(strstr(names_in(p, ".", names, sizeof(names)), "hospes."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(names_begin_with_a_letter_or_digit_and_stay_simple),
        CASE(what_is_not_there_or_damaged_is_told),
        CASE(a_list_is_in_order_and_tells_damaged_ones),
        CASE(an_image_in_use_is_not_removed),
        CASE(the_newest_kernel_of_all_images_is_the_default),
        CASE(a_draft_that_fails_vanishes_with_its_scratch_folder),
        CASE(two_makers_of_one_name_are_told_apart),
        CASE(what_a_killed_maker_left_is_swept_by_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
