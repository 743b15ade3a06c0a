// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * loop: the monitor's one event loop: file descriptors, timers and calls posted by other threads.
 *
 * The loop holds a lock (the board lock, see board/bus.h) whenever a callback runs and gives it up
 * while it sleeps. So device code, which vCPU threads enter through a bus under the same lock, is
 * never run by two threads at once.
 * Threads: loop_post, loop_stop and the timer calls from any thread; the rest from the loop's thread
 * or before it runs. Timer calls need the lock held.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/own.h"

struct loop;
int loop_new(pthread_mutex_t *lock, struct loop **ret, struct err *e); /* lock is borrowed */
/* In the child of fork(2), whose only thread this is: the same watches and timers, the child's own queue of
 * events. -errno of the host. */
int loop_after_fork(struct loop *l, struct err *e);
void loop_free(struct loop *l);
OWN_TYPE(loop, loop_free)

int loop_run(struct loop *l, struct err *e); /* until loop_stop; takes the lock itself */
void loop_stop(struct loop *l);

/* Watch fd for EPOLLIN, EPOLLOUT, ... (<sys/epoll.h>); fn may unwatch any fd, its own too. */
typedef void loop_fd_fn(void *ctx, int fd, uint32_t events);
int loop_watch(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *ctx, struct err *e);
int loop_rewatch(struct loop *l, int fd, uint32_t events); /* change events; 0 = keep but ignore */
void loop_unwatch(struct loop *l, int fd);

/* Run fn(ctx) soon on the loop's thread under the lock. Order is kept. -ENOMEM or 0. */
int loop_post(struct loop *l, void (*fn)(void *ctx), void *ctx);

/* A one-shot timer on CLOCK_MONOTONIC; embedded in its owner. Arming again moves it. */
struct loop_timer {
    struct loop *loop;
    void (*fire)(void *ctx);
    void *ctx;
    uint64_t deadline_ns; /* UINT64_MAX: not armed */
    unsigned slot;        /* the loop's own */
};
void loop_timer_init(struct loop_timer *t, struct loop *l, void (*fire)(void *ctx), void *ctx);
void loop_timer_arm(struct loop_timer *t, uint64_t deadline_ns);
void loop_timer_stop(struct loop_timer *t);
uint64_t loop_now_ns(void); /* CLOCK_MONOTONIC */
