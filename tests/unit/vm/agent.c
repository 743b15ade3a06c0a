// SPDX-License-Identifier: GPL-2.0-or-later
/* The monitor's side and the real agent program together, over a unix socket. argv[1]: that program. */
#include "vm/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/buf.h"
#include "unit.h"
#include "unix_link.h"

struct fixture {
    const char *program;
    pthread_mutex_t lock;
    struct loop *loop;
    struct unix_link link;
    struct agent *agent;
    struct loop_timer guard; /* no test waits forever */
    unsigned ups, running;
};

static void give_up(void *ctx)
{
    (void)ctx;
    fail_msg("nothing happened for a minute");
}

static void on_up(void *ctx)
{
    struct fixture *f = ctx;
    f->ups++;
    loop_stop(f->loop);
}

/* The loop until somebody stops it. */
static void run_loop(struct fixture *f)
{
    struct err e;
    pthread_mutex_unlock(&f->lock);
    assert_int_equal(loop_run(f->loop, &e), 0);
    pthread_mutex_lock(&f->lock);
}

static void new_agent(struct fixture *f)
{
    struct err e;
    struct agent_link link = unix_link(&f->link);
    assert_int_equal(agent_new_over(&link, f->loop, on_up, f, &f->agent, &e), 0);
}

static int set_up_bare(void **state)
{
    struct fixture *f = *state;
    struct err e;
    f->loop = NULL;
    f->agent = NULL;
    f->ups = f->running = 0;
    pthread_mutex_init(&f->lock, NULL);
    if (loop_new(&f->lock, &f->loop, &e) < 0)
        return -1;
    f->link = (struct unix_link){.loop = f->loop};
    pthread_mutex_lock(&f->lock);
    loop_timer_init(&f->guard, f->loop, give_up, f);
    loop_timer_arm(&f->guard, loop_now_ns() + 60000000000u);
    return 0;
}

static int set_up(void **state)
{
    struct fixture *f = *state;
    if (set_up_bare(state) < 0 || unix_link_start(&f->link, f->program) < 0)
        return -1;
    new_agent(f);
    run_loop(f);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    agent_free(f->agent);
    int left = (int)f->link.nr_streams;
    unix_link_stop(&f->link);
    pthread_mutex_unlock(&f->lock);
    loop_free(f->loop);
    return left; /* each stream was closed */
}

/* ---- a command and what came of it ---- */

struct command {
    struct fixture *f;
    struct agent_session *session;
    struct buf out, err;
    size_t counted; /* output bytes, when they are not kept */
    bool count, slow, got_out_eof, got_exit, closed, close_on_output;
    int32_t status;
    struct err e; /* code 0: none */
    const uint8_t *input;
    size_t input_len;
    bool input_eof;
    struct loop_timer rest; /* of a slow reader */
};

static void feed(struct command *c)
{
    while (c->input_len) {
        uint32_t n = c->input_len < 30000 ? (uint32_t)c->input_len : 30000;
        if (!agent_session_send(c->session, FRAME_STDIN, c->input, n))
            return;
        c->input += n;
        c->input_len -= n;
    }
    if (c->input_eof && agent_session_send(c->session, FRAME_STDIN, NULL, 0))
        c->input_eof = false;
}

static void rested(void *ctx)
{
    struct command *c = ctx;
    agent_session_more(c->session);
}

static bool on_frame(void *ctx, enum frame_type type, const void *payload, uint32_t len)
{
    struct command *c = ctx;
    struct frame f = {type, payload, len};
    if (c->slow && !c->rest.loop) { /* every other time not now */
        loop_timer_init(&c->rest, c->f->loop, rested, c);
        loop_timer_arm(&c->rest, loop_now_ns() + 100000);
        return false;
    }
    c->rest.loop = NULL;
    assert_false(c->got_exit);
    if (type == FRAME_STDOUT && len == 0)
        c->got_out_eof = true;
    c->counted += len;
    if (frame_get_exit(&f, &c->status))
        c->got_exit = true;
    else if (!c->count)
        buf_append(type == FRAME_STDOUT ? &c->out : &c->err, payload, len);
    if (c->close_on_output) {
        agent_session_close(c->session);
        c->session = NULL;
        loop_stop(c->f->loop);
    }
    return true;
}

