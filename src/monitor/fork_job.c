// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fork_job: see fork_job.h.
 *
 * The fork itself happens in a timer that is due at once, so that the child comes back into the loop and not
 * into the middle of a client's request. Children report in one write each, which a pipe keeps whole.
 */
#include "monitor/fork_job.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "monitor/instant.h"

struct fork_child {
    struct fork_job *job;
    pid_t pid;
    int fd;
    bool up; /* it has reported */
    unsigned number;
    struct fork_child *next;
};

struct report {
    unsigned number;
    int code; /* 0: it is up */
    uint64_t first_ns;
    char text[400];
};
_Static_assert(sizeof(struct report) <= PIPE_BUF, "written in one piece");

/* ---- guests in the making ---- */

static void free_new(struct fork_new *n, bool remove)
{
    if (n->dir && n->dir->lock >= 0 && remove)
        guest_dir_remove(n->dir, NULL);
    guest_dir_free(take(n->dir));
    free(take(n->config));
}

static void free_news(struct fork_job *j, bool remove)
{
    for (unsigned i = 0; i < j->nr; i++)
        free_new(&j->news[i], remove);
    free(take(j->news));
    j->nr = 0;
}

/* Ports are the original's; so is a name that was given to it. */
static int make_new(struct fork_job *j, const char *name, struct fork_new *n, struct err *e)
{
    n->config = malloc(sizeof(*n->config));
    if (!n->config)
        return err_code(e, -ENOMEM, "fork");
    *n->config = *j->config;
    n->config->name = name;
    n->config->hostname = NULL;
    n->config->nr_forwards = 0;
    int rc = guest_dir_create_quickly(n->config, &n->dir, e);
    if (rc < 0)
        return rc;
    n->config->name = n->dir->name;
    return 0;
}

static int make_all(struct fork_job *j, const json_t *names, bool keep, bool paused, struct err *e)
{
    size_t nr = json_array_size(names);
    if (nr < 1 || nr > FORK_MAX)
        return err_set(e, -EINVAL, "%zu forks at once: between 1 and %d are possible", nr, FORK_MAX);
    j->news = calloc(nr, sizeof(*j->news));
    if (!j->news)
        return err_code(e, -ENOMEM, "fork");
    for (; j->nr < nr; j->nr++) {
        struct fork_new *n = &j->news[j->nr];
        *n = (struct fork_new){.disk = -1, .keep_identity = keep, .paused = paused};
        int rc = make_new(j, json_string_value(json_array_get(names, j->nr)), n, e);
        if (rc < 0) {
            free_new(n, true);
            return rc;
        }
    }
    return 0;
}

/* ---- the end of a request ---- */

static void kill_children(struct fork_job *j)
{
    for (struct fork_child *c = j->children; c; c = c->next)
        if (c->number < UINT32_MAX)
            kill(c->pid, SIGKILL);
}

static void forget_numbers(struct fork_job *j)
{
    for (struct fork_child *c = j->children; c; c = c->next)
        c->number = UINT32_MAX;
}

/* Children that did not come up hold the lock of their guest: they are gone before it is removed. */
static void remove_failed(struct fork_job *j)
{
    kill_children(j);
    for (struct fork_child *c = j->children; c; c = c->next)
        if (c->number < UINT32_MAX)
            waitid(P_PID, (id_t)c->pid, NULL, WEXITED | WNOWAIT);
    free_news(j, true);
}

static void end(struct fork_job *j)
{
    struct conn *conn = take(j->conn);
    if (j->trouble.code)
        remove_failed(j);
    else
        free_news(j, false);
    forget_numbers(j);
    loop_unwatch(j->loop, j->from);
    own_fd(&j->from);
    j->from = -1;
    j->busy = false;
    OWN(json_t) guests = take(j->guests);
    if (!conn)
        return;
    if (j->trouble.code)
        conn_error(conn, &j->trouble);
    else
        conn_reply(conn, json_pack("{s:O, s:I}", "guests", guests, "pause_ns", (json_int_t)j->pause_ns));
    conn_finish(conn);
}

