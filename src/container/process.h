// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * process: what `process` of a configuration says, done to the calling process: the last steps before its
 * program, the same for a container's first one and for those of `exec`.
 */
#pragma once

#include "container/config.h"
#include "container/seccomp.h"

struct process_setup {
    const struct process_config *p;
    const struct seccomp_filter *seccomp;
    int proc;            /* a procfs known to be one, for labels */
    int sync;            /* where a seccomp listener goes and warnings are told */
    int64_t personality; /* UNSET */
    unsigned preserve_fds;
    bool set_groups;
    bool landlock, landlock_abstract; /* landlock.h */
};

/* The program that args[0] means, looked up as execvp would, malloc'd. -ENOENT, -EACCES. */
int process_find(const struct process_config *p, char **ret, struct err *e);

/* Limits, scheduling, working folder, labels, user, capabilities, seccomp. Call process_find after it. */
int process_become(const struct process_setup *s, struct err *e);

/* init: a program to start it (base/reaper.h), -1: none. Only returns if it fails. */
int process_exec(const char *file, const struct process_config *p, int init, unsigned listen_fds,
                 struct err *e);

/* Everything above the standard streams and the n behind them closes at exec. */
void process_close_on_exec(unsigned preserve_fds);

/* Let the caller run on those CPUs ("0-3,7"); NULL: leave it. */
int process_affinity(const char *cpus, const char *field, struct err *e);

/* Of another process, by the runtime. A score that is not allowed here is warned of. */
int process_oom_score(pid_t pid, const struct process_config *p, struct err *e);

bool security_available(const char *what); /* "apparmor", "selinux" */
