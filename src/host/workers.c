// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * workers: a queue, threads that take from it, a list of results and an eventfd for the loop.
 *
 * Requests are started in order and finish in any.
 * Threads: submit, results and drain under the board lock; workers never take that one.
 */
#include "host/workers.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#define STACK_BYTES (256u << 10)

struct list {
    struct work *first, **tail;
};

struct workers {
    int (*run)(void *ctx, struct work *r);
    void *ctx;
    int event;
    pthread_mutex_t lock; /* what follows, but not the threads */
    pthread_cond_t work, idle;
    bool stop;
    struct list queue, results;
    unsigned under_way; /* submitted and no result yet */
    const char *name;
    unsigned nr, nr_wanted; /* threads that run */
    pthread_t threads[];
};

static void list_init(struct list *l)
{
    l->first = NULL;
    l->tail = &l->first;
}

static void list_append(struct list *l, struct work *r)
{
    r->next = NULL;
    *l->tail = r;
    l->tail = &r->next;
}

static struct work *list_pop(struct list *l)
{
    struct work *r = l->first;
    if (!r)
        return NULL;
    l->first = r->next;
    if (!l->first)
        l->tail = &l->first;
    return r;
}

/* ---- workers ---- */

static struct work *next_work(struct workers *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->queue.first && !w->stop)
        pthread_cond_wait(&w->work, &w->lock);
    struct work *r = list_pop(&w->queue);
    pthread_mutex_unlock(&w->lock);
    return r;
}

/* Lock held. */
static void add_result(struct workers *w, struct work *r, int status)
{
    bool first = !w->results.first;
    r->status = status;
    list_append(&w->results, r);
    uint64_t one = 1;
    if (first && write(w->event, &one, sizeof(one)) < 0) {
        /* the counter is full, so it is readable anyway */
    }
}

static void *worker(void *ctx)
{
    struct workers *w = ctx;
    for (struct work *r; (r = next_work(w));) {
        int status = w->run(w->ctx, r);
        pthread_mutex_lock(&w->lock);
        add_result(w, r, status);
        if (--w->under_way == 0)
            pthread_cond_broadcast(&w->idle);
        pthread_mutex_unlock(&w->lock);
    }
    return NULL;
}

/* Signals go to other threads; a file size limit becomes an error instead of SIGXFSZ. */
static int start(struct workers *w, const char *name)
{
    pthread_attr_t attr;
    sigset_t all, old;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&w->threads[w->nr], &attr, worker, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (rc == 0)
        pthread_setname_np(w->threads[w->nr++], name);
    return -rc;
}

static void stop(struct workers *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->work);
    pthread_mutex_unlock(&w->lock);
    while (w->nr)
        pthread_join(w->threads[--w->nr], NULL);
}

/* ---- the loop's side ---- */

static int start_all(struct workers *w, struct err *e)
{
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    pthread_cond_init(&w->idle, NULL);
    w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->event < 0)
        return err_sys(e, "%s threads", w->name);
    while (w->nr < w->nr_wanted) {
        int rc = start(w, w->name);
        if (rc < 0)
            return err_code(e, rc, "%s threads", w->name);
    }
    return 0;
}

int workers_after_fork(struct workers *w, struct err *e)
{
    BUG_ON(w->under_way || w->results.first);
    close(w->event);
    w->nr = 0;
    return start_all(w, e);
}

int workers_new(const char *name, unsigned nr, int (*run)(void *ctx, struct work *r), void *ctx,
                struct workers **ret, struct err *e)
{
    OWN(workers) w = calloc(1, sizeof(*w) + nr * sizeof(w->threads[0]));
    if (!w)
        return err_code(e, -ENOMEM, "%s threads", name);
    w->run = run;
    w->ctx = ctx;
    w->name = name;
    w->nr_wanted = nr;
    list_init(&w->queue);
    list_init(&w->results);
    int rc = start_all(w, e);
    if (rc < 0)
        return rc;
    *ret = take(w);
    return 0;
}

void workers_free(struct workers *w)
{
    if (!w)
        return;
    stop(w);
    if (w->event >= 0)
        close(w->event);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->work);
    pthread_cond_destroy(&w->idle);
    free(w);
}

void workers_submit(struct workers *w, struct work *r)
{
    pthread_mutex_lock(&w->lock);
    if (w->stop) {
        add_result(w, r, -ESHUTDOWN);
    } else {
        list_append(&w->queue, r);
        w->under_way++;
        pthread_cond_signal(&w->work);
    }
    pthread_mutex_unlock(&w->lock);
}

int workers_fd(const struct workers *w)
{
    return w->event;
}

static struct work *pop_result(struct workers *w)
{
    pthread_mutex_lock(&w->lock);
    struct work *r = list_pop(&w->results);
    pthread_mutex_unlock(&w->lock);
    return r;
}

/* Reset before looking: what is finished after that makes it readable again. */
void workers_results(struct workers *w, void (*done)(void *ctx, struct work *r, int status))
{
    uint64_t count;
    if (read(w->event, &count, sizeof(count)) < 0) {
        /* not readable: nothing new, or drained */
    }
    for (struct work *r; (r = pop_result(w));)
        done(w->ctx, r, r->status);
}

static bool wait_for_results(struct workers *w)
{
    pthread_mutex_lock(&w->lock);
    while (w->under_way)
        pthread_cond_wait(&w->idle, &w->lock);
    bool any = w->results.first != NULL;
    pthread_mutex_unlock(&w->lock);
    return any;
}

void workers_settle(struct workers *w, void (*done)(void *ctx, struct work *r, int status))
{
    while (wait_for_results(w))
        workers_results(w, done);
}

void workers_drain(struct workers *w, void (*done)(void *ctx, struct work *r, int status))
{
    stop(w);
    workers_results(w, done);
}
