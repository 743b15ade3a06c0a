// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/control.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/json.h"
#include "fake_monitor.h"
#include "monitor/address.h"
#include "monitor/call.h"
#include "root.h"

struct fixture {
    char *root;
    char *path;
    struct fake_monitor m;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    void *root;
    if (root_setup(&root) < 0)
        return -1;
    f->root = root;
    f->path = path_make("%s/control", f->root);
    fake_monitor_start(&f->m, f->path);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    void *root = f->root;
    fake_monitor_event(&f->m, LIFE_KILL, "killed", "end of the test");
    fake_monitor_join(&f->m);
    free(f->path);
    free(f);
    return root_teardown(&root);
}

static int dial(struct fixture *f)
{
    int fd;
    struct err e;
    assert_int_equal(address_connect(f->path, &fd, &e), 0);
    return fd;
}

/* A reply, or NULL and its error in *e. */
static json_t *ask(int fd, const char *request, struct err *e)
{
    OWN(json_t) j = json_loads(request, 0, NULL);
    json_t *reply = NULL;
    assert_non_null(j);
    return call_ask(fd, j, 5000, false, &reply, e) < 0 ? NULL : reply;
}

static void expect_state(int fd, const char *want)
{
    struct err e;
    OWN(json_t) j = ask(fd, "{\"do\":\"status\"}", &e);
    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "state")), want);
    assert_true(json_is_true(json_object_get(j, "ok")));
}

static bool ok(int fd, const char *request, struct err *e)
{
    OWN(json_t) j = ask(fd, request, e);
    return j != NULL;
}

static bool closed_by_monitor(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char c;
    return poll(&p, 1, 5000) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

/* ---- tests ---- */

static void a_connection_carries_any_number_of_requests(void **state)
{
    struct err e;
    OWN_FD fd = dial(*state);
    expect_state(fd, "running");
    assert_true(ok(fd, "{\"do\":\"pause\"}", &e));
    expect_state(fd, "paused");
    assert_false(ok(fd, "{\"do\":\"pause\"}", &e));
    assert_int_equal(e.code, -EBUSY);
    assert_true(ok(fd, "{\"do\":\"resume\"}", &e));
    expect_state(fd, "running");
}

static void nonsense_is_answered_with_an_error_and_the_connection_lives(void **state)
{
    static const char *const requests[] = {"{}",
                                           "{\"do\":1}",
                                           "{\"do\":\"fly\"}",
                                           "{\"do\":\"exec\"}",
                                           "{\"do\":\"stop\",\"timeout_ms\":-1}",
                                           "{\"do\":\"stop\",\"status\":256}",
                                           "{\"do\":\"console\"}"};
    OWN_FD fd = dial(*state);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct err e = {0};
        assert_false(ok(fd, requests[i], &e));
        assert_true(e.code < 0 && e.text[0]);
    }
    expect_state(fd, "running");
}

static void what_is_no_json_is_answered_too(void **state)
{
    static const char *const texts[] = {"{", "[]", "", "{\"do\":\"status\",\"version\":99}"};
    OWN_FD fd = dial(*state);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint8_t frame[128];
        size_t n = frame_put(frame, FRAME_REQUEST, texts[i], (uint32_t)strlen(texts[i]));
        assert_int_equal(send(fd, frame, n, 0), n);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 5000), 1);
        char reply[4096];
        ssize_t got = recv(fd, reply, sizeof(reply), 0);
        assert_true(got > FRAME_HEADER && reply[0] == FRAME_REPLY);
        assert_non_null(memmem(reply, (size_t)got, "\"error\"", 7));
    }
    expect_state(fd, "running");
}

static void what_is_no_frame_ends_the_connection_and_no_other(void **state)
{
    OWN_FD good = dial(*state);
    OWN_FD bad = dial(*state);
    assert_true(send(bad, "GET / HTTP/1.1\r\n", 16, 0) > 0);
    assert_true(closed_by_monitor(bad));
    OWN_FD huge = dial(*state);
    assert_true(send(huge, "\1\0\0\0\377\377\377\377", 8, 0) > 0);
    assert_true(closed_by_monitor(huge));
    expect_state(good, "running");
}

