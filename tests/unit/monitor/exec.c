// SPDX-License-Identifier: GPL-2.0-or-later
/* A client, the monitor's exec and the real agent program over a unix socket. argv[1]: that program. */
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include "../vm/unix_link.h"
#include "base/buf.h"
#include "base/json.h"
#include "monitor/address.h"
#include "monitor/call.h"
#include "monitor/exec_proxy.h"
#include "root.h"

struct fixture {
    char *root, *path;
    pthread_mutex_t lock;
    pthread_t thread;
    struct loop *loop;
    struct control *control;
    struct unix_link link;
    struct agent *agent;
    struct exec_host host;
};

static const char *program(void)
{
    return getenv("TEST_AGENT");
}

static void handle(void *ctx, struct conn *c, json_t *request)
{
    struct fixture *f = ctx;
    struct err e;
    if (exec_proxy_new(&f->host, c, request, &e) < 0)
        conn_error(c, &e);
}

static void up(void *ctx)
{
    struct fixture *f = ctx;
    exec_host_up(&f->host);
}

static void *run(void *ctx)
{
    struct fixture *f = ctx;
    struct err e;
    loop_run(f->loop, &e);
    return NULL;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e;
    void *root;
    if (root_setup(&root) < 0)
        return -1;
    f->root = root;
    f->path = path_make("%s/control", f->root);
    pthread_mutex_init(&f->lock, NULL);
    assert_int_equal(loop_new(&f->lock, &f->loop, &e), 0);
    f->link = (struct unix_link){.loop = f->loop, .refuse = true};
    assert_int_equal(unix_link_start(&f->link, program()), 0);
    struct agent_link link = unix_link(&f->link);
    assert_int_equal(agent_new_over(&link, f->loop, up, f, &f->agent, &e), 0);
    f->host = (struct exec_host){.loop = f->loop, .agent = f->agent, .possible = true};
    assert_int_equal(control_new(f->loop, f->path, handle, f, &f->control, &e), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    void *root = f->root;
    loop_stop(f->loop);
    pthread_join(f->thread, NULL);
    pthread_mutex_lock(&f->lock);
    agent_free(f->agent);
    control_free(f->control);
    bool left = f->host.proxies != NULL;
    unix_link_stop(&f->link);
    pthread_mutex_unlock(&f->lock);
    loop_free(f->loop);
    free(f->path);
    free(f);
    return root_teardown(&root) | left;
}

static void agent_comes(struct fixture *f)
{
    pthread_mutex_lock(&f->lock);
    f->link.refuse = false;
    pthread_mutex_unlock(&f->lock);
}

static int dial(struct fixture *f)
{
    int fd;
    struct err e;
    assert_int_equal(address_connect(f->path, &fd, &e), 0);
    return fd;
}

static int ask(int fd, const char *request, struct err *e)
{
    OWN(json_t) j = json_loads(request, 0, NULL);
    OWN(json_t) reply = NULL;
    assert_non_null(j);
    return call_ask(fd, j, 20000, false, &reply, e);
}

static void send_frame(int fd, enum frame_type type, const void *data, uint32_t len)
{
    OWN_MEM uint8_t *frame = malloc(FRAME_HEADER + len);
    size_t n = frame_put(frame, type, data, len);
    for (size_t at = 0; at < n;) {
        ssize_t k = send(fd, frame + at, n - at, MSG_NOSIGNAL);
        assert_true(k > 0);
        at += (size_t)k;
    }
}

/* All of a stream up to EXIT: its status; -1: the end came without one. */
static int32_t collect(int fd, enum frame_type type, struct buf *ret)
{
    OWN_BUF in = {0};
    for (;;) {
        struct frame f;
        ssize_t n;
        while ((n = frame_parse(buf_data(&in), in.len, &f)) > 0) {
            int32_t status;
            if (frame_get_exit(&f, &status))
                return status;
            if (f.type == type)
                buf_append(ret, f.payload, f.len);
            buf_consume(&in, (size_t)n);
        }
        assert_true(n == 0);
        uint8_t *room = buf_reserve(&in, 65536);
        ssize_t got = recv(fd, room, 65536, 0);
        if (got <= 0)
            return -1;
        buf_commit(&in, (size_t)got);
    }
}

static void a_client_that_comes_before_the_agent_waits_for_it(void **state)
{
    struct fixture *f = *state;
    struct err e;
    OWN_BUF out = {0};
    OWN_FD fd = dial(f);
    OWN(json_t)
    request =
        json_loads("{\"argv\":[\"sh\",\"-c\",\"cat; exit 7\"],\"input\":true,\"wait_ms\":20000}", 0, NULL);
    OWN_MEM char *text = json_dumps(request, 0);
    send_frame(fd, FRAME_REQUEST, text, (uint32_t)strlen(text));
    send_frame(fd, FRAME_STDIN, "early", 5); /* before there is anybody to read it */
    send_frame(fd, FRAME_STDIN, NULL, 0);
    usleep(50000);
    agent_comes(f);
    assert_int_equal(collect(fd, FRAME_STDOUT, &out), 7);
    assert_int_equal(out.len, 5);
    assert_memory_equal(buf_data(&out), "early", 5);
    (void)e;
}

static void patience_has_an_end(void **state)
{
    struct err e;
    OWN_FD fd = dial(*state);
    assert_int_equal(ask(fd, "{\"argv\":[\"true\"],\"wait_ms\":10}", &e), -ETIMEDOUT);
}

static void who_waits_is_told_why_the_guest_ended(void **state)
{
    struct fixture *f = *state;
    OWN_FD fd = dial(f);
    static const char text[] = "{\"argv\":[\"true\"],\"wait_ms\":20000}";
    send_frame(fd, FRAME_REQUEST, text, sizeof(text) - 1);
    for (bool waits = false; !waits; usleep(1000)) {
        pthread_mutex_lock(&f->lock);
        waits = f->host.proxies != NULL;
        pthread_mutex_unlock(&f->lock);
    }
    struct err why;
    err_set(&why, -EPIPE, "the guest ended: kernel panic: x");
    pthread_mutex_lock(&f->lock);
    exec_host_fail(&f->host, &why);
    pthread_mutex_unlock(&f->lock);
    char reply[512] = "";
    assert_true(recv(fd, reply, sizeof(reply) - 1, 0) > FRAME_HEADER);
    assert_non_null(strstr(reply + FRAME_HEADER, "kernel panic: x"));
}

static void megabytes_pass_both_ways_unharmed(void **state)
{
    struct fixture *f = *state;
    struct err e;
    OWN_BUF out = {0};
    OWN_FD fd = dial(f);
    agent_comes(f);
    assert_int_equal(ask(fd, "{\"argv\":[\"cat\"],\"input\":true,\"wait_ms\":20000}", &e), 0);
    const size_t blocks = 64, block = 50000;
    OWN_MEM uint8_t *data = malloc(block);
    if (fork() == 0) { /* the writer, so that we can read meanwhile */
        for (size_t i = 0; i < blocks; i++) {
            memset(data, (int)i, block);
            send_frame(fd, FRAME_STDIN, data, block);
        }
        send_frame(fd, FRAME_STDIN, NULL, 0);
        _exit(0);
    }
    assert_int_equal(collect(fd, FRAME_STDOUT, &out), 0);
    assert_int_equal(out.len, blocks * block);
    for (size_t i = 0; i < blocks; i++)
        assert_true(buf_data(&out)[i * block] == i && buf_data(&out)[(i + 1) * block - 1] == i);
}

static void what_cannot_be_started_is_an_error_stream_and_126(void **state)
{
    struct fixture *f = *state;
    struct err e;
    OWN_BUF text = {0};
    OWN_FD fd = dial(f);
    agent_comes(f);
    assert_int_equal(ask(fd, "{\"argv\":[\"true\"],\"user\":\"nobody-is-called-so\",\"wait_ms\":20000}", &e),
                     0);
    assert_int_equal(collect(fd, FRAME_STDERR, &text), 126);
    assert_non_null(memmem(buf_data(&text), text.len, "nobody-is-called-so", 19));
}

static void a_client_that_leaves_takes_its_command_along(void **state)
{
    struct fixture *f = *state;
    struct err e;
    char text[FRAME_HEADER + 16] = "";
    int fd = dial(f);
    agent_comes(f);
    assert_int_equal(ask(fd, "{\"argv\":[\"sh\",\"-c\",\"echo $$; exec sleep 1000\"],\"wait_ms\":20000}", &e),
                     0);
    assert_true(recv(fd, text, sizeof(text) - 1, 0) > FRAME_HEADER);
    pid_t pid = atoi(text + FRAME_HEADER);
    assert_true(pid > 1 && kill(pid, 0) == 0);
    close(fd);
    for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++)
        usleep(10000);
    assert_int_equal(kill(pid, 0), -1);
}

