// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * proxy: a process of the host's that stands for one inside of a machine: its streams, its signals, its exit
 * status. It talks to the machine's monitor by frames (base/frame.h), as `hospes exec` does.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/json.h"

struct proxy {
    int sock;        /* connected to the control socket */
    json_t *request; /* of the process; borrowed */
    bool tty;        /* the standard streams are a terminal: it is made raw, its size is passed on */
    pid_t only_from; /* whose signals are passed on, besides the terminal's; 0: everybody's */
    /* A file appears here when the program runs: started is told, once. started NULL: nobody asks. */
    int out_dir;
    const char *running;
    void (*started)(void *ctx);
    void *ctx;
};

/*
 * Until the process inside ends. Its exit status (128 + signal), or -errno: -ECHILD: it ended before its
 * program ran. Blocks signals and keeps them so.
 */
int proxy_run(const struct proxy *p, struct err *e);