static void a_request_may_come_in_crumbs_and_several_at_once(void **state)
{
    OWN_FD fd = dial(*state);
    static const char text[] = "{\"do\":\"status\"}";
    uint8_t frames[3 * 64];
    size_t n = 0;
    for (int i = 0; i < 3; i++)
        n += frame_put(frames + n, FRAME_REQUEST, text, sizeof(text) - 1);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(send(fd, frames + i, 1, 0), 1);
    assert_int_equal(send(fd, frames + 10, n - 10, 0), n - 10);
    char replies[4096];
    size_t got = 0, nr = 0;
    while (nr < 3) {
        struct frame f;
        ssize_t k = recv(fd, replies + got, sizeof(replies) - got, 0);
        assert_true(k > 0);
        got += (size_t)k;
        nr = 0;
        for (size_t at = 0; (k = frame_parse(replies + at, got - at, &f)) > 0; at += (size_t)k)
            nr++;
    }
}

static void a_client_that_never_reads_costs_others_nothing(void **state)
{
    OWN_FD deaf = dial(*state);
    static const char text[] = "{\"do\":\"status\"}";
    uint8_t frame[64];
    size_t n = frame_put(frame, FRAME_REQUEST, text, sizeof(text) - 1);
    size_t sent = 0;
    for (int i = 0; i < 2000; i++) { /* until the monitor stops reading, too */
        struct pollfd p = {.fd = deaf, .events = POLLOUT};
        if (poll(&p, 1, 50) == 0)
            break;
        sent += send(deaf, frame, n, MSG_DONTWAIT) > 0;
        OWN_FD other = i % 500 ? -1 : dial(*state);
        if (other >= 0)
            expect_state(other, "running");
    }
    assert_true(sent > 100);
}

static void more_clients_than_there_are_places_wait_for_one(void **state)
{
    int fds[CONTROL_CLIENTS];
    for (int i = 0; i < CONTROL_CLIENTS; i++)
        fds[i] = dial(*state);
    expect_state(fds[CONTROL_CLIENTS - 1], "running");
    OWN_FD late = dial(*state);
    close(fds[0]);
    expect_state(late, "running");
    for (int i = 1; i < CONTROL_CLIENTS; i++)
        close(fds[i]);
}

/* ---- streams ---- */

static uint8_t *read_exactly(int fd, uint8_t *to, size_t len)
{
    for (size_t got = 0; got < len;) {
        ssize_t n = recv(fd, to + got, len - got, 0);
        assert_true(n > 0);
        got += (size_t)n;
    }
    return to;
}

/* Reads a frame; returns its type. */
static int next_frame(int fd, uint8_t *payload, uint32_t *ret_len)
{
    uint8_t header[FRAME_HEADER];
    struct frame f;
    read_exactly(fd, header, sizeof(header));
    assert_true(frame_parse(header, sizeof(header), &f) >= 0);
    memcpy(ret_len, header + 4, 4);
    read_exactly(fd, payload, *ret_len);
    return header[0];
}

static void after_exec_frames_pass_both_ways_until_the_end(void **state)
{
    OWN_FD fd = dial(*state);
    OWN_MEM uint8_t *payload = malloc(FRAME_MAX);
    uint8_t frame[64];
    uint32_t len;
    struct err e;
    assert_true(ok(fd, "{\"do\":\"exec\",\"argv\":[\"cat\"]}", &e));
    send(fd, frame, frame_put(frame, FRAME_STDIN, "hello", 5), 0);
    send(fd, frame, frame_put(frame, FRAME_STDIN, NULL, 0), 0);
    assert_int_equal(next_frame(fd, payload, &len), FRAME_STDOUT);
    assert_memory_equal(payload, "hello", 5);
    assert_int_equal(next_frame(fd, payload, &len), FRAME_EXIT);
    assert_int_equal(payload[0], 7);
    assert_true(closed_by_monitor(fd));
}

