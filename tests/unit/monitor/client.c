// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/client.h"

#include <signal.h>
#include <sys/socket.h>

#include "base/json.h"
#include "base/proc.h"
#include "fake_monitor.h"
#include "monitor/guest_dir.h"
#include "root.h"

static struct guest_dir *made(const char *name, const char *state)
{
    struct guest_config c;
    struct guest_dir *d = NULL;
    struct err e = {0};
    guest_defaults(&c);
    c.name = name;
    c.image = "debian";
    c.forwards[0] = (struct guest_forward){.host_port = 8080, .guest_port = 80};
    c.nr_forwards = 1;
    if (guest_dir_create(&c, &d, &e) < 0)
        fail_msg("%s", e.text);
    OWN(json_t) fields = json_pack("{s:s}", "state", state);
    assert_int_equal(guest_dir_record(d, fields, &e), 0);
    return d;
}

/* A guest that is there, and does not run. */
static void left(const char *name, const char *state)
{
    OWN(guest_dir) d = made(name, state);
    guest_dir_unlock(d);
}

/* What a killed monitor leaves: a run folder with files in it, a lock that nobody holds. */
static void left_by_a_dead_monitor(const char *name)
{
    OWN(guest_dir) d = made(name, "running");
    static const char *const files[] = {"pid", "control"};
    for (int i = 0; i < 2; i++) {
        OWN_MEM char *path = guest_dir_run_file(d, files[i]);
        assert_int_equal(file_write_atomic(path, "1\n", 2, 0600, NULL), 0);
    }
}

static struct fake_monitor *running(const char *name)
{
    struct fake_monitor *m = calloc(1, sizeof(*m));
    m->dir = made(name, "running");
    OWN_MEM char *pid = guest_dir_run_file(m->dir, "pid");
    OWN_MEM char *control = guest_dir_run_file(m->dir, "control");
    assert_int_equal(file_write_atomic(pid, "1\n", 2, 0600, NULL), 0);
    fake_monitor_start(m, control);
    return m;
}

static void gone(struct fake_monitor *m)
{
    fake_monitor_join(m);
    guest_dir_free(m->dir);
    free(m);
}

static void expect_state(const char *name, const char *want)
{
    struct err e = {0};
    OWN(json_t) j = NULL;
    if (client_inspect(name, &j, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(json_string_value(json_object_get(j, "state")), want);
}

static size_t listed(bool all)
{
    OWN(json_t) list = NULL;
    struct err e;
    assert_int_equal(client_list(all, &list, &e), 0);
    return json_array_size(list);
}

/* ---- what does not run ---- */

static void nobody_is_called_so(void **state)
{
    (void)state;
    struct err e;
    int status;
    json_t *j;
    assert_int_equal(client_stop("web", 0, NULL, &e), -ENOENT);
    assert_int_equal(client_kill("web", &e), -ENOENT);
    assert_int_equal(client_remove("web", true, &e), -ENOENT);
    assert_int_equal(client_wait("web", &status, &e), -ENOENT);
    assert_int_equal(client_inspect("web", &j, &e), -ENOENT);
    assert_int_equal(client_start("web", &e), -ENOENT);
    assert_string_equal(e.text, "no guest is called web");
    assert_int_equal(client_pause("../web", &e), -EINVAL);
    assert_int_equal(listed(true), 0);
}

static void a_stopped_guest_takes_no_requests(void **state)
{
    (void)state;
    struct err e;
    left("web", "stopped");
    assert_int_equal(client_pause("web", &e), -ESRCH);
    assert_string_equal(e.text, "guest web is not running");
    assert_int_equal(client_stop("web", 0, NULL, &e), -ESRCH);
    assert_int_equal(listed(false), 0);
    assert_int_equal(listed(true), 1);
}

static void a_killed_monitor_is_found_and_tidied_up_after(void **state)
{
    struct err e;
    int status;
    left_by_a_dead_monitor("web");
    OWN_MEM char *run = path_make("%s/run/web", (char *)*state);
    assert_int_equal(access(run, F_OK), 0);
    assert_int_equal(listed(true), 1); /* ps looks */
    assert_int_not_equal(access(run, F_OK), 0);
    expect_state("web", "crashed");
    assert_int_equal(client_wait("web", &status, &e), 0);
    assert_int_equal(status, 125);
}

static void kill_lays_crashed_and_broken_guests_to_rest(void **state)
{
    (void)state;
    struct err e;
    left_by_a_dead_monitor("a");
    assert_int_equal(client_kill("a", &e), 0);
    expect_state("a", "stopped");
    left("b", "broken");
    assert_int_equal(client_stop("b", 0, NULL, &e), 0);
    expect_state("b", "stopped");
    assert_int_equal(client_kill("b", &e), -ESRCH);
}

static void rm_removes_what_is_left_of_a_crashed_guest(void **state)
{
    (void)state;
    struct err e;
    left_by_a_dead_monitor("web");
    assert_int_equal(client_remove("web", false, &e), 0);
    assert_int_equal(listed(true), 0);
    assert_int_equal(client_remove("web", false, &e), -ENOENT);
}

static void a_damaged_guest_is_listed_and_can_be_removed(void **state)
{
    struct err e;
    left("web", "stopped");
    OWN_MEM char *about = path_make("%s/data/guests/web/guest.json", (char *)*state);
    assert_int_equal(file_write_atomic(about, "{\"name\":\"web\",\"cpus\":-1}", 24, 0600, &e), 0);
    OWN(json_t) list = NULL;
    assert_int_equal(client_list(true, &list, &e), 0);
    const json_t *g = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(g, "state")), "broken");
    assert_non_null(strstr(json_string_value(json_object_get(g, "why")), "cpus"));
    json_t *j;
    assert_int_equal(client_inspect("web", &j, &e), -EINVAL);
    assert_int_equal(client_remove("web", false, &e), 0);
}

