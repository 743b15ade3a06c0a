// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exec: start a command in the guest: as a user, in a session of its own, on three pipes or on a terminal.
 *
 * What fails before the fork is an error. What fails in the child it says on its own standard error, and ends
 * with 127 (there is no such program) or 126 (it cannot be run), as shells do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct exec_child {
    pid_t pid; /* leader of its session and process group; 0: none */
    bool tty;
    int in, out,
        err;   /* our ends, not blocking; -1: closed. On a terminal out is its master, in and err are -1 */
    int slave; /* a terminal is kept open by us until the leader ends, so that it never hangs up before */
};

/*
 * request: a list of fields (base/fields.h), checked: arg=... (none: the user's login shell),
 * env=NAME=VALUE..., cwd=, user= (user.h), tty=1 with cols= and rows=, stdin=1 (else it reads an end of file
 * at once).
 */
int exec_start(const void *request, size_t len, struct exec_child *ret, struct err *e);

void exec_resize(const struct exec_child *c, uint16_t cols, uint16_t rows);
void exec_signal(const struct exec_child *c, int number); /* to its group and the terminal's foreground */
void exec_end_stdin(struct exec_child *c);                /* end of file */
void exec_leader_ended(struct exec_child *c);             /* it was waited for */
size_t exec_unread(const struct exec_child *c, int fd);   /* at most so much output waits in out or err */
void exec_close(struct exec_child *c);                    /* what still runs is hung up */