static void a_stream_that_is_not_read_stalls_and_loses_nothing(void **state)
{
    OWN_FD fd = dial(*state);
    OWN_MEM uint8_t *block = malloc(FRAME_HEADER + FRAME_MAX);
    OWN_MEM uint8_t *payload = malloc(FRAME_MAX);
    struct err e;
    unsigned sent = 0;
    bool stalled = false;
    assert_true(ok(fd, "{\"do\":\"exec\",\"argv\":[\"cat\"]}", &e));
    for (; sent < 200 && !stalled; sent++) {
        OWN_MEM uint8_t *data = malloc(FRAME_MAX);
        memset(data, (int)sent, FRAME_MAX);
        size_t n = frame_put(block, FRAME_STDIN, data, FRAME_MAX), at = 0;
        while (at < n && !stalled) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            stalled = poll(&p, 1, 200) == 0;
            ssize_t k = stalled ? 0 : send(fd, block + at, n - at, MSG_DONTWAIT);
            at += k > 0 ? (size_t)k : 0;
        }
    }
    assert_true(stalled); /* 12 MiB do not fit anywhere */
    for (unsigned i = 0; i + 1 < sent; i++) {
        uint32_t len;
        assert_int_equal(next_frame(fd, payload, &len), FRAME_STDOUT);
        assert_int_equal(len, FRAME_MAX);
        assert_int_equal(payload[0], (uint8_t)i);
        assert_int_equal(payload[FRAME_MAX - 1], (uint8_t)i);
    }
}

/* ---- the end ---- */

static void all_who_wait_are_told_the_end(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "{\"do\":\"wait\"}";
    uint8_t frame[64];
    size_t n = frame_put(frame, FRAME_REQUEST, text, sizeof(text) - 1);
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(f);
        send(fds[i], frame, n, 0);
    }
    close(fds[2]); /* one does not want to know any more */
    OWN_FD other = dial(f);
    expect_state(other, "running");
    fake_monitor_event(&f->m, LIFE_PANIC, "panic", "kernel panic: x");
    for (int i = 0; i < 2; i++) {
        char reply[4096] = "";
        assert_true(recv(fds[i], reply, sizeof(reply) - 1, 0) > FRAME_HEADER);
        assert_non_null(strstr(reply + FRAME_HEADER, "kernel panic: x"));
        assert_non_null(strstr(reply + FRAME_HEADER, "\"broken\""));
        assert_non_null(strstr(reply + FRAME_HEADER, "125"));
        close(fds[i]);
    }
}

static void stop_answers_when_the_guest_is_down(void **state)
{
    struct fixture *f = *state;
    struct err e;
    OWN_FD fd = dial(f);
    OWN(json_t) j = ask(fd, "{\"do\":\"stop\",\"timeout_ms\":60000,\"status\":3}", &e);
    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "state")), "stopped");
    assert_int_equal(json_integer_value(json_object_get(j, "status")), 3);
    assert_true(json_is_false(json_object_get(j, "pulled")));
    assert_string_equal(f->m.did, "sae");
}

static void the_plug_is_pulled_when_the_time_is_up(void **state)
{
    struct fixture *f = *state;
    struct err e;
    f->m.deaf = true;
    OWN_FD fd = dial(f);
    OWN(json_t) j = ask(fd, "{\"do\":\"stop\",\"timeout_ms\":10}", &e);
    assert_non_null(j);
    assert_true(json_is_true(json_object_get(j, "pulled")));
    assert_int_equal(json_integer_value(json_object_get(j, "status")), 125);
}

static void a_second_stop_can_only_shorten_the_time(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "{\"do\":\"stop\",\"timeout_ms\":80000000}";
    uint8_t frame[64];
    struct err e;
    f->m.deaf = true;
    OWN_FD first = dial(f);
    OWN_FD second = dial(f);
    send(first, frame, frame_put(frame, FRAME_REQUEST, text, sizeof(text) - 1), 0);
    bool stopping = false;
    while (!stopping) {
        OWN(json_t) now = ask(second, "{\"do\":\"status\"}", &e);
        stopping = strcmp(json_string_value(json_object_get(now, "state")), "stopping") == 0;
    }
    OWN(json_t) j = ask(second, "{\"do\":\"stop\",\"timeout_ms\":10}", &e);
    assert_non_null(j);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_carries_any_number_of_requests),
        TEST(nonsense_is_answered_with_an_error_and_the_connection_lives),
        TEST(what_is_no_json_is_answered_too),
        TEST(what_is_no_frame_ends_the_connection_and_no_other),
        TEST(a_request_may_come_in_crumbs_and_several_at_once),
        TEST(a_client_that_never_reads_costs_others_nothing),
        TEST(more_clients_than_there_are_places_wait_for_one),
        TEST(after_exec_frames_pass_both_ways_until_the_end),
        TEST(a_stream_that_is_not_read_stalls_and_loses_nothing),
        TEST(all_who_wait_are_told_the_end),
        TEST(stop_answers_when_the_guest_is_down),
        TEST(the_plug_is_pulled_when_the_time_is_up),
        TEST(a_second_stop_can_only_shorten_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
