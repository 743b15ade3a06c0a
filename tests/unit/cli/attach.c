// SPDX-License-Identifier: GPL-2.0-or-later
/* attach runs in a child whose standard streams are ours; we play the monitor on the other end of a socket.
 */
#include "cli/attach.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/frame.h"
#include "unit.h"

enum { LEFT = 90, RESET = 91, INTERRUPTED = 92, OTHER = 93 }; /* how the child tells what attach_run said */

struct play {
    int link, in, out, err; /* our ends */
    int master, slave;      /* the terminal that is the child's stdin, or -1 */
    pid_t pid;
};

static int told(int rc, int status)
{
    if (rc == 0)
        return status == ATTACH_LEFT ? LEFT : status;
    return rc == -ECONNRESET ? RESET : rc == -EINTR && status == 130 ? INTERRUPTED : OTHER;
}

static void begin(struct play *p, struct attach a, bool terminal)
{
    int link[2], in[2], out[2], err[2];
    p->master = p->slave = -1;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, link), 0);
    assert_int_equal(pipe(in) | pipe(out) | pipe(err), 0);
    if (terminal)
        assert_int_equal(
            openpty(&p->master, &p->slave, NULL, NULL, &(struct winsize){.ws_col = 100, .ws_row = 40}), 0);
    fflush(NULL);
    p->pid = fork();
    if (p->pid == 0) {
        struct err e;
        int status = 0;
        dup2(terminal ? p->slave : in[0], 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        a.fd = link[1];
        for (int fd = 3; fd < 40; fd++)
            if (fd != a.fd)
                close(fd);
        int rc = attach_run(&a, &status, &e);
        _exit(told(rc, status));
    }
    close(link[1]);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    p->link = link[0];
    p->in = in[1];
    p->out = out[0];
    p->err = err[0];
}

