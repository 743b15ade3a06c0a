// SPDX-License-Identifier: GPL-2.0-or-later
/* run: what `hospes run` was asked for, and the guest that it means. */
#pragma once

#include "base/opt.h"
#include "monitor/guest.h"

struct run_args {
    bool vm, interactive, tty, detach, rm, read_only, init, privileged;
    const char *name, *net, *network, *engine, *kernel, *initrd, *append, *console, *workdir, *user,
        *hostname;
    const char *engine_debug, *cpus, *cpuset_cpus, *memory_swap, *oom_score_adj;
    const char *entrypoint, *restart, *stop_signal, *pid, *ipc, *uts, *cidfile, *pidfile;
    unsigned pids;
    uint64_t memory, disk, shm_size; /* 0: nothing was said */
    struct opt_time stop_timeout;
    struct opt_list publish, env, env_file, volume, mount, tmpfs, cap_add, cap_drop, security_opt, device;
    struct opt_list ulimit, group_add, add_host, dns, sysctl, label, annotation;
};

int run_run(const void *args, int argc, char **argv, struct err *e);

/* Lists that a configuration borrows; zeroed at first. */
struct run_lists {
    const char **copy[32];
    unsigned nr;
    char **mounts, **made; /* with their strings */
};
void run_lists_fini(struct run_lists *l);
#define OWN_RUN_LISTS __attribute__((cleanup(run_lists_fini))) struct run_lists

/* operands: [IMAGE [COMMAND...]]. *c borrows from a, l, argv and itself. -EINVAL. */
int run_config(const struct run_args *a, int argc, char **argv, struct run_lists *l, struct guest_config *c,
               struct err *e);
/* "2", "0.5": thousandths; NULL: 0. -EINVAL. */
int run_cpus(const char *text, uint64_t *ret_milli, struct err *e);
