// SPDX-License-Identifier: GPL-2.0-or-later
/* reaper: see reaper.h. Source: pid_namespaces(7), credentials(7). */
#include "guest/reaper.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_RUN   126 /* as shells have it */
#define NOT_THERE 127

/* In a group of its own, so that what a terminal sends reaches it once, and not by us again. */
_Noreturn static void command(char **argv)
{
    sigset_t none;
    setpgid(0, 0);
    if (isatty(STDIN_FILENO))
        (void)tcsetpgrp(STDIN_FILENO, getpid()); /* SIGTTOU is blocked */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(argv[0], argv + 1);
    int why = errno;
    dprintf(STDERR_FILENO, "hospes: exec %s: %s\n", argv[0], strerror(why));
    _exit(why == ENOENT ? NOT_THERE : NOT_RUN);
}

/* Whoever has ended; true: the command is among them. */
static bool reap(pid_t child, int *ret_status)
{
    bool ended = false;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == child) {
            *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            ended = true;
        }
    return ended;
}

void reaper_run(char **argv)
{
    sigset_t all; /* blocked by who started us, since what comes before that is lost */
    int status = NOT_RUN;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    prctl(PR_SET_NAME, "init");
    pid_t child = fork();
    if (child == 0)
        command(argv);
    while (child > 0) {
        int number = sigwaitinfo(&all, NULL);
        if (number == SIGCHLD && reap(child, &status))
            break;
        if (number > 0 && number != SIGCHLD)
            kill(child, number);
    }
    _exit(status);
}