/* ---- what runs ---- */

static void the_monitor_says_what_the_record_cannot(void **state)
{
    (void)state;
    struct err e;
    struct fake_monitor *m = running("web");
    OWN(json_t) j = NULL;
    assert_int_equal(client_inspect("web", &j, &e), 0);
    assert_string_equal(json_string_value(json_object_get(j, "state")), "running");
    assert_int_equal(json_integer_value(json_object_get(j, "pid")), getpid());
    assert_string_equal(json_string_value(json_array_get(json_object_get(j, "ports"), 0)),
                        "0.0.0.0:8080->80/tcp");
    assert_int_equal(client_pause("web", &e), 0);
    expect_state("web", "paused");
    assert_int_equal(client_pause("web", &e), -EBUSY);
    assert_string_equal(e.text, "guest web: it is paused and cannot be paused");
    assert_int_equal(client_resume("web", &e), 0);
    assert_int_equal(client_start("web", &e), -EBUSY);
    assert_int_equal(client_remove("web", false, &e), -EBUSY);
    assert_int_equal(listed(false), 1);
    assert_int_equal(client_kill("web", &e), 0);
    gone(m);
    assert_int_equal(listed(false), 0);
}

static void counters_come_from_the_monitor_of_a_guest_that_runs(void **state)
{
    (void)state;
    struct err e;
    left("dead", "stopped");
    struct fake_monitor *m = running("web");
    OWN(json_t) one = NULL;
    OWN(json_t) list = NULL;
    assert_int_equal(client_stats("web", &one, &e), 0);
    assert_string_equal(json_string_value(json_object_get(one, "name")), "web");
    assert_true(json_is_true(json_object_get(json_object_get(one, "stats"), "touched")));
    assert_int_equal(client_list_stats(&list, &e), 0);
    assert_int_equal(json_array_size(list), 1); /* the dead one has none */
    const json_t *stats = json_object_get(json_array_get(list, 0), "stats");
    assert_true(json_is_false(json_object_get(stats, "touched"))); /* no look at all of its memory */
    json_t *none = NULL;
    assert_int_equal(client_stats("dead", &none, &e), -ESRCH);
    assert_string_equal(e.text, "guest dead is not running");
    assert_int_equal(client_stats("nobody", &none, &e), -ENOENT);
    assert_null(none);
    assert_int_equal(client_kill("web", &e), 0);
    gone(m);
}