static void on_room(void *ctx)
{
    feed(ctx);
}

static void on_closed(void *ctx, const struct err *e)
{
    struct command *c = ctx;
    assert_false(c->closed);
    c->closed = true;
    if (e)
        c->e = *e;
    agent_session_close(c->session);
    c->session = NULL;
    if (--c->f->running == 0)
        loop_stop(c->f->loop);
}

static const struct agent_ops ops = {on_frame, on_room, on_closed};

static void start(struct fixture *f, struct command *c, const struct agent_exec *x)
{
    struct err e;
    c->f = f;
    f->running++;
    assert_int_equal(agent_exec(f->agent, x, &ops, c, &c->session, &e), 0);
    feed(c);
}

static void start_shell(struct fixture *f, struct command *c, const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct agent_exec x = {.argv = argv, .input = c->input_len || c->input_eof};
    start(f, c, &x);
}

static void drop(struct command *c)
{
    buf_fini(&c->out);
    buf_fini(&c->err);
}

static void assert_text(const struct buf *b, const char *text)
{
    assert_int_equal(b->len, strlen(text));
    if (b->len)
        assert_memory_equal(buf_data(b), text, b->len);
}

static bool has_text(const struct buf *b, const char *text)
{
    return b->len && memmem(buf_data(b), b->len, text, strlen(text));
}

static void let_pass(struct fixture *f, unsigned ms)
{
    struct loop_timer t;
    loop_timer_init(&t, f->loop, (void (*)(void *))loop_stop, f->loop);
    loop_timer_arm(&t, loop_now_ns() + ms * 1000000ull);
    run_loop(f);
}

/* ---- the tests ---- */

static void it_is_up_once_it_answers_and_not_before(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct agent_session *s;
    f->link.refuse = true;
    new_agent(f);
    let_pass(f, 150);
    assert_false(agent_is_up(f->agent));
    assert_int_equal(agent_exec(f->agent, &(struct agent_exec){0}, &ops, NULL, &s, &e), -ENOTCONN);
    assert_int_equal(unix_link_start(&f->link, f->program), 0);
    f->link.refuse = false;
    run_loop(f);
    assert_true(agent_is_up(f->agent));
    let_pass(f, 100);
    assert_int_equal(f->ups, 1);
}

static void streams_environment_folder_and_status_pass_through(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = {"sh", "-c", "echo \"$0 $X $PATH\"; pwd; echo oops >&2; exit 7", "a  b", NULL};
    const char *env[] = {"X=y=z", "PATH=/usr/bin:/bin", NULL};
    struct command c = {0};
    start(f, &c, &(struct agent_exec){.argv = argv, .env = env, .cwd = "/usr"});
    run_loop(f);
    assert_text(&c.out, "a  b y=z /usr/bin:/bin\n/usr\n");
    assert_text(&c.err, "oops\n");
    assert_true(c.got_exit && c.got_out_eof);
    assert_int_equal(c.e.code, 0);
    assert_int_equal(c.status, 7);
    drop(&c);
}

static void a_command_without_input_reads_an_end_of_file(void **state)
{
    struct fixture *f = *state;
    struct command c = {0};
    start_shell(f, &c, "cat; echo done");
    run_loop(f);
    assert_text(&c.out, "done\n");
    drop(&c);
}

static void every_byte_passes_unchanged_both_ways(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[256 * 300];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 167 >> (i / 7919 % 5));
    struct command c = {.input = bytes, .input_len = sizeof(bytes), .input_eof = true};
    start_shell(f, &c, "cat");
    run_loop(f);
    assert_int_equal(c.out.len, sizeof(bytes));
    assert_memory_equal(buf_data(&c.out), bytes, sizeof(bytes));
    assert_int_equal(c.status, 0);
    drop(&c);
}

