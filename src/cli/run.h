// SPDX-License-Identifier: GPL-2.0-or-later
/* run: what `hospes run` was asked for, and the guest that it means. */
#pragma once

#include "base/opt.h"
#include "monitor/guest.h"

struct run_args {
    bool vm, interactive, tty, detach, rm, read_only;
    const char *name, *net, *engine, *kernel, *initrd, *append, *console, *workdir, *user, *hostname;
    const char *engine_debug, *cpus;
    unsigned pids;
    uint64_t memory, disk; /* 0: nothing was said */
    struct opt_list publish, env, volume, cap_add, cap_drop, security_opt;
};

/* Lists that a configuration borrows; zeroed at first. */
struct run_lists {
    const char **cap_add, **cap_drop, **security;
    char **mounts; /* with their strings */
};
void run_lists_fini(struct run_lists *l);
#define OWN_RUN_LISTS __attribute__((cleanup(run_lists_fini))) struct run_lists

/* operands: [IMAGE [COMMAND...]]. *c borrows from a, l, argv and itself. -EINVAL. */
int run_config(const struct run_args *a, int argc, char **argv, struct run_lists *l, struct guest_config *c,
               struct err *e);
/* "2", "0.5": thousandths; NULL: 0. -EINVAL. */
int run_cpus(const char *text, uint64_t *ret_milli, struct err *e);
