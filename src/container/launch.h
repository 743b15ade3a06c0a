// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * launch: all that is opened, checked and compiled before a container's first process is made, so that the
 * process itself has little left that can fail.
 *
 * The parent (create.c) fills it; the child (init.c) has the same memory by fork.
 */
#pragma once

#include "container/caps.h"
#include "container/cgroup.h"
#include "container/config.h"
#include "container/seccomp.h"
#include "container/state.h"

struct launch {
    const struct config *c;
    struct state state;
    const char *root; /* folder of states */
    char *rootfs;     /* the container's root on the host, resolved */
    int root_tree;    /* the root as a detached mount made outside the user namespace, or -1 */
    int state_dir;
    struct cgroup cgroup;
    struct cgroup_entry entry;
    struct seccomp_filter seccomp;
    int sync, peer;   /* the first process' side, and the runtime's, which it must not hold open */
    int start;        /* listening socket; -1: go on without waiting */
    int proc;         /* the host's /proc, checked */
    int console;      /* socket that takes the terminal; -1: the runtime itself does */
    int ns[NS_KINDS]; /* to join; -1 */
    int *source;      /* per mount: see mount_place */
    int init;         /* the program that is the first process instead, or -1 */
    bool landlock, landlock_abstract; /* landlock.h */
    int passed_by; /* the read end of a pipe that an intermediate process holds; -1: there is none */
    unsigned preserve_fds;
    bool no_pivot, no_new_keyring, set_groups;
    /* What the first process is if a machine stands around the container; NULL: the container's own. */
    void (*machine)(struct launch *l);
};

/* The life of the first process, from clone to exec. */
_Noreturn void init_main(struct launch *l);
