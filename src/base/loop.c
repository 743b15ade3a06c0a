// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * loop: epoll for descriptors, a binary heap for timers, an eventfd for calls from other threads.
 *
 * Timers: the heap is guarded by the loop's lock (the callers hold it); the nearest deadline is what
 * epoll_pwait2 sleeps for. A vCPU thread that arms a nearer one sets a timerfd of the loop's, so that the
 * loop wakes when it is due and not before: guests arm timers all the time. Watches: an unwatched entry stays
 * allocated until the batch of events that may still name it is done.
 */
#include "base/loop.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

struct watch {
    int fd;
    uint32_t events;
    bool dead;
    loop_fd_fn *fn;
    void *ctx;
    struct watch *next;
};

struct call {
    void (*fn)(void *ctx);
    void *ctx;
    struct call *next;
};

struct loop {
    pthread_mutex_t *lock;
    int epoll, wake, alarm;
    bool renewed; /* the events at hand are those of another process */
    bool stop;
    _Atomic uint64_t sleeping_until; /* 0: awake, it will look at the heap by itself */
    struct watch *watches, *graveyard;
    struct loop_timer **heap;
    unsigned nr_timers, cap_timers;
    pthread_mutex_t post_lock;
    struct call *calls, **calls_tail;
};

#define NOT_ARMED UINT32_MAX

static int open_all(struct loop *l, struct err *e)
{
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (l->epoll < 0 || l->wake < 0 || l->alarm < 0)
        return err_sys(e, "event loop");
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &l->wake},
                       due = {.events = EPOLLIN, .data.ptr = &l->alarm};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake, &ev) < 0 ||
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->alarm, &due) < 0)
        return err_sys(e, "event loop");
    return 0;
}

int loop_new(pthread_mutex_t *lock, struct loop **ret, struct err *e)
{
    OWN(loop) l = calloc(1, sizeof(*l));
    if (!l)
        return err_code(e, -ENOMEM, "event loop");
    l->lock = lock;
    l->epoll = l->wake = l->alarm = -1;
    l->calls_tail = &l->calls;
    pthread_mutex_init(&l->post_lock, NULL);
    int rc = open_all(l, e);
    if (rc < 0)
        return rc;
    *ret = take(l);
    return 0;
}

static void bury(struct watch **list)
{
    while (*list) {
        struct watch *w = *list;
        *list = w->next;
        free(w);
    }
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    bury(&l->watches);
    bury(&l->graveyard);
    while (l->calls) {
        struct call *c = l->calls;
        l->calls = c->next;
        free(c);
    }
    for (unsigned i = 0; i < l->nr_timers; i++)
        l->heap[i]->slot = NOT_ARMED;
    free(l->heap);
    if (l->epoll >= 0)
        close(l->epoll);
    if (l->wake >= 0)
        close(l->wake);
    if (l->alarm >= 0)
        close(l->alarm);
    pthread_mutex_destroy(&l->post_lock);
    free(l);
}

static void wake_up(struct loop *l)
{
    uint64_t one = 1;
    if (write(l->wake, &one, sizeof(one)) < 0) {
        /* EAGAIN: the counter is full, so it is awake anyway */
    }
}

/* ---- descriptors ---- */

static struct watch *find(struct loop *l, int fd)
{
    for (struct watch *w = l->watches; w; w = w->next)
        if (w->fd == fd)
            return w;
    return NULL;
}

int loop_watch(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *ctx, struct err *e)
{
    struct watch *w = calloc(1, sizeof(*w));
    if (!w)
        return err_code(e, -ENOMEM, "watch a descriptor");
    *w = (struct watch){.fd = fd, .events = events, .fn = fn, .ctx = ctx, .next = l->watches};
    struct epoll_event ev = {.events = events, .data.ptr = w};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
        int code = -errno;
        free(w);
        return err_code(e, code, "watch descriptor %d", fd);
    }
    l->watches = w;
    return 0;
}

int loop_rewatch(struct loop *l, int fd, uint32_t events)
{
    struct watch *w = find(l, fd);
    if (!w)
        return -ENOENT;
    struct epoll_event ev = {.events = events, .data.ptr = w};
    w->events = events;
    return epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &ev) < 0 ? -errno : 0;
}

void loop_unwatch(struct loop *l, int fd)
{
    for (struct watch **p = &l->watches; *p; p = &(*p)->next) {
        struct watch *w = *p;
        if (w->fd != fd)
            continue;
        epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
        w->dead = true;
        *p = w->next;
        w->next = l->graveyard;
        l->graveyard = w;
        return;
    }
}

/* ---- after a fork ---- */

/* An epoll is shared by a fork, and closing a descriptor here would not take it out: so it is left alone. */
int loop_after_fork(struct loop *l, struct err *e)
{
    close(l->epoll);
    close(l->wake);
    close(l->alarm);
    pthread_mutex_init(&l->post_lock, NULL);
    l->renewed = true;
    int rc = open_all(l, e);
    for (struct watch *w = l->watches; w && rc == 0; w = w->next) {
        struct epoll_event ev = {.events = w->events, .data.ptr = w};
        if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, w->fd, &ev) < 0)
            rc = err_sys(e, "watch descriptor %d", w->fd);
    }
    wake_up(l); /* calls that were posted are still to come */
    return rc;
}

/* ---- timers: a binary heap, each timer knows its slot ---- */

static void place(struct loop *l, struct loop_timer *t, unsigned slot)
{
    l->heap[slot] = t;
    t->slot = slot;
}

static void sift_up(struct loop *l, struct loop_timer *t, unsigned slot)
{
    while (slot > 0) {
        unsigned up = (slot - 1) / 2;
        if (l->heap[up]->deadline_ns <= t->deadline_ns)
            break;
        place(l, l->heap[up], slot);
        slot = up;
    }
    place(l, t, slot);
}