static void a_detached_command_lives_on(void **state)
{
    struct fixture *f = *state;
    struct err e;
    OWN_MEM char *mark = path_make("%s/mark", f->root);
    OWN_MEM char *request = path_make(
        "{\"argv\":[\"sh\",\"-c\",\"sleep 0.2; touch %s\"],\"detach\":true,\"wait_ms\":20000}", mark);
    agent_comes(f);
    {
        OWN_FD fd = dial(f);
        assert_int_equal(ask(fd, request, &e), 0);
    }
    int tries = 0;
    while (access(mark, F_OK) < 0 && tries++ < 1000)
        usleep(10000);
    assert_int_equal(access(mark, F_OK), 0);
}

static void nonsense_is_refused_and_the_connection_lives(void **state)
{
    struct err e;
    OWN_FD fd = dial(*state);
    assert_int_equal(ask(fd, "{\"argv\":\"sh\"}", &e), -EINVAL);
    assert_int_equal(ask(fd, "{\"argv\":[1]}", &e), -EINVAL);
    assert_int_equal(ask(fd, "{\"argv\":[],\"cols\":70000}", &e), -EINVAL);
    assert_int_equal(ask(fd, "{\"argv\":[],\"tty\":1}", &e), -EINVAL);
}

static void a_command_whose_guest_goes_ends_without_a_status_and_is_told_why(void **state)
{
    struct fixture *f = *state;
    struct err e;
    OWN_BUF out = {0};
    OWN_FD fd = dial(f);
    agent_comes(f);
    assert_int_equal(ask(fd, "{\"argv\":[\"sleep\",\"100\"],\"wait_ms\":20000}", &e), 0);
    pthread_mutex_lock(&f->lock);
    f->host.agent = NULL;
    agent_free(take(f->agent));
    err_set(&e, -EPIPE, "the plug was pulled");
    exec_host_fail(&f->host, &e);
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(collect(fd, FRAME_REPLY, &out), -1);
    assert_non_null(memmem(buf_data(&out), out.len, "plug was pulled", 15));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
    if (argc > 1)
        setenv("TEST_AGENT", argv[1], 1);
    signal(SIGCHLD, SIG_DFL);
    const struct CMUnitTest tests[] = {
        TEST(a_client_that_comes_before_the_agent_waits_for_it),
        TEST(patience_has_an_end),
        TEST(who_waits_is_told_why_the_guest_ended),
        TEST(megabytes_pass_both_ways_unharmed),
        TEST(what_cannot_be_started_is_an_error_stream_and_126),
        TEST(a_client_that_leaves_takes_its_command_along),
        TEST(a_detached_command_lives_on),
        TEST(nonsense_is_refused_and_the_connection_lives),
        TEST(a_command_whose_guest_goes_ends_without_a_status_and_is_told_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
