// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control: see control.h.
 *
 * A connection's input holds at most one frame, its output two of the largest; who is full is not read from,
 * or is told to wait.
 */
#include "monitor/control.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/loop.h"
#include "monitor/address.h"

#define IN_MAX     (FRAME_HEADER + FRAME_MAX)
#define OUT_MAX    (2 * (FRAME_HEADER + FRAME_MAX))
#define GOODBYE_MS 500 /* for all clients together, at the end */

struct conn {
    struct control *control;
    struct conn *next;
    int fd;
    struct buf in, out;
    bool stalled;   /* a frame waits for conn_more */
    bool hungry;    /* room is owed */
    bool finishing; /* goes when out is empty */
    const struct conn_ops *ops;
    void *ctx;
};

struct control {
    struct loop *loop;
    int fd;
    control_request_fn *request;
    void *ctx;
    struct conn *conns;
    unsigned nr;
};

/* ---- one connection ---- */

static void unlink_conn(struct conn *c)
{
    for (struct conn **p = &c->control->conns; *p; p = &(*p)->next)
        if (*p == c) {
            *p = c->next;
            break;
        }
    if (c->control->nr-- == CONTROL_CLIENTS)
        loop_rewatch(c->control->loop, c->control->fd, EPOLLIN);
}

static void free_conn(struct conn *c)
{
    unlink_conn(c);
    loop_unwatch(c->control->loop, c->fd);
    close(c->fd);
    buf_fini(&c->in);
    buf_fini(&c->out);
    free(c);
}

/* The client is gone, or is to go. */
static void drop(struct conn *c)
{
    const struct conn_ops *ops = c->ops;
    void *ctx = c->ctx;
    free_conn(c);
    if (ops)
        ops->closed(ctx);
}

static void set_events(struct conn *c)
{
    uint32_t in = c->stalled || c->finishing || c->in.len >= IN_MAX || c->out.len >= OUT_MAX ? 0 : EPOLLIN;
    loop_rewatch(c->control->loop, c->fd, in | (c->out.len ? EPOLLOUT : 0));
}

static void flush(struct conn *c)
{
    while (c->out.len) {
        ssize_t n = send(c->fd, buf_data(&c->out), c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0)
            break; /* an error shows as EPOLLERR or EPOLLHUP */
        buf_consume(&c->out, (size_t)n);
    }
    set_events(c);
}

static void queue(struct conn *c, enum frame_type type, const void *payload, uint32_t len)
{
    uint8_t *room = buf_reserve(&c->out, FRAME_HEADER + (size_t)len);
    if (room)
        buf_commit(&c->out, frame_put(room, type, payload, len));
    flush(c);
}

bool conn_send(struct conn *c, enum frame_type type, const void *payload, uint32_t len)
{
    if (c->out.len + FRAME_HEADER + len > OUT_MAX &&
        type != FRAME_EXIT) { /* the last word, and a short one */
        c->hungry = true;
        return false;
    }
    queue(c, type, payload, len);
    return true;
}

static void send_json(struct conn *c, json_t *j)
{
    OWN_MEM char *text = json_dumps(j, JSON_COMPACT | JSON_PRESERVE_ORDER);
    size_t len = text ? strlen(text) : 0;
    static const char sorry[] = "{\"error\":\"the answer is too long\",\"code\":90}"; /* EMSGSIZE */
    if (text && len <= FRAME_MAX)
        queue(c, FRAME_REPLY, text, (uint32_t)len);
    else
        queue(c, FRAME_REPLY, sorry, sizeof(sorry) - 1);
}

void conn_reply(struct conn *c, json_t *reply)
{
    OWN(json_t) j = reply ? reply : json_object();
    json_object_set_new(j, "ok", json_true());
    send_json(c, j);
}

void conn_ok(struct conn *c)
{
    conn_reply(c, NULL);
}

void conn_error(struct conn *c, const struct err *e)
{
    OWN(json_t) j = json_pack("{s:s+, s:i}", "error", e->text, "", "code", -e->code);
    if (!j) /* text that is not UTF-8 */
        j = json_pack("{s:s, s:i}", "error", "it failed", "code", -e->code);
    send_json(c, j);
}

void conn_attach(struct conn *c, const struct conn_ops *ops, void *ctx)
{
    c->ops = ops;
    c->ctx = ctx;
}

void conn_finish(struct conn *c)
{
    c->ops = NULL;
    c->finishing = true;
    if (c->out.len == 0)
        shutdown(c->fd, SHUT_RDWR); /* the loop sees the end and frees it */
    set_events(c);
}

/* ---- requests ---- */

static int parse(const struct frame *f, json_t **ret, struct err *e)
{
    uint64_t version;
    if (f->type != FRAME_REQUEST)
        return err_set(e, -EPROTO, "a request was expected");
    int rc = json_parse((const char *)f->payload, f->len, "request", ret, e);
    if (rc < 0 || (rc = json_opt_uint(*ret, "version", CONTROL_VERSION, 0, UINT32_MAX, &version, e)) < 0)
        return rc;
    if (version == CONTROL_VERSION)
        return 0;
    return err_set(e, -EPROTO, "this monitor speaks version %d, not %llu: another hospes started it",
                   CONTROL_VERSION, (unsigned long long)version);
}

