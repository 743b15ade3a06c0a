// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/guest_image.h"

#include <string.h>

#include "unit.h"

static const char *image_entry[] = {"/bin/entry", "-x", NULL}, *image_command[] = {"serve", NULL};
static const char *image_env[] = {"PATH=/bin", "A=image", "AB=kept", NULL};
static const struct image_config image = {.entrypoint = image_entry,
                                          .command = image_command,
                                          .environment = image_env,
                                          .directory = "/srv",
                                          .user = "web",
                                          .stop_signal = "SIGINT"};

/* The command that comes out, with blanks between. */
static const char *command(const char *const *argv, const char *entrypoint, const struct image_config *i,
                           char *text)
{
    struct guest_config c = {.kind = GUEST_CONTAINER, .argv = argv, .container.entrypoint = entrypoint};
    OWN_GUEST_IMAGE g = {0};
    struct err e;
    assert_int_equal(guest_image_merge(&c, i, &g, &e), 0);
    assert_null(c.container.entrypoint);
    strcpy(text, c.argv ? "" : "none");
    for (const char *const *a = c.argv; a && *a; a++)
        strcat(strcat(text, *a), a[1] ? " " : "");
    return text;
}

static void a_command_takes_the_place_of_the_images_and_the_entrypoint_stays(void **state)
{
    (void)state;
    const char *const own[] = {"check", "all", NULL};
    const struct image_config plain = {0};
    char text[100];
    assert_string_equal(command(NULL, NULL, &image, text), "/bin/entry -x serve");
    assert_string_equal(command(own, NULL, &image, text), "/bin/entry -x check all");
    assert_string_equal(command(NULL, NULL, &plain, text), "none");
    assert_string_equal(command(own, NULL, &plain, text), "check all");
}

static void an_entrypoint_of_ones_own_stands_for_both(void **state)
{
    (void)state;
    const char *const own[] = {"check", NULL};
    char text[100];
    assert_string_equal(command(NULL, "/bin/sh", &image, text), "/bin/sh");
    assert_string_equal(command(own, "/bin/sh", &image, text), "/bin/sh check");
    assert_string_equal(command(own, "", &image, text), "check");
    assert_string_equal(command(NULL, "", &image, text), "none");
}

static void a_variable_that_is_set_replaces_the_images(void **state)
{
    (void)state;
    const char *const own[] = {"A=own", "B=new", NULL};
    struct guest_config c = {.kind = GUEST_CONTAINER, .env = own};
    OWN_GUEST_IMAGE g = {0};
    struct err e;
    assert_int_equal(guest_image_merge(&c, &image, &g, &e), 0);
    const char *const want[] = {"PATH=/bin", "AB=kept", "A=own", "B=new"};
    for (unsigned i = 0; i < 4; i++)
        assert_string_equal(c.env[i], want[i]);
    assert_null(c.env[4]);
}

static void folder_user_and_signal_are_the_images_if_nothing_is_said(void **state)
{
    (void)state;
    struct guest_config c = {.kind = GUEST_CONTAINER}, own = {.kind = GUEST_CONTAINER,
                                                              .cwd = "/tmp",
                                                              .user = "0",
                                                              .container.stop_signal = "TERM"};
    OWN_GUEST_IMAGE g = {0}, h = {0};
    struct err e;
    assert_int_equal(guest_image_merge(&c, &image, &g, &e), 0);
    assert_string_equal(c.cwd, "/srv");
    assert_string_equal(c.user, "web");
    assert_string_equal(c.container.stop_signal, "SIGINT");
    assert_int_equal(guest_image_merge(&own, &image, &h, &e), 0);
    assert_string_equal(own.cwd, "/tmp");
    assert_string_equal(own.user, "0");
    assert_string_equal(own.container.stop_signal, "TERM");
}

static void a_signal_that_is_none_is_not_taken_over(void **state)
{
    (void)state;
    const struct image_config odd = {.stop_signal = "SIGNONE"};
    struct guest_config c = {.kind = GUEST_CONTAINER};
    OWN_GUEST_IMAGE g = {0};
    struct err e;
    assert_int_equal(guest_image_merge(&c, &odd, &g, &e), 0);
    assert_null(c.container.stop_signal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_takes_the_place_of_the_images_and_the_entrypoint_stays),
        cmocka_unit_test(an_entrypoint_of_ones_own_stands_for_both),
        cmocka_unit_test(a_variable_that_is_set_replaces_the_images),
        cmocka_unit_test(folder_user_and_signal_are_the_images_if_nothing_is_said),
        cmocka_unit_test(a_signal_that_is_none_is_not_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