static void a_hundred_megabytes_pass_through_a_slow_reader(void **state)
{
    struct fixture *f = *state;
    struct command c = {.count = true, .slow = true};
    start_shell(f, &c, "head -c 100000000 /dev/zero");
    run_loop(f);
    assert_int_equal(c.counted, 100000000 + 4);
    assert_int_equal(c.status, 0);
    drop(&c);
}

static void input_that_nobody_reads_waits_and_is_dropped_at_the_end(void **state)
{
    struct fixture *f = *state;
    size_t len = 4 << 20;
    uint8_t *much = calloc(1, len);
    struct command c = {.input = much, .input_len = len, .input_eof = true};
    start_shell(f, &c, "sleep 0.3; echo alive");
    let_pass(f, 100);
    assert_true(c.input_len > 0); /* no buffer grew to take it all */
    run_loop(f);
    assert_text(&c.out, "alive\n");
    assert_int_equal(c.status, 0);
    drop(&c);
    free(much);
}

static void a_terminal_echoes_has_a_size_and_an_end_of_file(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = {"sh", "-c", "tty >/dev/null && stty size; read l; echo got $l; cat; echo end",
                          NULL};
    struct command c = {.input = (const uint8_t *)"line\n", .input_len = 5, .input_eof = true};
    start(f, &c, &(struct agent_exec){.argv = argv, .tty = true, .input = true, .cols = 91, .rows = 17});
    run_loop(f);
    assert_true(has_text(&c.out, "17 91\r\n"));
    assert_true(has_text(&c.out, "line\r\n")); /* the echo */
    assert_true(has_text(&c.out, "got line\r\n"));
    assert_true(has_text(&c.out, "end\r\n"));
    assert_int_equal(c.err.len, 0);
    drop(&c);
}

static void a_window_that_changes_its_size_tells_the_command(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = {"sh", "-c",
                          "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done", NULL};
    struct command c = {0};
    start(f, &c, &(struct agent_exec){.argv = argv, .tty = true, .input = true, .cols = 80, .rows = 24});
    while (!has_text(&c.out, "ready"))
        let_pass(f, 20);
    uint8_t frame[16];
    frame_put_resize(frame, 132, 43);
    assert_true(agent_session_send(c.session, FRAME_RESIZE, frame + FRAME_HEADER, 4));
    run_loop(f);
    assert_true(has_text(&c.out, "43 132\r\n"));
    drop(&c);
}

static void a_signal_reaches_the_whole_group(void **state)
{
    struct fixture *f = *state;
    struct command c = {0};
    start_shell(f, &c, "trap 'echo told; wait; exit 9' TERM; sleep 500 & echo ready; wait; wait");
    while (!has_text(&c.out, "ready"))
        let_pass(f, 20);
    assert_true(agent_session_send(c.session, FRAME_SIGNAL, "\17", 1));
    run_loop(f); /* would take 500 seconds if sleep had not got it too */
    assert_true(has_text(&c.out, "told"));
    assert_int_equal(c.status, 9);
    drop(&c);
}

static void death_by_a_signal_is_128_and_its_number(void **state)
{
    struct fixture *f = *state;
    struct command c = {0};
    start_shell(f, &c, "kill -KILL $$");
    run_loop(f);
    assert_int_equal(c.status, 128 + SIGKILL);
    drop(&c);
}

static void what_cannot_run_is_told_as_shells_do(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *program, *cwd;
        int status;
        const char *text;
    } cases[] = {
        {"no-such-program", NULL, 127, "hospes: no-such-program: No such file or directory\n"},
        {"/etc/passwd", NULL, 126, "hospes: /etc/passwd: Permission denied\n"},
        {"/", NULL, 126, "hospes: /: Permission denied\n"},
        {"true", "/no/such", 126, "hospes: folder /no/such: No such file or directory\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *argv[] = {cases[i].program, NULL};
        struct command c = {0};
        start(f, &c, &(struct agent_exec){.argv = argv, .cwd = cases[i].cwd});
        run_loop(f);
        assert_int_equal(c.status, cases[i].status);
        assert_text(&c.err, cases[i].text);
        drop(&c);
    }
}

