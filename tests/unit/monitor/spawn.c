// SPDX-License-Identifier: GPL-2.0-or-later
/* Whole monitors over kernels of a few instructions, on the soft engine. */
#include "monitor/spawn.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/proc.h"
#include "monitor/client.h"
#include "monitor/run.h"
#include "root.h"
#include "tiny_kernel.h"

static char *kernel_file(void **state)
{
    return path_make("%s/kernel", (char *)*state);
}

static struct guest_config config(const char *name, const char *kernel)
{
    struct guest_config c;
    guest_defaults(&c);
    c.name = name;
    c.kernel = kernel;
    c.memory = GUEST_MEMORY_MIN;
    c.engine = GUEST_ENGINE_SOFT;
    c.net = GUEST_NET_NONE;
    return c;
}

/* Start a guest with such a kernel. */
static void begin(void **state, const char *name, const char *say, const char *then, bool rm)
{
    OWN_MEM char *kernel = kernel_file(state);
    OWN_MEM char *its = NULL;
    struct guest_config c = config(name, kernel);
    struct err e = {0};
    c.rm = rm;
    tiny_kernel(kernel, say, then);
    if (monitor_spawn(&c, &its, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(its, name);
}

static json_t *inspect(const char *name)
{
    struct err e = {0};
    json_t *j = NULL;
    if (client_inspect(name, &j, &e) < 0)
        fail_msg("%s", e.text);
    return j;
}

static void expect_end(const char *name, int status, const char *state, const char *why)
{
    struct err e = {0};
    int got = -1;
    if (client_wait(name, &got, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(got, status);
    OWN(json_t) j = inspect(name);
    assert_string_equal(json_string_value(json_object_get(j, "state")), state);
    assert_string_equal(json_string_value(json_object_get(j, "why")), why);
}

static unsigned entries(const char *root, const char *folder)
{
    OWN_MEM char *path = path_make("%s/%s", root, folder);
    DIR *d = opendir(path);
    unsigned n = 0;
    const struct dirent *entry;
    while (d && (entry = readdir(d)))
        n += entry->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static void expect_nothing_left(void **state)
{
    assert_int_equal(entries(*state, "data/guests"), 0);
    assert_int_equal(entries(*state, "run"), 0);
}

/* ---- ends ---- */

static void a_guest_that_powers_off_ends_well(void **state)
{
    begin(state, "web", "hello\n", TINY_POWER_OFF, false);
    expect_end("web", 0, "stopped", "the guest powered off");
    assert_int_equal(entries(*state, "run"), 0);
    OWN_MEM char *log = NULL;
    OWN_MEM char *path = NULL;
    struct err e;
    assert_int_equal(client_log("web", false, &path, &e), 0);
    assert_int_equal(file_read(path, 4096, &log, NULL, &e), 0);
    assert_string_equal(log, "hello\n");
    assert_int_equal(client_remove("web", false, &e), 0);
    expect_nothing_left(state);
}

static void a_panic_told_by_device_is_a_broken_guest(void **state)
{
    begin(state, "web", "", TINY_PVPANIC, false);
    expect_end("web", 125, "broken", "the guest's kernel panicked");
}

static void a_panic_read_from_the_console_wins_over_the_reset_behind_it(void **state)
{
    begin(state, "web", "[    1.000000] Kernel panic - not syncing: test\n", TINY_RESET, false);
    expect_end("web", 125, "broken", "kernel panic: test");
}

static void a_panic_that_stays_is_noticed(void **state)
{
    begin(state, "web", "Kernel panic - not syncing: x\n---[ end Kernel panic - not syncing: x ]---\n",
          TINY_HANG, false);
    expect_end("web", 125, "broken", "kernel panic: x");
}

static void a_triple_fault_is_a_broken_guest(void **state)
{
    begin(state, "web", "", TINY_TRIPLE_FAULT, false);
    expect_end("web", 125, "broken", "triple fault");
}

static void rm_takes_the_guest_away_at_its_end(void **state)
{
    struct err e;
    int status;
    begin(state, "web", "", TINY_HANG, true);
    assert_int_equal(entries(*state, "data/guests"), 1);
    assert_int_equal(client_kill("web", &e), 0);
    expect_nothing_left(state);
    begin(state, "web", "", TINY_POWER_OFF, true);
    int rc = client_wait("web", &status, &e);
    assert_true(rc == 0 || rc == -ENOENT); /* it may be gone before we ask */
    for (int i = 0; i < 500 && entries(*state, "run"); i++)
        usleep(10000);
    expect_nothing_left(state);
}

static void a_guest_that_resets_goes_on_in_a_new_machine(void **state)
{
    begin(state, "web", "boot\n", TINY_RESET, false);
    OWN_MEM char *path = NULL;
    struct err e;
    size_t len = 0;
    assert_int_equal(client_log("web", false, &path, &e), 0);
    for (int i = 0; i < 2000 && len < 15; i++) {
        OWN_MEM char *log = NULL;
        assert_int_equal(file_read(path, 1 << 20, &log, &len, &e), 0);
        usleep(5000);
    }
    assert_true(len >= 15); /* three times */
    assert_int_equal(client_kill("web", &e), 0);
    expect_end("web", 125, "stopped", "its plug was pulled");
}

static void a_guest_that_does_not_listen_loses_its_plug(void **state)
{
    struct err e;
    bool pulled = false;
    begin(state, "web", "", TINY_HANG, false);
    assert_int_equal(client_stop("web", 50, &pulled, &e), 0);
    assert_true(pulled);
    expect_end("web", 125, "stopped", "it did not shut down in time, so its plug was pulled");
}

/* ---- life ---- */

static void it_pauses_resumes_and_starts_again(void **state)
{
    struct err e;
    begin(state, "web", "", TINY_HANG, false);
    assert_int_equal(client_pause("web", &e), 0);
    OWN(json_t) paused = inspect("web");
    assert_string_equal(json_string_value(json_object_get(paused, "state")), "paused");
    assert_string_equal(json_string_value(json_object_get(paused, "engine")), "soft");
    assert_int_equal(client_resume("web", &e), 0);
    assert_int_equal(client_start("web", &e), -EBUSY);
    assert_int_equal(client_kill("web", &e), 0);
    assert_int_equal(client_start("web", &e), 0);
    OWN(json_t) again = inspect("web");
    assert_string_equal(json_string_value(json_object_get(again, "state")), "running");
    assert_int_equal(client_remove("web", true, &e), 0);
    expect_nothing_left(state);
}

static void a_monitor_that_is_killed_leaves_a_crashed_guest_that_starts_again(void **state)
{
    struct err e;
    int status;
    begin(state, "web", "", TINY_HANG, false);
    OWN(json_t) j = inspect("web");
    pid_t pid = (pid_t)json_integer_value(json_object_get(j, "pid"));
    assert_true(pid > 1);
    kill(pid, SIGKILL);
    assert_int_equal(client_wait("web", &status, &e), 0);
    OWN(json_t) after = inspect("web");
    assert_string_equal(json_string_value(json_object_get(after, "state")), "crashed");
    assert_int_equal(client_start("web", &e), 0);
    assert_int_equal(client_kill("web", &e), 0);
}

static void a_monitor_that_is_asked_to_end_stops_its_guest(void **state)
{
    struct err e;
    bool pulled;
    begin(state, "web", "", TINY_HANG, false);
    OWN(json_t) j = inspect("web");
    kill((pid_t)json_integer_value(json_object_get(j, "pid")), SIGTERM);
    for (int i = 0; i < 500; i++) {
        OWN(json_t) now = inspect("web");
        if (!strcmp(json_string_value(json_object_get(now, "state")), "stopping"))
            break;
        usleep(10000);
    }
    assert_int_equal(client_stop("web", 1, &pulled, &e), 0);
    assert_true(pulled);
}

static void without_an_image_there_is_no_agent_to_run_commands(void **state)
{
    struct err e;
    int fd;
    const struct client_exec x = {0};
    begin(state, "web", "", TINY_HANG, false);
    assert_int_equal(client_exec("web", &x, &fd, &e), -ENODEV);
    assert_int_equal(client_console("web", &fd, &e), 0);
    close(fd);
    assert_int_equal(client_kill("web", &e), 0);
}

/* ---- what does not start ---- */

static void expect_refused(void **state, const struct guest_config *c, int code, const char *word)
{
    struct err e = {0};
    char *name = NULL;
    int rc = monitor_spawn(c, &name, &e);
    if (rc != code || !strstr(e.text, word))
        fail_msg("%d, %s", rc, e.text);
    assert_null(strchr(e.text, '\n'));
    expect_nothing_left(state);
}

static void what_cannot_start_is_told_in_a_line_and_leaves_nothing(void **state)
{
    OWN_MEM char *kernel = kernel_file(state);
    OWN_MEM char *missing = path_make("%s/missing", (char *)*state);
    assert_int_equal(file_write_atomic(kernel, "this is no kernel", 17, 0644, NULL), 0);
    struct guest_config c = config("web", kernel);
    expect_refused(state, &c, -EINVAL, "not a kernel");
    c.kernel = missing;
    expect_refused(state, &c, -ENOENT, missing);
    c.kernel = *state;
    expect_refused(state, &c, -EISDIR, *state);
    c = config("web", kernel);
    c.initrd = missing;
    expect_refused(state, &c, -ENOENT, missing);
    c = config("web", NULL);
    c.image = "nothing";
    expect_refused(state, &c, -ENOENT, "nothing");
    c = config("../web", kernel);
    expect_refused(state, &c, -EINVAL, "no name for a guest");
    c = config("web", kernel);
    c.memory = 1ull << 45;
    expect_refused(state, &c, -ENOMEM, "this host has");
}

static void a_port_that_is_taken_is_named(void **state)
{
    OWN_MEM char *kernel = kernel_file(state);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(a);
    OWN_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char port[16];
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    snprintf(port, sizeof(port), "%u", ntohs(a.sin_port));
    tiny_kernel(kernel, "", TINY_HANG);
    struct guest_config c = config("web", kernel);
    c.net = GUEST_NET_USER;
    c.forwards[0] = (struct guest_forward){false, a.sin_addr, ntohs(a.sin_port), 80};
    c.nr_forwards = 1;
    expect_refused(state, &c, -EADDRINUSE, port);
}

static void a_name_that_is_taken_leaves_the_other_guest_alone(void **state)
{
    struct err e;
    char *name = NULL;
    begin(state, "web", "", TINY_HANG, false);
    OWN_MEM char *kernel = kernel_file(state);
    struct guest_config c = config("web", kernel);
    assert_int_equal(monitor_spawn(&c, &name, &e), -EEXIST);
    OWN(json_t) j = inspect("web");
    assert_string_equal(json_string_value(json_object_get(j, "state")), "running");
    assert_int_equal(client_remove("web", true, &e), 0);
}

static void an_interrupt_while_it_starts_leaves_nothing(void **state)
{
    struct err e;
    char *name = NULL;
    int n;
    OWN_MEM char *kernel = kernel_file(state);
    tiny_kernel(kernel, "", TINY_HANG);
    struct guest_config c = config("web", kernel);
    OWN_INTERRUPT held;
    interrupt_hold(&held);
    raise(SIGINT);
    assert_int_equal(monitor_spawn(&c, &name, &e), -EINTR);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    assert_int_equal(sigwait(&set, &n), 0);
    expect_nothing_left(state);
}

/* ---- in the foreground ---- */

/* run_kernel with its output in *ret. */
static int foreground(void **state, const char *say, const char *then, char *ret, size_t size)
{
    OWN_MEM char *kernel = kernel_file(state);
    struct guest_config c = config(NULL, kernel);
    struct err e = {0};
    int in[2], out[2], saved_in = dup(0), saved_out = dup(1);
    tiny_kernel(kernel, say, then);
    assert_int_equal(pipe(in) | pipe(out), 0);
    fflush(stdout);
    dup2(in[0], 0);
    dup2(out[1], 1);
    int rc = run_kernel(&c, &e);
    dup2(saved_in, 0);
    dup2(saved_out, 1);
    close(out[1]);
    ssize_t n = read(out[0], ret, size - 1);
    ret[n > 0 ? n : 0] = 0;
    for (int i = 0; i < 2; i++)
        close(in[i]);
    close(out[0]);
    close(saved_in);
    close(saved_out);
    if (rc < 0)
        print_message("%s\n", e.text);
    return rc;
}

static void a_kernel_in_the_foreground_speaks_on_our_streams(void **state)
{
    char text[256];
    assert_int_equal(foreground(state, "hello\n", TINY_POWER_OFF, text, sizeof(text)), 0);
    assert_string_equal(text, "hello\n");
    assert_int_equal(foreground(state, "again\n", TINY_RESET, text, sizeof(text)), 0);
    assert_string_equal(text, "again\n");
    expect_nothing_left(state);
}

static void a_kernel_in_the_foreground_that_fails_is_no_success(void **state)
{
    char text[256];
    assert_int_equal(foreground(state, "", TINY_TRIPLE_FAULT, text, sizeof(text)), 1);
    assert_int_equal(foreground(state, "", TINY_PVPANIC, text, sizeof(text)), 1);
    assert_int_equal(foreground(state, "Kernel panic - not syncing: x\n", TINY_RESET, text, sizeof(text)), 1);
}

/* Monitors come to us when they are orphans: all have to end within a few seconds. */
static int teardown(void **state)
{
    pid_t pid = 0;
    for (int i = 0; i < 1000 && pid >= 0; i++) {
        pid = waitpid(-1, NULL, WNOHANG);
        if (pid == 0)
            usleep(10000);
    }
    return root_teardown(state) | (pid >= 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, root_setup, teardown)

int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const struct CMUnitTest tests[] = {
        TEST(a_guest_that_powers_off_ends_well),
        TEST(a_panic_told_by_device_is_a_broken_guest),
        TEST(a_panic_read_from_the_console_wins_over_the_reset_behind_it),
        TEST(a_panic_that_stays_is_noticed),
        TEST(a_triple_fault_is_a_broken_guest),
        TEST(rm_takes_the_guest_away_at_its_end),
        TEST(a_guest_that_resets_goes_on_in_a_new_machine),
        TEST(a_guest_that_does_not_listen_loses_its_plug),
        TEST(it_pauses_resumes_and_starts_again),
        TEST(a_monitor_that_is_killed_leaves_a_crashed_guest_that_starts_again),
        TEST(a_monitor_that_is_asked_to_end_stops_its_guest),
        TEST(without_an_image_there_is_no_agent_to_run_commands),
        TEST(what_cannot_start_is_told_in_a_line_and_leaves_nothing),
        TEST(a_port_that_is_taken_is_named),
        TEST(a_name_that_is_taken_leaves_the_other_guest_alone),
        TEST(an_interrupt_while_it_starts_leaves_nothing),
        TEST(a_kernel_in_the_foreground_speaks_on_our_streams),
        TEST(a_kernel_in_the_foreground_that_fails_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