static bool on_request(struct conn *c, const struct frame *f)
{
    OWN(json_t) request = NULL;
    struct err e;
    if (parse(f, &request, &e) < 0)
        conn_error(c, &e);
    else
        c->control->request(c->control->ctx, c, request);
    return true;
}

/* Frames from the input, until one is not whole or must wait. The frame's bytes stay in place meanwhile. */
static int take_frames(struct conn *c)
{
    c->stalled = false;
    while (!c->finishing && c->out.len < OUT_MAX) {
        struct frame f;
        ssize_t n = frame_parse(buf_data(&c->in), c->in.len, &f);
        if (n <= 0)
            return (int)n;
        if (c->ops ? !c->ops->frame(c->ctx, &f) : !on_request(c, &f)) {
            c->stalled = true;
            return 0;
        }
        buf_consume(&c->in, (size_t)n);
    }
    return 0;
}

void conn_more(struct conn *c)
{
    if (take_frames(c) < 0)
        shutdown(c->fd, SHUT_RDWR);
    set_events(c);
}

/* False: gone. */
static bool receive(struct conn *c)
{
    size_t want = IN_MAX - c->in.len;
    uint8_t *room = buf_reserve(&c->in, want);
    if (!room)
        return false;
    ssize_t n = recv(c->fd, room, want, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    buf_commit(&c->in, (size_t)n);
    return take_frames(c) == 0;
}

static void feed(struct conn *c)
{
    if (!c->hungry || c->out.len > OUT_MAX / 2)
        return;
    c->hungry = false;
    if (c->ops && c->ops->room)
        c->ops->room(c->ctx);
}

static void on_event(void *ctx, int fd, uint32_t events)
{
    struct conn *c = ctx;
    (void)fd;
    if (events & EPOLLOUT)
        flush(c);
    bool there = events & EPOLLIN ? receive(c) : !(events & (EPOLLHUP | EPOLLERR));
    if (!there || (c->finishing && c->out.len == 0)) {
        drop(c);
        return;
    }
    if (events & EPOLLOUT && !c->stalled && c->in.len)
        conn_more(c); /* requests that waited for the answers before them to leave */
    set_events(c);
    feed(c); /* last: it may end the connection */
}

/* ---- the listening socket ---- */

static bool may_talk(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static void add_conn(struct control *ctl, int fd)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (!c || loop_watch(ctl->loop, fd, EPOLLIN, on_event, c, NULL) < 0) {
        free(c);
        close(fd);
        return;
    }
    c->control = ctl;
    c->fd = fd;
    c->next = ctl->conns;
    ctl->conns = c;
    if (++ctl->nr == CONTROL_CLIENTS)
        loop_rewatch(ctl->loop, ctl->fd, 0);
}

static void on_client(void *ctx, int listener, uint32_t events)
{
    struct control *ctl = ctx;
    (void)events;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0 && may_talk(fd))
        add_conn(ctl, fd);
    else
        own_fd(&fd);
}

int control_new(struct loop *loop, const char *path, control_request_fn *request, void *ctx,
                struct control **ret, struct err *e)
{
    OWN(control) c = calloc(1, sizeof(*c));
    if (!c)
        return err_code(e, -ENOMEM, "control socket");
    *c = (struct control){.loop = loop, .fd = -1, .request = request, .ctx = ctx};
    int rc = address_listen(path, &c->fd, e);
    if (rc < 0 || (rc = loop_watch(loop, c->fd, EPOLLIN, on_client, c, e)) < 0)
        return rc;
    *ret = take(c);
    return 0;
}

/* What is left to say goes out now: blocking does not matter any more, but not for long. */
static void say_goodbye(struct conn *c, uint64_t deadline_ns)
{
    for (flush(c); c->out.len; flush(c)) {
        uint64_t now = loop_now_ns();
        struct pollfd p = {.fd = c->fd, .events = POLLOUT};
        if (now >= deadline_ns || poll(&p, 1, (int)((deadline_ns - now) / 1000000) + 1) < 0 ||
            p.revents & (POLLERR | POLLHUP))
            return;
    }
}

void control_abandon(struct control *c)
{
    while (c->conns)
        drop(c->conns);
    loop_unwatch(c->loop, c->fd);
    close(c->fd);
    free(c);
}

void control_free(struct control *c)
{
    if (!c)
        return;
    uint64_t deadline_ns = loop_now_ns() + GOODBYE_MS * 1000000ull;
    while (c->conns) {
        say_goodbye(c->conns, deadline_ns);
        drop(c->conns);
    }
    if (c->fd >= 0) {
        loop_unwatch(c->loop, c->fd);
        close(c->fd);
    }
    free(c);
}