static void a_user_whom_the_guest_does_not_know_is_an_error(void **state)
{
    struct fixture *f = *state;
    const char *argv[] = {"true", NULL};
    struct command c = {0};
    start(f, &c, &(struct agent_exec){.argv = argv, .user = "no-such-user"});
    run_loop(f);
    assert_false(c.got_exit);
    assert_int_equal(c.e.code, -ENOENT);
    assert_string_equal(c.e.text, "the guest has no user 'no-such-user'");
}

static void an_ended_command_does_not_wait_for_who_holds_its_output(void **state)
{
    struct fixture *f = *state;
    struct command c = {0};
    start_shell(f, &c, "sleep 30 & echo $!; yes | head -c 50000");
    uint64_t began = loop_now_ns();
    run_loop(f);
    assert_true(loop_now_ns() - began < 20000000000);
    assert_true(c.out.len > 50000); /* and yet all that was written before is there */
    kill((pid_t)atoi((char *)buf_data(&c.out)), SIGKILL);
    drop(&c);
}

static void many_commands_run_side_by_side(void **state)
{
    struct fixture *f = *state;
    struct command c[40] = {0};
    char script[40][64];
    for (int i = 0; i < 40; i++) {
        snprintf(script[i], sizeof(script[i]), "sleep 0.05; yes %d | head -c 200000; exit %d", i, i);
        start_shell(f, &c[i], script[i]);
    }
    run_loop(f);
    for (int i = 0; i < 40; i++) {
        char line[8];
        snprintf(line, sizeof(line), "%d\n", i);
        assert_int_equal(c[i].status, i);
        assert_int_equal(c[i].out.len, 200000);
        assert_memory_equal(buf_data(&c[i].out), line, strlen(line));
        drop(&c[i]);
    }
}

static void who_goes_away_hangs_the_command_up(void **state)
{
    struct fixture *f = *state;
    char file[] = "/tmp/hospes-hup.XXXXXX", script[160];
    close(mkstemp(file));
    for (int tty = 0; tty < 2; tty++) {
        snprintf(script, sizeof(script),
                 "trap '' PIPE; trap 'echo hup >>%s; exit' HUP; echo x; while :; do sleep 0.05; done", file);
        const char *argv[] = {"sh", "-c", script, NULL};
        struct command c = {.close_on_output = true};
        start(f, &c, &(struct agent_exec){.argv = argv, .tty = tty, .input = true});
        run_loop(f);
        f->running = 0;
        struct stat st = {0};
        while (st.st_size < 4 * (tty + 1)) {
            let_pass(f, 20);
            assert_int_equal(stat(file, &st), 0);
        }
        drop(&c);
    }
    unlink(file);
}

static void a_detached_command_goes_on_alone(void **state)
{
    struct fixture *f = *state;
    char file[] = "/tmp/hospes-detach.XXXXXX", script[96];
    close(mkstemp(file));
    snprintf(script, sizeof(script), "sleep 0.2; echo late >%s", file);
    const char *argv[] = {"sh", "-c", script, NULL};
    struct command c = {0};
    start(f, &c, &(struct agent_exec){.argv = argv, .detach = true});
    run_loop(f);
    struct stat st = {0};
    assert_int_equal(c.e.code, 0);
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_size, 0);
    while (st.st_size != 5) {
        let_pass(f, 20);
        assert_int_equal(stat(file, &st), 0);
    }
    unlink(file);
}

static void an_agent_that_dies_ends_its_sessions_with_an_error(void **state)
{
    struct fixture *f = *state;
    struct command c = {0};
    start_shell(f, &c, "echo x; exec sleep 3");
    while (!has_text(&c.out, "x"))
        let_pass(f, 20);
    unix_link_stop(&f->link);
    run_loop(f);
    assert_false(c.got_exit);
    assert_int_equal(c.e.code, -ECONNRESET);
    drop(&c);
}

static void a_machine_that_goes_away_is_told_to_its_sessions(void **state)
{
    struct fixture *f = *state;
    struct command c = {0};
    start_shell(f, &c, "sleep 3");
    let_pass(f, 20);
    agent_free(take(f->agent));
    assert_true(c.closed);
    assert_string_equal(c.e.text, "the guest is gone");
}