static int end(struct play *p)
{
    int status;
    if (p->link >= 0)
        close(p->link);
    if (p->in >= 0)
        close(p->in);
    close(p->out);
    close(p->err);
    if (p->master >= 0) {
        close(p->master);
        close(p->slave);
    }
    assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void say(struct play *p, enum frame_type type, const void *data, size_t len)
{
    uint8_t frame[4096];
    size_t n = frame_put(frame, type, data, (uint32_t)len);
    assert_int_equal(write(p->link, frame, n), n);
}

static void say_exit(struct play *p, int status)
{
    uint8_t frame[32];
    size_t n = frame_put_exit(frame, status);
    assert_int_equal(write(p->link, frame, n), n);
}

/* The next frame that arrives; payload copied to data. */
static enum frame_type hear(struct play *p, void *data, size_t *ret_len)
{
    static uint8_t bytes[FRAME_HEADER + 4096];
    struct frame f;
    assert_int_equal(recv(p->link, bytes, FRAME_HEADER, MSG_WAITALL), FRAME_HEADER);
    uint32_t len;
    memcpy(&len, bytes + 4, 4);
    assert_true(len <= 4096);
    if (len)
        assert_int_equal(recv(p->link, bytes + FRAME_HEADER, len, MSG_WAITALL), len);
    assert_int_equal(frame_parse(bytes, FRAME_HEADER + len, &f), FRAME_HEADER + len);
    memcpy(data, f.payload, len);
    *ret_len = len;
    return f.type;
}

static void gets_exactly(int fd, const char *want)
{
    char buf[256] = {0};
    size_t got = 0;
    while (got < strlen(want)) {
        ssize_t n = read(fd, buf + got, sizeof(buf) - 1 - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
    assert_string_equal(buf, want);
}

static void streams_stay_apart_and_the_status_arrives(void **state)
{
    (void)state;
    struct play p;
    char data[4096];
    size_t len;
    begin(&p, (struct attach){.input = true, .what = "guest x"}, false);
    assert_int_equal(write(p.in, "a\0b", 3), 3);
    assert_int_equal(hear(&p, data, &len), FRAME_STDIN);
    assert_int_equal(len, 3);
    assert_memory_equal(data, "a\0b", 3);
    close(p.in);
    p.in = -1;
    assert_int_equal(hear(&p, data, &len), FRAME_STDIN);
    assert_int_equal(len, 0);
    say(&p, FRAME_STDOUT, "out", 3);
    say(&p, FRAME_STDERR, "err", 3);
    say(&p, FRAME_STDOUT, NULL, 0);
    say_exit(&p, 7);
    gets_exactly(p.out, "out");
    gets_exactly(p.err, "err");
    assert_int_equal(end(&p), 7);
}

static void without_input_the_command_sees_the_end_at_once(void **state)
{
    (void)state;
    struct play p;
    char data[4096];
    size_t len;
    begin(&p, (struct attach){.what = "guest x"}, false);
    assert_int_equal(write(p.in, "not for it", 10), 10);
    assert_int_equal(hear(&p, data, &len), FRAME_STDIN);
    assert_int_equal(len, 0);
    say_exit(&p, 0);
    assert_int_equal(end(&p), 0);
}

static void output_waits_for_a_slow_reader_and_arrives_whole(void **state)
{
    (void)state;
    struct play p;
    char piece[4000], got[4096];
    size_t total = 0;
    memset(piece, 'x', sizeof(piece));
    begin(&p, (struct attach){.what = "guest x"}, false);
    for (int i = 0; i < 20; i++) /* more than a pipe holds */
        say(&p, FRAME_STDOUT, piece, sizeof(piece));
    say_exit(&p, 3);
    for (ssize_t n; (n = read(p.out, got, sizeof(got))) > 0;)
        total += (size_t)n;
    assert_int_equal(total, 20 * sizeof(piece));
    assert_int_equal(end(&p), 3);
}

static void a_lost_guest_is_an_error_of_ours(void **state)
{
    (void)state;
    struct play p;
    begin(&p, (struct attach){.what = "guest x"}, false);
    close(p.link);
    p.link = -1;
    assert_int_equal(end(&p), RESET);
    begin(&p, (struct attach){.what = "guest x"}, false);
    say(&p, FRAME_REPLY, "{\"error\":\"it ended\"}", 20);
    assert_int_equal(end(&p), RESET);
    begin(&p, (struct attach){.what = "guest x"}, false);
    assert_int_equal(write(p.link, "nonsense, no frame", 18), 18);
    assert_int_equal(end(&p), OTHER);
}

static void an_interrupt_goes_to_the_command_and_the_third_in_a_row_ends_us(void **state)
{
    (void)state;
    struct play p;
    char data[4096];
    size_t len;
    begin(&p, (struct attach){.what = "guest x"}, false);
    hear(&p, data, &len); /* signals are held from here on */
    for (int i = 0; i < 2; i++) {
        kill(p.pid, SIGINT);
        assert_int_equal(hear(&p, data, &len), FRAME_SIGNAL);
        assert_int_equal(data[0], SIGINT);
    }
    say(&p, FRAME_STDOUT, "alive", 5); /* the row is broken */
    gets_exactly(p.out, "alive");
    for (int i = 0; i < 2; i++) {
        kill(p.pid, SIGINT);
        assert_int_equal(hear(&p, data, &len), FRAME_SIGNAL);
    }
    kill(p.pid, SIGINT);
    assert_int_equal(end(&p), INTERRUPTED);
}

static bool is_raw(const struct play *p)
{
    struct termios t;
    assert_int_equal(tcgetattr(p->slave, &t), 0);
    return !(t.c_lflag & ICANON);
}

static void a_terminal_is_raw_while_joined_and_as_it_was_afterwards(void **state)
{
    (void)state;
    const int how[] = {0, SIGTERM, SIGHUP}; /* by the command's end, by signals */
    for (unsigned i = 0; i < 3; i++) {
        struct play p;
        char data[4096];
        size_t len;
        begin(&p, (struct attach){.input = true, .tty = true, .what = "guest x"}, true);
        assert_int_equal(hear(&p, data, &len), FRAME_RESIZE);
        assert_memory_equal(data, "\x64\0\x28\0", 4);
        assert_true(is_raw(&p));
        assert_int_equal(write(p.master, "\3", 1), 1); /* Ctrl-C is a key like others */
        assert_int_equal(hear(&p, data, &len), FRAME_STDIN);
        assert_int_equal(data[0], 3);
        ioctl(p.master, TIOCSWINSZ, &(struct winsize){.ws_col = 132, .ws_row = 50});
        kill(p.pid, SIGWINCH);
        assert_int_equal(hear(&p, data, &len), FRAME_RESIZE);
        assert_memory_equal(data, "\x84\0\x32\0", 4);
        if (how[i])
            kill(p.pid, how[i]);
        else
            say_exit(&p, 5);
        siginfo_t info;
        assert_int_equal(waitid(P_PID, (id_t)p.pid, &info, WEXITED | WNOWAIT), 0);
        assert_false(is_raw(&p));
        assert_int_equal(end(&p), how[i] ? OTHER : 5);
    }
}

static void the_escape_key_leaves_a_console(void **state)
{
    (void)state;
    struct play p;
    char data[4096];
    size_t len;
    begin(&p, (struct attach){.input = true, .escape = true, .what = "guest x"}, false);
    assert_int_equal(write(p.in, "ls\x1d", 3), 3);
    assert_int_equal(hear(&p, data, &len), FRAME_STDIN);
    assert_int_equal(len, 2);
    assert_int_equal(end(&p), LEFT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_stay_apart_and_the_status_arrives),
        cmocka_unit_test(without_input_the_command_sees_the_end_at_once),
        cmocka_unit_test(output_waits_for_a_slow_reader_and_arrives_whole),
        cmocka_unit_test(a_lost_guest_is_an_error_of_ours),
        cmocka_unit_test(an_interrupt_goes_to_the_command_and_the_third_in_a_row_ends_us),
        cmocka_unit_test(a_terminal_is_raw_while_joined_and_as_it_was_afterwards),
        cmocka_unit_test(the_escape_key_leaves_a_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
