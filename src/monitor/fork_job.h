// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fork_job: new guests made from one that runs or is paused: its monitor forks, and each child becomes the
 * monitor of a new guest. All of a request are copies of one instant.
 *
 *     {"do":"fork", "names":["web-1", null, ...], "keep_identity":bool}
 *     {"guests":[{"name","pid","first_ns"}, ...], "pause_ns"}
 * null: a name is made up. first_ns: from the request to the guest's processors going on. Names are taken
 * before the machine stands still; one that cannot be had, or a child that fails, fails the request and none
 * is left. Threads: the loop's, board lock held.
 */
#pragma once

#include "monitor/control.h"
#include "monitor/guest_dir.h"
#include "monitor/parts.h"

#define FORK_MAX 1000 /* of one request */

struct fork_new { /* a guest in the making */
    struct guest_dir *dir;
    struct guest_config *config; /* the original's, but for its name and what cannot be had twice */
    int disk;                    /* disk_after_fork; -1: none */
    bool keep_identity;
    bool paused; /* the original was, and so is this one */
};

struct fork_child; /* one that was made: its end is awaited */
struct fork_job {
    struct loop *loop;
    struct parts *parts;
    const struct guest_config *config; /* of the original */
    /* In a child: be that guest's monitor, CPUs going on as soon as may be: then *ret_first_ns is set. */
    int (*become)(void *ctx, struct fork_new *n, uint64_t *ret_first_ns, struct err *e);
    void *ctx;

    struct conn *conn; /* who asked; NULL: gone */
    bool busy;
    struct loop_timer go;
    struct fork_new *news;
    unsigned nr, reported;
    struct err trouble; /* code 0: none so far */
    json_t *guests;
    uint64_t asked_ns, pause_ns;
    int from, to; /* a pipe: what children report */
    int gate[2];  /* another: open until all are made */
    struct fork_child *children;
};

void fork_job_init(struct fork_job *j, struct loop *loop, struct parts *p, const struct guest_config *c,
                   int (*become)(void *ctx, struct fork_new *n, uint64_t *ret_first_ns, struct err *e),
                   void *ctx);
/* Answers when all are there. -EBUSY: a fork is under way; -EEXIST, -EINVAL: of a name; -EOPNOTSUPP. */
int fork_job_start(struct fork_job *j, struct conn *c, const json_t *request, bool paused, struct err *e);
void fork_job_fini(struct fork_job *j); /* who waits is told that the guest ended */