static struct fork_child *child_of(struct fork_job *j, unsigned number)
{
    struct fork_child *c = j->children;
    while (c && c->number != number)
        c = c->next;
    return c;
}

static void hear(struct fork_job *j, const struct report *r)
{
    struct fork_child *c = child_of(j, r->number);
    if (!c || c->up)
        return;
    c->up = true;
    j->reported++;
    if (r->code && !j->trouble.code)
        err_set(&j->trouble, r->code, "%.*s", (int)sizeof(r->text) - 1, r->text);
    json_array_set_new(j->guests, r->number,
                       json_pack("{s:s, s:i, s:I}", "name", j->news[r->number].dir->name, "pid", (int)c->pid,
                                 "first_ns", (json_int_t)r->first_ns));
}

static void on_report(void *ctx, int fd, uint32_t events)
{
    struct fork_job *j = ctx;
    struct report r;
    ssize_t n;
    (void)events;
    while ((n = read(fd, &r, sizeof(r))) == (ssize_t)sizeof(r))
        hear(j, &r);
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && j->reported < j->nr)
        return;
    if (j->reported < j->nr && !j->trouble.code)
        err_set(&j->trouble, -EPIPE, "a fork died before it was up");
    end(j);
}

/* ---- children ---- */

static void on_gone(void *ctx, int fd, uint32_t events)
{
    struct fork_child *c = ctx;
    (void)events;
    if (waitpid(c->pid, NULL, WNOHANG) == 0)
        return;
    loop_unwatch(c->job->loop, fd);
    close(fd);
    struct fork_child **p = &c->job->children;
    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
    free(c);
}

static void add_child(struct fork_job *j, pid_t pid, unsigned number)
{
    struct fork_child *c = calloc(1, sizeof(*c));
    BUG_ON(!c);
    *c = (struct fork_child){.job = j, .pid = pid, .number = number, .next = j->children};
    j->children = c;
    c->fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (c->fd < 0 || loop_watch(j->loop, c->fd, EPOLLIN, on_gone, c, NULL) < 0)
        log_warn("the end of fork %d will not be noticed: %s", (int)pid, strerror(errno));
}

/* The other process' affairs. */
static void abandon(struct fork_job *j)
{
    while (j->children) {
        struct fork_child *c = j->children;
        j->children = c->next;
        loop_unwatch(j->loop, c->fd);
        own_fd(&c->fd);
        free(c);
    }
    json_decref(take(j->guests));
    if (j->from >= 0)
        loop_unwatch(j->loop, j->from);
    own_fd(&j->from);
    own_fd(&j->to);
    j->from = j->to = -1;
    j->conn = NULL;
    j->busy = false;
}

static void say(int fd, unsigned number, const struct err *e, uint64_t first_ns)
{
    struct report r = {.number = number, .code = e ? e->code : 0, .first_ns = first_ns};
    snprintf(r.text, sizeof(r.text), "%.*s", (int)sizeof(r.text) - 1, e ? e->text : "");
    if (write(fd, &r, sizeof(r)) < 0)
        log_warn("nobody hears that this fork is up");
}

/* Many copies that ran at once would be in the way of those that are still to be made. */
static void wait_for_all(struct fork_job *j)
{
    char none;
    own_fd(&j->gate[1]);
    while (j->gate[0] >= 0 && read(j->gate[0], &none, 1) < 0 && errno == EINTR)
        ;
    own_fd(&j->gate[0]);
    j->gate[0] = j->gate[1] = -1;
}

static int be_child(struct fork_job *j, unsigned number, int disk)
{
    struct fork_new mine = j->news[number];
    OWN_FD to = take_fd(&j->to);
    wait_for_all(j);
    struct err e;
    uint64_t first_ns = 0, asked_ns = j->asked_ns;
    mine.disk = disk;
    setsid();
    int rc = loop_after_fork(j->loop, &e);
    for (unsigned i = 0; i < j->nr; i++)
        if (i != number)
            free_new(&j->news[i], false);
    free(take(j->news));
    j->nr = 0;
    if (rc == 0) {
        abandon(j);
        rc = j->become(j->ctx, &mine, &first_ns, &e);
    }
    say(to, number, rc < 0 ? &e : NULL, first_ns - asked_ns);
    if (rc < 0)
        _exit(1); /* the original removes what there is of the guest */
    return 0;
}

