// SPDX-License-Identifier: GPL-2.0-or-later
/* bed: a loop, a lock and a working folder of one's own for the tests of far ends; nothing stays behind. */
#pragma once

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"

#include "unit.h"

struct bed {
    pthread_mutex_t lock;
    struct loop *loop;
    int log; /* gets what is logged */
    char dir[64];
};

static inline int bed_up(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    struct err e;
    strcpy(b->dir, "bed-XXXXXX"); /* in the build folder, where tests run */
    if (!mkdtemp(b->dir) || chdir(b->dir) < 0 || loop_new(&b->lock, &b->loop, &e) < 0)
        return -1;
    b->log = memfd_create("log", MFD_CLOEXEC);
    log_to(b->log, LOG_INFO);
    *state = b;
    return 0;
}

static inline int bed_down(void **state)
{
    struct bed *b = *state;
    loop_free(b->loop);
    pthread_mutex_destroy(&b->lock);
    log_to(STDERR_FILENO, LOG_INFO);
    close(b->log);
    struct err e;
    int rc = chdir("..") < 0 ? -1 : dir_remove(b->dir, &e);
    free(b);
    return rc;
}

static inline void bed_give_up(void *ctx)
{
    loop_stop(ctx);
}

/* Run the loop until somebody stops it, at most so long. */
static inline void bed_run_ms(struct bed *b, uint64_t ms)
{
    struct err e;
    struct loop_timer t;
    loop_timer_init(&t, b->loop, bed_give_up, b->loop);
    loop_timer_arm(&t, loop_now_ns() + ms * 1000000u);
    assert_int_equal(loop_run(b->loop, &e), 0);
    loop_timer_stop(&t);
}

static inline void bed_run(struct bed *b)
{
    bed_run_ms(b, 20000);
}

static inline bool bed_logged(struct bed *b, const char *text)
{
    char log[8192] = "";
    return pread(b->log, log, sizeof(log) - 1, 0) > 0 && strstr(log, text);
}