static void too_long_a_command_line_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct agent_session *s;
    char *word = calloc(1, FRAME_MAX);
    memset(word, 'a', FRAME_MAX - 1);
    const char *argv[] = {"echo", word, NULL};
    assert_int_equal(agent_exec(f->agent, &(struct agent_exec){.argv = argv}, &ops, NULL, &s, &e), -E2BIG);
    free(word);
}

/* ---- requests ---- */

static void note(void *ctx, const struct err *e)
{
    struct command *c = ctx;
    c->closed = true;
    if (e)
        c->e = *e;
    loop_stop(c->f->loop);
}

static void requests_are_answered(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct command c = {.f = f};
    assert_int_equal(agent_sync(f->agent, note, &c, &e), 0);
    run_loop(f);
    assert_int_equal(c.e.code, 0);
    assert_int_equal(agent_shutdown(f->agent, false, note, &c, &e), 0);
    run_loop(f);
    assert_int_equal(c.e.code, -ENOTSUP); /* a test is no guest: nobody switches this host off */
    assert_int_equal(agent_reseed(f->agent, "short", 5, note, &c, &e), 0);
    run_loop(f);
    assert_int_equal(c.e.code, -EINVAL);
    assert_int_equal(agent_set_time(f->agent, 0, note, &c, &e), 0);
    run_loop(f);
    assert_int_equal(c.e.code, -EINVAL);
}

/* ---- nonsense ---- */

static int dial(struct fixture *f)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, f->link.path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* All that comes until the end of the stream; starts with a REPLY that is an error. */
static void assert_refused(int fd)
{
    uint8_t bytes[4096];
    ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_WAITALL);
    struct frame reply;
    assert_true(n > FRAME_HEADER && frame_parse(bytes, (size_t)n, &reply) == n);
    assert_int_equal(reply.type, FRAME_REPLY);
    assert_memory_equal(reply.payload, "error=", 6);
    close(fd);
}

