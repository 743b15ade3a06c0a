// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/tty.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>

#include "line.h"

struct seat {
    struct bed *bed;
    struct hub *hub;
    struct line line;
    struct tty *tty;
    unsigned events[3];
    bool detach_on_event;
};

static void on_event(void *ctx, enum tty_event event)
{
    struct seat *s = ctx;
    s->events[event]++;
    if (s->detach_on_event)
        tty_detach(take(s->tty));
}

static void sit(struct seat *s, struct bed *b, int in, int out)
{
    struct err e;
    *s = (struct seat){.bed = b};
    assert_int_equal(hub_new(b->loop, NULL, &s->hub, &e), 0);
    line_init(&s->line, s->hub);
    struct tty_config c = {.in = in, .out = out, .event = on_event, .ctx = s};
    if (tty_attach(s->hub, b->loop, &c, &s->tty, &e) < 0)
        fail_msg("%s", e.text);
}

static void leave(struct seat *s)
{
    tty_detach(s->tty);
    hub_free(s->hub);
}

/* Run until the device heard so much. */
static void hear(struct seat *s, size_t nr)
{
    for (unsigned i = 0; s->line.nr_heard < nr && i < 10000; i++)
        bed_run_ms(s->bed, 1);
    assert_int_equal(s->line.nr_heard, nr);
}

static void await(struct seat *s, enum tty_event event)
{
    for (unsigned i = 0; s->events[event] == 0 && i < 10000; i++)
        bed_run_ms(s->bed, 1);
    assert_int_equal(s->events[event], 1);
}

static void a_terminal_is_raw_while_attached_and_ctrl_bracket_leaves(void **state)
{
    struct seat s;
    int master, slave;
    struct termios before = {0}, now = {0};
    char buf[16];
    assert_int_equal(openpty(&master, &slave, NULL, NULL, &(struct winsize){.ws_col = 132, .ws_row = 43}), 0);
    tcgetattr(slave, &before);
    assert_true(before.c_lflag & ICANON);
    sit(&s, *state, slave, slave);
    tcgetattr(slave, &now);
    assert_false(now.c_lflag & (ICANON | ECHO | ISIG));
    s.line.room = 100;
    assert_int_equal(write(master, "ls\x03\r", 4), 4);
    hear(&s, 4);
    assert_memory_equal(s.line.heard, "ls\x03\r", 4); /* Ctrl-C is the guest's */
    line_start(&s.line, "bin", 3);
    bed_run_ms(*state, 1);
    assert_int_equal(read(master, buf, sizeof(buf)), 3);
    assert_int_equal(write(master, "x\x1dy", 3), 3);
    await(&s, TTY_LEFT);
    assert_int_equal(s.line.nr_heard, 5);
    unsigned cols, rows;
    assert_true(tty_size(slave, &cols, &rows));
    assert_int_equal(cols * 1000 + rows, 132043);
    leave(&s);
    memset(&now, 0, sizeof(now));
    tcgetattr(slave, &now);
    assert_memory_equal(&now, &before, sizeof(now));
    assert_false(fcntl(slave, F_GETFL) & O_NONBLOCK);
    close(master);
    close(slave);
}

static void a_pipe_that_was_closed_early_is_read_to_its_end(void **state)
{
    struct seat s;
    int p[2];
    char *text = line_text(2000);
    assert_int_equal(pipe(p), 0);
    int out = open("out", O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(p[1], text, 2000), 2000);
    close(p[1]);
    sit(&s, *state, p[0], out);
    for (size_t nr = 16; nr < 2000; nr += 16) { /* a UART's worth at a time */
        line_listen(&s.line, 16);
        hear(&s, nr);
    }
    line_listen(&s.line, 100);
    hear(&s, 2000);
    assert_memory_equal(s.line.heard, text, 2000);
    await(&s, TTY_EOF);
    line_start(&s.line, "still there", 11);
    leave(&s);
    char *got;
    struct err e;
    assert_int_equal(file_read("out", 100, &got, NULL, &e), 0);
    assert_string_equal(got, "still there");
    free(got);
    free(text);
    close(p[0]);
    close(out);
}

static void input_from_a_file_and_from_nothing_works_too(void **state)
{
    struct seat s;
    char *text = line_text(4000);
    struct err e;
    assert_int_equal(file_write_atomic("in", text, 4000, 0600, &e), 0);
    int in = open("in", O_RDONLY), null = open("/dev/null", O_RDWR);
    sit(&s, *state, in, null);
    line_listen(&s.line, 1000);
    hear(&s, 1000);
    line_listen(&s.line, 5000);
    hear(&s, 4000);
    assert_memory_equal(s.line.heard, text, 4000);
    await(&s, TTY_EOF);
    leave(&s);
    sit(&s, *state, null, null);
    await(&s, TTY_EOF);
    leave(&s);
    free(text);
    close(in);
    close(null);
}

struct reader {
    int fd;
    size_t nr;
    char got[400000];
};

static void *read_all(void *ctx)
{
    struct reader *r = ctx;
    ssize_t n;
    while ((n = read(r->fd, r->got + r->nr, sizeof(r->got) - r->nr)) > 0)
        r->nr += (size_t)n;
    return NULL;
}

static void through_a_full_pipe_or_socket_everything_arrives(void **state)
{
    size_t len = 300000;
    char *text = line_text(len);
    for (int kind = 0; kind < 2; kind++) {
        struct seat s;
        struct reader r = {0};
        pthread_t thread;
        int p[2];
        assert_int_equal(kind == 0 ? pipe(p) : socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
        sit(&s, *state, -1, p[1]);
        line_start(&s.line, text, len);
        for (int i = 0; i < 20; i++)
            bed_run_ms(*state, 1); /* nobody reads yet, and nobody is held up */
        r.fd = p[0];
        pthread_create(&thread, NULL, read_all, &r);
        for (unsigned i = 0; s.line.left && i < 10000; i++)
            bed_run_ms(*state, 1);
        if (kind) /* the last of it goes now */
            leave(&s);
        else {
            hub_free(s.hub);
            tty_detach(s.tty);
        }
        assert_false(fcntl(p[1], F_GETFL) & O_NONBLOCK);
        close(p[1]);
        pthread_join(thread, NULL);
        assert_int_equal(r.nr, len);
        assert_memory_equal(r.got, text, len);
        close(p[0]);
    }
    free(text);
}

static void when_the_reader_goes_the_guest_runs_on(void **state)
{
    size_t len = 1000000;
    char *text = line_text(len);
    signal(SIGPIPE, SIG_IGN);
    for (int detach = 0; detach < 2; detach++) {
        struct seat s;
        int p[2];
        assert_int_equal(pipe(p), 0);
        sit(&s, *state, -1, p[1]);
        s.detach_on_event = detach;
        line_start(&s.line, text, len);
        bed_run_ms(*state, 1);
        close(p[0]);
        await(&s, TTY_GONE);
        for (unsigned i = 0; s.line.left && i < 10000; i++)
            bed_run_ms(*state, 1);
        assert_int_equal(s.line.left, 0);
        leave(&s);
        close(p[1]);
    }
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_up, bed_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_terminal_is_raw_while_attached_and_ctrl_bracket_leaves),
        TEST(a_pipe_that_was_closed_early_is_read_to_its_end),
        TEST(input_from_a_file_and_from_nothing_works_too),
        TEST(through_a_full_pipe_or_socket_everything_arrives),
        TEST(when_the_reader_goes_the_guest_runs_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