static int copied(void *ctx, unsigned number, pid_t pid, int disk)
{
    struct fork_job *j = ctx;
    if (pid == 0)
        return be_child(j, number, disk);
    add_child(j, pid, number);
    return 0;
}

static void go(void *ctx)
{
    struct fork_job *j = ctx;
    const pid_t me = getpid();
    unsigned made = 0;
    uint64_t pause_ns = 0;
    struct err e;
    if (j->nr > 1 && pipe2(j->gate, O_CLOEXEC) < 0)
        j->gate[0] = j->gate[1] = -1;
    int rc = instant_many(j->parts, j->nr, copied, j, &made, &pause_ns, &e);
    if (getpid() != me)
        return; /* a new guest's monitor, back in its loop */
    j->pause_ns = pause_ns;
    own_fd(&j->to);
    own_fd(&j->gate[0]);
    own_fd(&j->gate[1]); /* they go on */
    j->to = j->gate[0] = j->gate[1] = -1;
    if (rc < 0) {
        j->trouble = e;
        end(j);
    }
}

/* ---- requests ---- */

static bool ignore(void *ctx, const struct frame *f)
{
    (void)ctx, (void)f;
    return true;
}

static void client_gone(void *ctx)
{
    struct fork_job *j = ctx;
    j->conn = NULL; /* it is finished all the same */
}

static const struct conn_ops conn_ops = {.frame = ignore, .closed = client_gone};

static int open_pipe(struct fork_job *j, struct err *e)
{
    int p[2];
    if (pipe2(p, O_CLOEXEC) < 0)
        return err_sys(e, "fork");
    j->from = p[0];
    j->to = p[1];
    fcntl(j->from, F_SETFL, O_NONBLOCK);
    return loop_watch(j->loop, j->from, EPOLLIN, on_report, j, e);
}

static int prepare(struct fork_job *j, const json_t *request, bool paused, struct err *e)
{
    bool keep;
    int rc = json_opt_bool((json_t *)(uintptr_t)request, "keep_identity", false, &keep, e);
    if (rc < 0 || (rc = make_all(j, json_object_get(request, "names"), keep, paused, e)) < 0)
        return rc;
    j->guests = json_deep_copy(json_object_get(request, "names")); /* as many, to be replaced one by one */
    return j->guests ? open_pipe(j, e) : err_code(e, -ENOMEM, "fork");
}

int fork_job_start(struct fork_job *j, struct conn *c, const json_t *request, bool paused, struct err *e)
{
    if (j->busy)
        return err_set(e, -EBUSY, "it is being forked already");
    if (j->parts->share)
        return err_set(e, -EOPNOTSUPP, "it shares folders with the host and cannot be forked");
    j->asked_ns = loop_now_ns();
    j->reported = 0;
    j->trouble = (struct err){0};
    int rc = prepare(j, request, paused, e);
    if (rc < 0) {
        free_news(j, true);
        json_decref(take(j->guests));
        own_fd(&j->from);
        own_fd(&j->to);
        j->from = j->to = -1;
        return rc;
    }
    j->busy = true;
    j->conn = c;
    conn_attach(c, &conn_ops, j);
    loop_timer_arm(&j->go, 0);
    return 0;
}

void fork_job_init(struct fork_job *j, struct loop *loop, struct parts *p, const struct guest_config *c,
                   int (*become)(void *ctx, struct fork_new *n, uint64_t *ret_first_ns, struct err *e),
                   void *ctx)
{
    *j = (struct fork_job){.loop = loop,
                           .parts = p,
                           .config = c,
                           .become = become,
                           .ctx = ctx,
                           .from = -1,
                           .to = -1,
                           .gate = {-1, -1}};
    loop_timer_init(&j->go, loop, go, j);
}

void fork_job_fini(struct fork_job *j)
{
    loop_timer_stop(&j->go);
    if (j->busy && !j->trouble.code)
        err_set(&j->trouble, -EPIPE, "the guest ended");
    if (j->busy)
        end(j);
    abandon(j);
}
