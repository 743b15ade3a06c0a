// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "unit.h"

static int run_sh(const char *script, struct err *e)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    return proc_run(&(struct proc_config){.argv = argv}, e);
}

static void success_is_zero_and_failure_tells_the_last_line_of_stderr(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(run_sh("echo x; echo fine >&2", &e), 0);
    assert_int_equal(run_sh("echo first >&2; echo 'E: no such suite' >&2; echo '  ' >&2; exit 3", &e), -EIO);
    assert_string_equal(e.text, "sh: E: no such suite");
    assert_int_equal(run_sh("exit 3", &e), -EIO);
    assert_string_equal(e.text, "sh: exit status 3");
    assert_int_equal(run_sh("kill -9 $$", &e), -EIO);
    assert_string_equal(e.text, "sh: ended by signal 9 (Killed)");
}

static void a_program_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct err e;
    const char *argv[] = {"no-such-program-here", NULL};
    assert_int_equal(proc_run(&(struct proc_config){.argv = argv}, &e), -ENOENT);
    assert_string_equal(e.text, "no-such-program-here: program not found (is it installed?)");
}

struct heard {
    char out[200], err[200];
};

static void hear_out(void *ctx, const char *line)
{
    struct heard *h = ctx;
    strcat(strcat(h->out, line), "|");
}

static void hear_err(void *ctx, const char *line)
{
    struct heard *h = ctx;
    strcat(strcat(h->err, line), "|");
}

static void lines_of_both_streams_arrive_and_an_unfinished_one_too(void **state)
{
    (void)state;
    struct err e;
    struct heard h = {0};
    const char *argv[] = {"sh", "-c", "cat; echo \"$A $PWD\"; printf 'b\\rc' >&2; printf last", NULL};
    const char *env[] = {"A=a", NULL};
    struct proc_config c = {
        .argv = argv, .env = env, .dir = "/", .out_line = hear_out, .err_line = hear_err, .ctx = &h};
    assert_int_equal(proc_run(&c, &e), 0);
    assert_string_equal(h.out, "a /|last|");
    assert_string_equal(h.err, "b|c|");
}

static void its_input_and_output_can_be_descriptors_of_ours(void **state)
{
    (void)state;
    int in[2], out[2];
    struct err e;
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(write(in[1], "hello", 5), 5);
    close(in[1]);
    const char *argv[] = {"tr", "a-z", "A-Z", NULL};
    assert_int_equal(proc_run(&(struct proc_config){.argv = argv, .in = in[0], .out = out[1]}, &e), 0);
    char text[9] = "";
    assert_int_equal(read(out[0], text, 8), 5);
    assert_string_equal(text, "HELLO");
    close(in[0]);
    close(out[0]);
    close(out[1]);
}

/* The group is named after its first process, which stands between us and the program. Its orphans become our
 * children (main makes us their reaper): wait until none is left. */
static bool group_gone(pid_t group)
{
    alarm(30); /* one that lives on would sleep for 1000 s */
    while (waitpid(-group, NULL, 0) > 0)
        ;
    alarm(0);
    return errno == ECHILD;
}

static void interrupt_us(void *ctx, const char *line)
{
    *(pid_t *)ctx = atoi(line);
    kill(getpid(), SIGINT);
}

/* In a child of the test, since the signal is meant to end the process. */
static void an_interrupt_ends_the_child_with_all_it_started_and_then_us(void **state)
{
    (void)state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct err e = {0};
        pid_t group = 0;
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        struct interrupt i;
        interrupt_hold(&i);
        const char *argv[] = {"sh", "-c", "sleep 1000 & sleep 1000 & echo $PPID; wait", NULL};
        struct proc_config c = {.argv = argv, .out_line = interrupt_us, .ctx = &group};
        if (proc_run(&c, &e) == -EINTR && interrupt_pending() && group_gone(group))
            (void)!write(p[1], "tidy", 4);
        interrupt_release(&i);
        _exit(0); /* not reached */
    }
    int status;
    close(p[1]);
    char text[5] = "";
    assert_int_equal(read(p[0], text, 4), 4);
    assert_string_equal(text, "tidy");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    close(p[0]);
}

static void an_ignored_signal_is_no_interrupt(void **state)
{
    (void)state;
    struct err e;
    struct interrupt i;
    signal(SIGINT, SIG_IGN);
    interrupt_hold(&i);
    kill(getpid(), SIGINT);
    assert_false(interrupt_pending());
    assert_int_equal(run_sh("true", &e), 0);
    interrupt_release(&i);
    signal(SIGINT, SIG_DFL);
}

static void the_child_goes_with_all_it_started_when_we_are_killed(void **state)
{
    (void)state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct err e;
        char script[64];
        snprintf(script, sizeof(script), "sleep 1000 & echo $PPID >&%d; sleep 1000", p[1]);
        run_sh(script, &e);
        _exit(0);
    }
    char text[20] = "";
    assert_true(read(p[0], text, 19) > 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(group_gone(atoi(text)));
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_is_zero_and_failure_tells_the_last_line_of_stderr),
        cmocka_unit_test(a_program_that_is_not_there_is_told),
        cmocka_unit_test(lines_of_both_streams_arrive_and_an_unfinished_one_too),
        cmocka_unit_test(its_input_and_output_can_be_descriptors_of_ours),
        cmocka_unit_test(an_interrupt_ends_the_child_with_all_it_started_and_then_us),
        cmocka_unit_test(an_ignored_signal_is_no_interrupt),
        cmocka_unit_test(the_child_goes_with_all_it_started_when_we_are_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