static void stop_tells_whether_the_plug_was_pulled(void **state)
{
    (void)state;
    struct err e;
    bool pulled = true;
    struct fake_monitor *m = running("a");
    assert_int_equal(client_stop("a", 60000, &pulled, &e), 0);
    assert_false(pulled);
    gone(m);
    m = running("b");
    m->deaf = true;
    assert_int_equal(client_stop("b", 10, &pulled, &e), 0);
    assert_true(pulled);
    gone(m);
}

static void *end_later(void *ctx)
{
    struct fake_monitor *m = ctx;
    usleep(50000);
    fake_monitor_event(m, LIFE_POWER_OFF, "power-off", "the guest powered off");
    return NULL;
}

static void wait_returns_when_the_guest_has_ended(void **state)
{
    (void)state;
    struct err e;
    int status = -1;
    pthread_t other;
    struct fake_monitor *m = running("web");
    pthread_create(&other, NULL, end_later, m);
    assert_int_equal(client_wait("web", &status, &e), 0);
    assert_int_equal(status, 0);
    pthread_join(other, NULL);
    gone(m);
}

static void a_monitor_that_dies_while_we_wait_is_a_crash(void **state)
{
    (void)state;
    struct err e;
    int status = -1;
    pthread_t other;
    struct fake_monitor *m = running("web");
    m->dies = true;
    pthread_create(&other, NULL, end_later, m);
    assert_int_equal(client_wait("web", &status, &e), 0);
    assert_int_equal(status, 125);
    pthread_join(other, NULL);
    gone(m);
    expect_state("web", "crashed");
}

static void exec_gives_a_stream_or_says_why_not(void **state)
{
    (void)state;
    static const char *const argv[] = {"cat", NULL};
    const struct client_exec x = {.argv = argv, .input = true};
    const struct client_exec nothing = {0};
    struct err e;
    uint8_t frame[64];
    struct fake_monitor *m = running("web");
    int fd = -1;
    assert_int_equal(client_exec("web", &nothing, &fd, &e), -EINVAL);
    assert_string_equal(e.text, "guest web: exec needs argv");
    assert_int_equal(client_exec("web", &x, &fd, &e), 0);
    size_t n = frame_put(frame, FRAME_STDIN, "hi", 2);
    assert_int_equal(send(fd, frame, n, 0), n);
    assert_int_equal(recv(fd, frame, 10, MSG_WAITALL), 10);
    assert_memory_equal(frame + FRAME_HEADER, "hi", 2);
    close(fd);
    assert_int_equal(client_console("web", &fd, &e), -ENODEV);
    assert_int_equal(client_kill("web", &e), 0);
    gone(m);
}

static void an_interrupt_that_is_held_back_ends_waiting_but_not_tidying_up(void **state)
{
    (void)state;
    struct err e;
    int status, n = 0;
    struct fake_monitor *m = running("web");
    OWN_INTERRUPT held;
    interrupt_hold(&held);
    raise(SIGINT);
    assert_int_equal(client_wait("web", &status, &e), -EINTR);
    assert_int_equal(client_kill("web", &e), 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    assert_int_equal(sigwait(&set, &n), 0); /* still there for whoever holds it */
    gone(m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, root_setup, root_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_called_so),
        TEST(a_stopped_guest_takes_no_requests),
        TEST(a_killed_monitor_is_found_and_tidied_up_after),
        TEST(kill_lays_crashed_and_broken_guests_to_rest),
        TEST(rm_removes_what_is_left_of_a_crashed_guest),
        TEST(a_damaged_guest_is_listed_and_can_be_removed),
        TEST(the_monitor_says_what_the_record_cannot),
        TEST(counters_come_from_the_monitor_of_a_guest_that_runs),
        TEST(stop_tells_whether_the_plug_was_pulled),
        TEST(wait_returns_when_the_guest_has_ended),
        TEST(a_monitor_that_dies_while_we_wait_is_a_crash),
        TEST(exec_gives_a_stream_or_says_why_not),
        TEST(an_interrupt_that_is_held_back_ends_waiting_but_not_tidying_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