static void the_agent_survives_what_makes_no_sense(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[64];
    const struct {
        enum frame_type type;
        const char *payload;
        uint32_t len;
    } cases[] = {
        {FRAME_REQUEST, "", 0},        {FRAME_REQUEST, "do", 2},
        {FRAME_REQUEST, "do=exec", 7}, /* not ended by a 0 */
        {FRAME_REQUEST, "do=fly", 7},  {FRAME_REQUEST, "=x", 3},
        {FRAME_STDIN, "x", 1},         {FRAME_EXIT, "xxxx", 4},
        {FRAME_RESIZE, "x", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = dial(f);
        size_t n = frame_put(frame, cases[i].type, cases[i].payload, cases[i].len);
        assert_int_equal(write(fd, frame, n), n);
        assert_refused(fd);
    }
    int fd = dial(f);
    assert_int_equal(write(fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
    assert_refused(fd);
    close(dial(f)); /* says nothing at all */
    struct command c = {0};
    start_shell(f, &c, "exit 5");
    run_loop(f);
    assert_int_equal(c.status, 5);
    drop(&c);
}

static void nonsense_inside_a_session_ends_it_and_its_command(void **state)
{
    struct fixture *f = *state;
    const char request[] = "do=exec\0arg=sh\0arg=-c\0arg=echo $$; exec sleep 60\0stdin=1";
    uint8_t bytes[256];
    int fd = dial(f);
    size_t n = frame_put(bytes, FRAME_REQUEST, request, sizeof(request));
    assert_int_equal(write(fd, bytes, n), n);
    assert_true(read(fd, bytes, sizeof(bytes)) > FRAME_HEADER);
    pid_t pid = (pid_t)atoi((char *)bytes + FRAME_HEADER);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(write(fd, "\377\377\377\377", 4), 4);
    assert_refused(fd);
    while (kill(pid, 0) == 0)
        let_pass(f, 20);
}

struct liar {
    struct fixture *f;
    int listen;
    const uint8_t *bytes;
    size_t len;
};

static void *lie(void *ctx)
{
    struct liar *l = ctx;
    uint8_t request[128];
    int fd = accept4(l->listen, NULL, NULL, SOCK_CLOEXEC);
    if (read(fd, request, sizeof(request)) > 0 && write(fd, "\2\0\0\0\5\0\0\0ok=1", 13) == 13)
        close(fd); /* the ping */
    fd = accept4(l->listen, NULL, NULL, SOCK_CLOEXEC);
    if (read(fd, request, sizeof(request)) > 0 && write(fd, l->bytes, l->len) == (ssize_t)l->len)
        shutdown(fd, SHUT_WR);
    while (read(fd, request, sizeof(request)) > 0)
        ;
    close(fd);
    return NULL;
}

/* What the guest says is hostile: whatever it is, the session ends with one line, of which nothing steers a
 * terminal. */
static void a_guest_that_lies_gets_one_error_line(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *bytes;
        size_t len;
        int code;
    } cases[] = {
        {"\377\377\377\377\377\377\377\377", 8, -EPROTO},
        {"\4\0\0\0\377\377\377\377", 8, -EPROTO},
        {"\4\0\0\0\5\0\0\0ab", 10, -ECONNRESET}, /* cut short */
        {"\3\0\0\0\0\0\0\0", 8, -EPROTO},        /* STDIN from the guest */
        {"\10\0\0\0\1\0\0\0x", 9, -EPROTO},      /* EXIT of one byte */
        {"\2\0\0\0\3\0\0\0abc", 11, -EPROTO},    /* a reply that is no list */
        {"\2\0\0\0\12\0\0\0error=\33[J", 18, -EPROTO},
        {"", 0, -ECONNRESET},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct liar l = {f, unix_link_listen(&f->link), (const uint8_t *)cases[i].bytes, cases[i].len};
        pthread_t thread;
        pthread_create(&thread, NULL, lie, &l);
        f->ups = 0;
        new_agent(f);
        run_loop(f);
        assert_int_equal(f->ups, 1);
        struct command c = {0};
        start_shell(f, &c, "true");
        run_loop(f);
        assert_int_equal(c.e.code, cases[i].code);
        assert_null(strchr(c.e.text, '\33'));
        agent_free(take(f->agent));
        pthread_join(thread, NULL);
        close(l.listen);
        unix_link_stop(&f->link);
        drop(&c);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    struct fixture f = {.program = argv[1]};
#define TEST(name)      cmocka_unit_test_prestate_setup_teardown(name, set_up, tear_down, &f)
#define TEST_BARE(name) cmocka_unit_test_prestate_setup_teardown(name, set_up_bare, tear_down, &f)
    const struct CMUnitTest tests[] = {
        TEST_BARE(it_is_up_once_it_answers_and_not_before),
        TEST(streams_environment_folder_and_status_pass_through),
        TEST(a_command_without_input_reads_an_end_of_file),
        TEST(every_byte_passes_unchanged_both_ways),
        TEST(a_hundred_megabytes_pass_through_a_slow_reader),
        TEST(input_that_nobody_reads_waits_and_is_dropped_at_the_end),
        TEST(a_terminal_echoes_has_a_size_and_an_end_of_file),
        TEST(a_window_that_changes_its_size_tells_the_command),
        TEST(a_signal_reaches_the_whole_group),
        TEST(death_by_a_signal_is_128_and_its_number),
        TEST(what_cannot_run_is_told_as_shells_do),
        TEST(a_user_whom_the_guest_does_not_know_is_an_error),
        TEST(an_ended_command_does_not_wait_for_who_holds_its_output),
        TEST(many_commands_run_side_by_side),
        TEST(who_goes_away_hangs_the_command_up),
        TEST(a_detached_command_goes_on_alone),
        TEST(an_agent_that_dies_ends_its_sessions_with_an_error),
        TEST(a_machine_that_goes_away_is_told_to_its_sessions),
        TEST(too_long_a_command_line_is_refused),
        TEST(requests_are_answered),
        TEST(the_agent_survives_what_makes_no_sense),
        TEST(nonsense_inside_a_session_ends_it_and_its_command),
        TEST_BARE(a_guest_that_lies_gets_one_error_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
