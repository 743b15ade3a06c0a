// SPDX-License-Identifier: GPL-2.0-or-later
/* streams: see streams.h. */
#include "monitor/streams.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define AGAIN_NS 10000000u /* the console took not all: its turn comes soon */

struct output {
    struct streams *s;
    enum frame_type type;
    int fd;           /* -1: at its end */
    bool sent;        /* the client has what waits */
    bool paused;      /* it is not read just now; a hang-up is told once then, not all the time */
    size_t len, said; /* what waits; how much of it the console has */
    char data[FRAME_MAX];
};

struct streams {
    struct streams_config c;
    struct output out, err;
    int in, pidfd;
    size_t taken; /* of the STDIN frame that waits */
    struct conn *conn;
    struct loop_timer again;
    int status; /* -1: it runs */
    bool over;  /* ended was called */
};

static void finish(struct streams *s);

static void close_fd(struct streams *s, int *fd)
{
    if (*fd < 0)
        return;
    loop_unwatch(s->c.loop, *fd);
    close(*fd);
    *fd = -1;
}

void streams_free(struct streams *s)
{
    if (!s)
        return;
    close_fd(s, &s->out.fd);
    close_fd(s, &s->err.fd);
    close_fd(s, &s->in);
    close_fd(s, &s->pidfd);
    loop_timer_stop(&s->again);
    if (s->conn)
        conn_finish(s->conn);
    free(s);
}

/* ---- what it writes ---- */

/* True: nothing waits any more. */
static bool deliver(struct output *o)
{
    struct streams *s = o->s;
    if (!o->sent && (!s->conn || conn_send(s->conn, o->type, o->data, (uint32_t)o->len)))
        o->sent = true;
    if (s->c.console && o->said < o->len)
        o->said += console_say(s->c.console, o->data + o->said, o->len - o->said);
    if (s->c.console && o->said < o->len)
        loop_timer_arm(&s->again, loop_now_ns() + AGAIN_NS);
    if (!o->sent || (s->c.console && o->said < o->len))
        return false;
    o->len = o->said = 0;
    return true;
}

static void set_paused(struct output *o, bool paused)
{
    if (o->paused == paused)
        return;
    o->paused = paused;
    loop_rewatch(o->s->c.loop, o->fd, paused ? EPOLLET : EPOLLIN);
}

/* Until there is nothing to read, or nobody to take it. After the process' end nothing more will come. */
static void pass(struct output *o)
{
    struct streams *s = o->s;
    while (o->fd >= 0) {
        if (o->len && !deliver(o)) {
            set_paused(o, true);
            return;
        }
        ssize_t n = read(o->fd, o->data, sizeof(o->data));
        if (n > 0) {
            o->len = (size_t)n;
            o->said = 0;
            o->sent = false;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && s->status < 0) {
            set_paused(o, false);
            return;
        }
        close_fd(s, &o->fd);
    }
}

static void pass_all(struct streams *s)
{
    pass(&s->out);
    pass(&s->err);
    finish(s);
}

static void readable(void *ctx, int fd, uint32_t events)
{
    (void)fd, (void)events;
    struct output *o = ctx;
    if (o->s->c.held)
        return;
    pass(o);
    finish(o->s);
}

static void again(void *ctx)
{
    pass_all(ctx);
}

void streams_more(struct streams *s)
{
    if (!s->c.held)
        pass_all(s);
}

/* ---- its end ---- */

/* False: no room for it just now. */
static bool tell_exit(struct streams *s, int status)
{
    uint8_t exit[FRAME_HEADER + 4];
    struct frame f;
    frame_put_exit(exit, status);
    frame_parse(exit, sizeof(exit), &f);
    if (!conn_send(s->conn, FRAME_EXIT, f.payload, f.len))
        return false;
    conn_finish(take(s->conn));
    return true;
}

static void finish(struct streams *s)
{
    if (s->status < 0 || s->out.fd >= 0 || s->err.fd >= 0 || s->c.held || s->over)
        return;
    if (s->conn && !s->c.told_later && !tell_exit(s, s->status))
        return;
    s->over = true;
    close_fd(s, &s->in);
    s->c.ended(s->c.ctx, s, s->status);
}

void streams_fail(struct streams *s, int status)
{
    if (s && s->conn) /* none while it waits to run again */
        tell_exit(s, status);
}

static void died(void *ctx, int fd, uint32_t events)
{
    (void)events;
    struct streams *s = ctx;
    siginfo_t i = {0};
    if (waitid(P_PIDFD, (id_t)fd, &i, WEXITED | WNOHANG) < 0 || i.si_pid == 0)
        return;
    s->status = i.si_code == CLD_EXITED ? i.si_status : 128 + i.si_status;
    close_fd(s, &s->pidfd);
    if (!s->c.held)
        pass_all(s);
}

