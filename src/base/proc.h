// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * proc: other programs as our children, and Ctrl-C while there is something to tidy up.
 *
 * No shell. A child gets a process group of its own, so that it ends with all that it started: when it has
 * ended itself, when we are interrupted, and when our process dies, even of SIGKILL. Its standard input is
 * /dev/null unless given.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "base/err.h"

struct proc_config {
    const char *const *argv; /* NULL-ended; argv[0] is looked up in PATH and the sbin folders */
    const char *const *env;  /* NULL-ended NAME=VALUE on top of our own, or NULL */
    const char *dir;         /* working folder, or NULL: ours */
    int in, out;             /* descriptors to be its stdin and stdout; 0: /dev/null (or out_line) */
    void (*out_line)(void *ctx, const char *line); /* each line of its stdout, if out is 0 */
    void (*err_line)(void *ctx, const char *line); /* each line of its stderr */
    void *ctx;
    bool own_mounts; /* where we may: what it mounts is seen by its own children only, and gone with them */
    bool stubborn;   /* go on through interrupts: for tidying up after one */
    int log; /* descriptor that gets all that it says on stderr (and on stdout, with out_line), or 0 */
};

/*
 * Run it to its end. 0: it exited with 0. Errors start with the program's name:
 * -ENOENT  the program is not there: says so
 * -EIO     it failed: its last line on stderr, or its status
 * -EINTR   SIGINT, SIGTERM or SIGHUP came while it ran: it was ended, and the signal is still pending
 *          for whoever holds it back (interrupt_hold)
 */
int proc_run(const struct proc_config *c, struct err *e);

/* Whether a program is there to be run: its path, malloc'd, or NULL. */
char *proc_find(const char *name);

/*
 * Between hold and release SIGINT, SIGTERM and SIGHUP wait. Long work asks interrupt_pending() now and then,
 * returns -EINTR and tidies up; at release the signal has its usual effect. Nests. Main thread.
 */
struct interrupt {
    sigset_t old;
};
void interrupt_hold(struct interrupt *i);
void interrupt_release(const struct interrupt *i);
bool interrupt_pending(void);
#define OWN_INTERRUPT __attribute__((cleanup(interrupt_release))) struct interrupt