static void sift_down(struct loop *l, struct loop_timer *t, unsigned slot)
{
    for (;;) {
        unsigned down = 2 * slot + 1;
        if (down + 1 < l->nr_timers && l->heap[down + 1]->deadline_ns < l->heap[down]->deadline_ns)
            down++;
        if (down >= l->nr_timers || l->heap[down]->deadline_ns >= t->deadline_ns)
            break;
        place(l, l->heap[down], slot);
        slot = down;
    }
    place(l, t, slot);
}

void loop_timer_init(struct loop_timer *t, struct loop *l, void (*fire)(void *ctx), void *ctx)
{
    *t = (struct loop_timer){
        .loop = l, .fire = fire, .ctx = ctx, .deadline_ns = UINT64_MAX, .slot = NOT_ARMED};
}

void loop_timer_stop(struct loop_timer *t)
{
    struct loop *l = t->loop;
    t->deadline_ns = UINT64_MAX;
    if (t->slot == NOT_ARMED)
        return;
    unsigned slot = t->slot;
    t->slot = NOT_ARMED;
    struct loop_timer *last = l->heap[--l->nr_timers];
    if (last == t)
        return;
    sift_down(l, last, slot);
    sift_up(l, last, last->slot);
}

void loop_timer_arm(struct loop_timer *t, uint64_t deadline_ns)
{
    struct loop *l = t->loop;
    loop_timer_stop(t);
    t->deadline_ns = deadline_ns;
    if (l->nr_timers == l->cap_timers) {
        unsigned cap = l->cap_timers ? 2 * l->cap_timers : 32;
        struct loop_timer **heap = realloc(l->heap, cap * sizeof(*heap));
        BUG_ON(!heap);
        l->heap = heap;
        l->cap_timers = cap;
    }
    sift_up(l, t, l->nr_timers++);
    if (deadline_ns >= atomic_load(&l->sleeping_until))
        return;
    struct itimerspec when = {.it_value = {
                                  .tv_sec = (time_t)(deadline_ns / 1000000000u),
                                  .tv_nsec = (long)(deadline_ns % 1000000000u),
                              }};
    if (deadline_ns && timerfd_settime(l->alarm, TFD_TIMER_ABSTIME, &when, NULL) == 0)
        atomic_store(&l->sleeping_until, deadline_ns);
    else
        wake_up(l);
}

uint64_t loop_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void fire_due(struct loop *l)
{
    uint64_t now = loop_now_ns();
    while (l->nr_timers && l->heap[0]->deadline_ns <= now && !l->stop) {
        struct loop_timer *t = l->heap[0];
        loop_timer_stop(t);
        t->fire(t->ctx);
    }
}

/* ---- calls from other threads ---- */

int loop_post(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
    struct call *c = malloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    *c = (struct call){.fn = fn, .ctx = ctx};
    pthread_mutex_lock(&l->post_lock);
    *l->calls_tail = c;
    l->calls_tail = &c->next;
    pthread_mutex_unlock(&l->post_lock);
    wake_up(l);
    return 0;
}

static void run_calls(struct loop *l)
{
    pthread_mutex_lock(&l->post_lock);
    struct call *c = l->calls;
    l->calls = NULL;
    l->calls_tail = &l->calls;
    pthread_mutex_unlock(&l->post_lock);
    while (c) {
        struct call *next = c->next;
        c->fn(c->ctx);
        free(c);
        c = next;
    }
}

static void stop_now(void *ctx)
{
    struct loop *l = ctx;
    l->stop = true;
}

void loop_stop(struct loop *l)
{
    while (loop_post(l, stop_now, l) < 0)
        ; /* a few bytes that have to come */
}

/* ---- run ---- */

/* Sleep until something is due. sleeping_until is set while the lock is still held, so that who arms a
 * nearer timer afterwards sees it and wakes us; the eventfd keeps a wake-up that comes before the sleep. */
static int wait_events(struct loop *l, struct epoll_event *events, int max)
{
    struct timespec ts, *timeout = NULL;
    uint64_t until = l->nr_timers ? l->heap[0]->deadline_ns : UINT64_MAX;
    if (until != UINT64_MAX) {
        uint64_t now = loop_now_ns();
        uint64_t left = until > now ? until - now : 0;
        ts = (struct timespec){.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
        timeout = &ts;
    }
    atomic_store(&l->sleeping_until, until);
    pthread_mutex_unlock(l->lock);
    int n = epoll_pwait2(l->epoll, events, max, timeout, NULL);
    pthread_mutex_lock(l->lock);
    atomic_store(&l->sleeping_until, 0);
    return n;
}

static void drain(int fd)
{
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0) {
        /* it is empty, or set anew, already */
    }
}

int loop_run(struct loop *l, struct err *e)
{
    pthread_mutex_lock(l->lock);
    l->stop = false;
    while (!l->stop) {
        struct epoll_event events[32];
        int n = wait_events(l, events, 32);
        if (n < 0 && errno != EINTR) {
            int code = -errno;
            pthread_mutex_unlock(l->lock);
            return err_code(e, code, "wait for events");
        }
        fire_due(l);
        for (int i = 0; i < n && !l->stop && !l->renewed; i++) {
            struct watch *w = events[i].data.ptr;
            if (events[i].data.ptr == &l->wake) {
                drain(l->wake);
                run_calls(l);
            } else if (events[i].data.ptr == &l->alarm) {
                drain(l->alarm);
            } else if (!w->dead) {
                w->fn(w->ctx, w->fd, events[i].events);
            }
        }
        l->renewed = false;
        bury(&l->graveyard);
    }
    pthread_mutex_unlock(l->lock);
    return 0;
}
