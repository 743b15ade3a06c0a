// SPDX-License-Identifier: GPL-2.0-or-later
/* net_poll: see net_poll.h. A table by descriptor tells what epoll watches and where the list has it. */
#include "host/net_poll.h"

#include <string.h>
#include <sys/epoll.h>

#define BATCH 64

struct entry {
    uint32_t watched; /* events that epoll watches; 0: not in the set */
    unsigned turn;    /* last turn that listed it */
    int index;        /* in list, that turn */
};

struct listed {
    int fd; /* -1: forgotten since */
    uint32_t events, collected;
};

struct net_poll {
    struct loop *loop;
    void (*ready)(void *ctx);
    void *ctx;
    int epoll;
    bool watched, paused;
    unsigned turn;
    struct entry *table; /* by descriptor */
    int nr_table;
    struct listed *list;
    int nr, cap;
    int *before; /* descriptors of the turn before */
    int nr_before, cap_before;
};

static void on_ready(void *ctx, int fd, uint32_t events)
{
    struct net_poll *p = ctx;
    (void)fd, (void)events;
    p->ready(p->ctx);
}

int net_poll_new(struct loop *l, void (*ready)(void *ctx), void *ctx, struct net_poll **ret, struct err *e)
{
    OWN(net_poll) p = calloc(1, sizeof(*p));
    if (!p)
        return err_code(e, -ENOMEM, "network");
    p->loop = l;
    p->ready = ready;
    p->ctx = ctx;
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll < 0)
        return err_sys(e, "network");
    int rc = loop_watch(l, p->epoll, EPOLLIN, on_ready, p, e);
    if (rc < 0)
        return rc;
    p->watched = true;
    *ret = take(p);
    return 0;
}

void net_poll_free(struct net_poll *p)
{
    if (!p)
        return;
    if (p->watched)
        loop_unwatch(p->loop, p->epoll);
    if (p->epoll >= 0)
        close(p->epoll);
    free(p->table);
    free(p->list);
    free(p->before);
    free(p);
}

int net_poll_after_fork(struct net_poll *p, struct err *e)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "network");
    loop_unwatch(p->loop, p->epoll);
    close(p->epoll);
    p->epoll = fd;
    p->paused = false;
    p->nr = 0;
    if (p->nr_table)
        memset(p->table, 0, (size_t)p->nr_table * sizeof(*p->table));
    p->turn = 0;
    return loop_watch(p->loop, p->epoll, EPOLLIN, on_ready, p, e);
}

/* ---- the list of a turn ---- */

static bool fits(void **mem, int *cap, int want, size_t size)
{
    if (want <= *cap)
        return true;
    int more = *cap ? *cap : 16;
    while (more < want)
        more *= 2;
    void *larger = realloc(*mem, (size_t)more * size);
    if (!larger)
        return false;
    memset((char *)larger + (size_t)*cap * size, 0, (size_t)(more - *cap) * size);
    *mem = larger;
    *cap = more;
    return true;
}

void net_poll_begin(struct net_poll *p)
{
    p->nr_before = 0;
    if (fits((void **)&p->before, &p->cap_before, p->nr, sizeof(*p->before)))
        for (int i = 0; i < p->nr; i++)
            p->before[p->nr_before++] = p->list[i].fd;
    p->nr = 0;
    p->turn++;
}

int net_poll_add(struct net_poll *p, int fd, uint32_t events)
{
    if (fd < 0 || !fits((void **)&p->table, &p->nr_table, fd + 1, sizeof(*p->table)) ||
        !fits((void **)&p->list, &p->cap, p->nr + 1, sizeof(*p->list)))
        return -1;
    struct entry *t = &p->table[fd];
    if (t->turn == p->turn) {
        p->list[t->index].events |= events;
        return t->index;
    }
    t->turn = p->turn;
    t->index = p->nr;
    p->list[p->nr] = (struct listed){.fd = fd, .events = events};
    return p->nr++;
}

static void unwatch(struct net_poll *p, int fd)
{
    if (fd < 0 || fd >= p->nr_table || !p->table[fd].watched)
        return;
    epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
    p->table[fd].watched = 0;
}

static void watch(struct net_poll *p, const struct listed *l)
{
    struct entry *t = &p->table[l->fd];
    if (t->watched == l->events)
        return;
    struct epoll_event ev = {.events = l->events, .data.fd = l->fd};
    if (epoll_ctl(p->epoll, t->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, l->fd, &ev) == 0)
        t->watched = l->events;
}

void net_poll_end(struct net_poll *p)
{
    for (int i = 0; i < p->nr_before; i++)
        if (p->before[i] >= 0 && p->table[p->before[i]].turn != p->turn)
            unwatch(p, p->before[i]);
    for (int i = 0; i < p->nr; i++)
        watch(p, &p->list[i]);
}

void net_poll_forget(struct net_poll *p, int fd)
{
    int keep = errno;
    unwatch(p, fd);
    if (fd >= 0 && fd < p->nr_table && p->table[fd].turn == p->turn) {
        p->list[p->table[fd].index].fd = -1;
        p->table[fd].turn = 0;
    }
    errno = keep;
}

/* ---- what happened ---- */

void net_poll_collect(struct net_poll *p)
{
    struct epoll_event events[BATCH];
    for (int i = 0; i < p->nr; i++)
        p->list[i].collected = 0;
    int n = epoll_wait(p->epoll, events, BATCH, 0);
    for (int i = 0; i < n; i++) {
        const struct entry *t = &p->table[events[i].data.fd];
        if (t->turn == p->turn)
            p->list[t->index].collected = events[i].events;
    }
}

uint32_t net_poll_events(const struct net_poll *p, int index)
{
    return index >= 0 && index < p->nr && p->list[index].fd >= 0 ? p->list[index].collected : 0;
}

void net_poll_pause(struct net_poll *p, bool pause)
{
    if (p->paused == pause)
        return;
    p->paused = pause;
    loop_rewatch(p->loop, p->epoll, pause ? 0 : EPOLLIN);
}