/* ---- what it reads ---- */

/* A reader that is gone swallows all, as the end of a pipe would if nobody minded. */
static size_t put(struct streams *s, const uint8_t *data, size_t len)
{
    size_t done = 0;
    while (s->in >= 0 && done < len) {
        ssize_t n = write(s->in, data + done, len - done);
        if (n < 0 && errno == EAGAIN)
            return done;
        if (n < 0 && errno != EINTR) {
            if (!s->c.tty)
                close_fd(s, &s->in);
            return len;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return len;
}

size_t streams_input(struct streams *s, const void *data, size_t len)
{
    return put(s, data, len);
}

static void writable(void *ctx, int fd, uint32_t events)
{
    (void)fd, (void)events;
    struct streams *s = ctx;
    if (s->conn)
        conn_more(s->conn);
}

void streams_resize(struct streams *s, unsigned cols, unsigned rows)
{
    const struct winsize w = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
    if (s->c.tty && s->out.fd >= 0)
        (void)ioctl(s->out.fd, TIOCSWINSZ, &w);
}

static bool input(struct streams *s, const struct frame *f)
{
    if (f->len == 0) {
        if (!s->c.tty)
            close_fd(s, &s->in);
        return true;
    }
    s->taken += put(s, f->payload + s->taken, f->len - s->taken);
    if (s->taken < f->len)
        return false; /* writable makes it come again */
    s->taken = 0;
    return true;
}

/* ---- the client ---- */

static bool from_client(void *ctx, const struct frame *f)
{
    struct streams *s = ctx;
    uint16_t cols, rows;
    uint8_t number;
    if (f->type == FRAME_STDIN)
        return input(s, f);
    if (frame_get_resize(f, &cols, &rows))
        streams_resize(s, cols, rows);
    else if (frame_get_signal(f, &number) && s->status < 0)
        s->c.signal(s->c.ctx, number);
    return true;
}

static void client_has_room(void *ctx)
{
    pass_all(ctx);
}

/* What it writes goes on to the console, or nowhere; its input is at its end. */
static void client_closed(void *ctx)
{
    struct streams *s = ctx;
    s->conn = NULL;
    s->taken = 0;
    if (!s->c.tty)
        close_fd(s, &s->in);
    pass_all(s);
}

static const struct conn_ops conn_ops = {from_client, client_has_room, client_closed};

int streams_attach(struct streams *s, struct conn *c, struct err *e)
{
    if (s->conn)
        return err_set(e, -EBUSY, "somebody is attached to it already");
    s->conn = c;
    s->c.held = false;
    conn_attach(c, &conn_ops, s);
    conn_ok(c);
    loop_timer_arm(&s->again, loop_now_ns()); /* not from inside the caller's call */
    return 0;
}

bool streams_attached(const struct streams *s)
{
    return s->conn != NULL;
}

/* ---- */

static int watch(struct streams *s, struct err *e)
{
    struct loop *l = s->c.loop;
    uint32_t reads = s->c.held ? EPOLLET : EPOLLIN;
    s->out.paused = s->err.paused = s->c.held;
    int rc = loop_watch(l, s->pidfd, EPOLLIN, died, s, e);
    if (rc == 0 && s->in >= 0)
        rc = loop_watch(l, s->in, EPOLLOUT | EPOLLET, writable, s, e);
    if (rc == 0)
        rc = loop_watch(l, s->out.fd, reads, readable, &s->out, e);
    if (rc == 0 && s->err.fd >= 0)
        rc = loop_watch(l, s->err.fd, reads, readable, &s->err, e);
    return rc;
}

int streams_new(const struct streams_config *c, struct streams **ret, struct err *e)
{
    struct streams *s = calloc(1, sizeof(*s));
    if (!s) {
        own_fd(&c->fd.in), own_fd(&c->fd.out), own_fd(&c->fd.err);
        return err_code(e, -ENOMEM, "streams");
    }
    s->c = *c;
    s->status = -1;
    s->in = c->fd.in;
    s->out.s = s->err.s = s;
    s->out.fd = c->fd.out;
    s->out.type = FRAME_STDOUT;
    s->err.fd = c->fd.err;
    s->err.type = FRAME_STDERR;
    s->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
    loop_timer_init(&s->again, c->loop, again, s);
    int rc = s->pidfd < 0 ? err_sys(e, "process %d", (int)c->pid) : watch(s, e);
    if (rc < 0)
        streams_free(s);
    else
        *ret = s;
    return rc;
}
