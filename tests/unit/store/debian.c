// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/apt.h"
#include "store/debian_progress.h"

#include "place.h"
#include "store/image_debian.h"

static void check_line(const char *target, const char *from, const char *to, const char *want)
{
    OWN_MEM char *line = apt_source_line(target, from, to);
    if (want)
        assert_string_equal(line, want);
    else
        assert_null(line);
}

static void sources_of_the_suite_are_taken_over_and_others_are_not(void **state)
{
    (void)state;
    check_line("http://m/debian/|bookworm|main", "bookworm", "bookworm",
               "deb http://m/debian/ bookworm main\n");
    check_line("http://m/s/|bookworm-security|main", "bookworm", "bookworm",
               "deb http://m/s/ bookworm-security main\n");
    check_line("http://m/s/|bookworm-updates|main", "bookworm", "trixie",
               "deb http://m/s/ trixie-updates main\n");
    check_line("http://m/s/|bookworm-backports|main", "bookworm", "bookworm", NULL);
    check_line("http://m/s/|bookworm-updates-debug|main", "bookworm", "bookworm", NULL);
    check_line("http://m/s/|bookwormish|main", "bookworm", "bookworm", NULL);
    check_line("http://m/s/|nodistro|main", "bookworm", "bookworm", NULL);
    check_line("garbage", "bookworm", "bookworm", NULL);
}

static void progress_only_grows_and_ends_at_the_end(void **state)
{
    (void)state;
    const char *const lines[] = {
        "I: running apt-get update...",
        "Get:1 http://m bookworm InRelease [151 kB]",
        "I: downloading packages with apt...",
        "0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.",
        "Get:1 http://m a",
        "Get:2 http://m b",
        "I: extracting archives...",
        "I: installing essential packages...",
        "Unpacking a (1) ...",
        "Setting up a (1) ...",
        "Unpacking b (1) ...",
        "Setting up b (1) ...",
        "I: installing remaining packages inside the chroot...",
        "0 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.",
        "Get:1 http://m c",
        "I: running --customize-hook in shell: x",
        "I: cleaning package lists and apt cache...",
        "I: creating tarball...",
        "I: success in 14.2777 seconds",
    };
    struct debian_progress p = {0};
    unsigned before = 0, half = 0;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        unsigned now = debian_progress_line(&p, lines[i]);
        assert_true(now >= before && now <= DEBIAN_STEPS);
        before = now;
        if (i == 9)
            half = now;
    }
    assert_int_equal(before, DEBIAN_STEPS);
    assert_true(half > 350 && half < 550); /* in the middle of the essential ones */
    for (int i = 0; i < 1000; i++)
        debian_progress_line(&p, "Unpacking more (1) ...");
    assert_int_equal(p.done, DEBIAN_STEPS);
}

static void names_that_are_none_are_refused_before_anything_runs(void **state)
{
    struct place *p = *state;
    OWN(image) i = NULL;
    const char *const bad[] = {"ok,$(reboot)", NULL};
    char names[100];
    assert_int_equal(image_build_debian(&(struct image_debian){.include = bad}, NULL, &i, &p->e), -EINVAL);
    assert_int_equal(image_build_debian(&(struct image_debian){.suite = "a b"}, NULL, &i, &p->e), -EINVAL);
    assert_int_equal(image_build_debian(&(struct image_debian){.suite = "--x"}, NULL, &i, &p->e), -EINVAL);
    assert_int_equal(image_build_debian(&(struct image_debian){.name = "/"}, NULL, &i, &p->e), -EINVAL);
    assert_string_equal(names_in(p, "data/images", names, sizeof(names)), ".lock ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(sources_of_the_suite_are_taken_over_and_others_are_not),
        CASE(progress_only_grows_and_ends_at_the_end),
        CASE(names_that_are_none_are_refused_before_anything_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
