// SPDX-License-Identifier: GPL-2.0-or-later
/* A copy is what its source was when it stood still, whatever happened to the source between two passes. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "../store/place.h"
#include "commit/copy.h"

static struct copy *begin(struct place *p)
{
    struct copy *c = NULL;
    if (copy_new("in", "out", NULL, &c, &p->e) < 0)
        fail_msg("%s", p->e.text);
    return c;
}

static void pass(struct place *p, struct copy *c, bool still)
{
    if (copy_pass(c, still, &p->e) < 0)
        fail_msg("%s", p->e.text);
}

static void finish(struct place *p, struct copy *c)
{
    pass(p, c, true);
    assert_int_equal(copy_finish(c, &p->e), 0);
}

static void compare(struct place *p)
{
    sh(p, "list() { (cd $1; find . -mindepth 1 ! -type d -printf '%P %y %m %U:%G %s %l %T@ %n\\n';"
          "find . -mindepth 1 -type d -printf '%P %m %U:%G %T@\\n') | sort; };"
          "list in >a; list out >b; diff a b; diff -r --no-dereference -x pipe in out");
}

static void what_is_there_is_copied(void **state)
{
    struct place *p = *state;
    char value[8];
    sh(p, "mkdir -p in/d/e; cd in; echo a >d/a; ln d/a d/b; ln -s x d/l; mkfifo d/pipe; chmod 6755 d/a; "
          "chmod 1700 d/e;"
          "truncate -s 50M d/hollow; echo end >>d/hollow; touch -d @1 d/a d");
    if (setxattr("in/d", "user.x", "y", 1, 0) < 0)
        skip();
    OWN(copy) c = begin(p);
    finish(p, c);
    compare(p);
    assert_int_equal(getxattr("out/d", "user.x", value, sizeof(value)), 1);
    sh(p, "test $(du -k out/d/hollow | cut -f1) -lt 1000; test out/d/a -ef out/d/b");
}

static void whiteouts_are_copied_as_such(void **state)
{
    struct place *p = *state;
    struct stat st;
    if (geteuid() != 0)
        skip();
    sh(p, "mkdir -p in/d; mknod in/d/gone c 0 0; chown 77:78 in/d");
    OWN(copy) c = begin(p);
    finish(p, c);
    assert_int_equal(stat("out/d/gone", &st), 0);
    assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
    assert_int_equal(stat("out/d", &st), 0);
    assert_int_equal(st.st_uid, 77);
}

/* The cases that a copy of two passes gets wrong if it trusts too much. */
static void the_last_pass_finds_what_has_changed(void **state)
{
    struct place *p = *state;
    sh(p,
       "mkdir -p in/keep in/goes/below in/turns in/moves; cd in; for i in $(seq 50); do echo $i >keep/$i; "
       "done;"
       "echo 1 >keep/same-size; echo x >goes/below/f; echo f >was-file; echo a >moves/a; ln moves/a moves/b;"
       "echo old >keep/replaced; echo m >keep/mode; mkdir was-folder; echo y >was-folder/in; ln -s one link");
    OWN(copy) c = begin(p);
    pass(p, c, false);
    sh(p, "cd in; printf '2\\n' >keep/same-size; touch -d @99 keep/same-size; rm -r goes; rm was-file; mkdir "
          "was-file;"
          "echo n >was-file/new; rm -r was-folder; echo now >was-folder; mv moves moved; echo new >other; mv "
          "other "
          "keep/replaced; chmod 400 keep/mode; ln -sf two link; echo more >>moved/a; ln moved/a moved/c; "
          "mkdir -p n/e/w;"
          "echo deep >n/e/w/f");
    finish(p, c);
    compare(p);
    sh(p, "test out/moved/a -ef out/moved/c");
}

static void what_is_unchanged_is_not_copied_again(void **state)
{
    struct place *p = *state;
    sh(p, "mkdir in; for i in $(seq 20); do echo $i >in/$i; done; sleep 0.2");
    OWN(copy) c = begin(p);
    pass(p, c, false);
    if (copy_files(c) == 0)
        skip(); /* a file system that tells nothing: the last pass does it all */
    assert_int_equal(copy_files(c), 20);
    sh(p, "echo new >in/7");
    finish(p, c);
    assert_int_equal(copy_files(c), 1);
    compare(p);
}

/* The kernel's clock for times of change ticks: both changes have the same one, most of the time. (Of an
 * attribute: data would be written out between them.) */
static void a_change_at_once_after_the_pass_is_found(void **state)
{
    struct place *p = *state;
    sh(p, "mkdir in; : >in/file");
    for (unsigned i = 0; i < 200; i++) {
        unsigned second = i + 1000, found = 0;
        if (setxattr("in/file", "user.n", &i, sizeof(i), 0) < 0)
            skip();
        OWN(copy) c = begin(p);
        pass(p, c, false);
        assert_int_equal(setxattr("in/file", "user.n", &second, sizeof(second), 0), 0);
        finish(p, c);
        assert_int_equal(getxattr("out/file", "user.n", &found, sizeof(found)), sizeof(found));
        assert_int_equal(found, second);
        assert_int_equal(unlink("out/file") | rmdir("out"), 0);
    }
}

/* Written through a mapping that was writable before the copy: no call tells of it. */
static void a_write_through_a_mapping_is_found(void **state)
{
    struct place *p = *state;
    sh(p, "mkdir in; head -c 8192 /dev/zero >in/mapped; sync in/mapped");
    OWN_FD fd = open("in/mapped", O_RDWR | O_CLOEXEC);
    char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(at != MAP_FAILED);
    at[0] = 'a';
    sh(p, "sleep 0.2");
    OWN(copy) c = begin(p);
    pass(p, c, false);
    at[1] = 'b';
    at[4096] = 'c';
    finish(p, c);
    munmap(at, 8192);
    sh(p, "cmp in/mapped out/mapped; head -c 2 out/mapped | grep -q ab");
}

static void a_source_that_never_stands_still_ends_whole(void **state)
{
    struct place *p = *state;
    sh(p, "mkdir in");
    OWN(copy) c = begin(p);
    pid_t pid = fork();
    if (pid == 0) {
        if (chdir("in") < 0)
            _exit(1);
        for (unsigned i = 0;; i++) {
            char name[16], dir[16];
            snprintf(name, sizeof(name), "%u", i % 37);
            snprintf(dir, sizeof(dir), "d%u", i % 11);
            OWN_FD fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            (void)!pwrite(fd, &i, sizeof(i), 0);
            if (i % 3 == 0)
                unlink(name);
            if (i % 5 == 0)
                rmdir(dir);
            else
                mkdir(dir, 0700);
        }
    }
    for (int i = 0; i < 20; i++)
        pass(p, c, false);
    kill(pid, SIGSTOP);
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
    finish(p, c);
    compare(p);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_there_is_copied),
        CASE(whiteouts_are_copied_as_such),
        CASE(the_last_pass_finds_what_has_changed),
        CASE(what_is_unchanged_is_not_copied_again),
        CASE(a_change_at_once_after_the_pass_is_found),
        CASE(a_write_through_a_mapping_is_found),
        CASE(a_source_that_never_stands_still_ends_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
