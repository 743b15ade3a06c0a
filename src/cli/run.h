// SPDX-License-Identifier: GPL-2.0-or-later
/* run: what `hospes run` was asked for, and the guest that it means. */
#pragma once

#include "base/opt.h"
#include "monitor/guest.h"

struct run_args {
    bool vm, interactive, tty, detach, rm;
    const char *name, *net, *engine, *kernel, *initrd, *append, *console, *workdir, *user, *hostname;
    const char *engine_debug;
    unsigned cpus;
    uint64_t memory, disk;
    struct opt_list publish, env;
};

/* operands: [IMAGE [COMMAND...]]. *c borrows from a, argv and itself. -EINVAL. */
int run_config(const struct run_args *a, int argc, char **argv, struct guest_config *c, struct err *e);
