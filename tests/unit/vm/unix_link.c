// SPDX-License-Identifier: GPL-2.0-or-later
/* unix_link: see unix_link.h. Streams keep the promises of dev/virtio_vsock.h, calling back later only. */
#include "unix_link.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/buf.h"

struct vsock_stream {
    struct unix_link *u;
    int fd; /* -1: refused */
    const struct vsock_stream_ops *ops;
    void *ctx;
    struct buf pending; /* received and not taken */
    bool blocked, eof, told_connected;
    struct loop_timer later;
};

static void ready(void *ctx, int fd, uint32_t events);

static void rewatch(struct vsock_stream *s)
{
    if (s->fd >= 0)
        loop_rewatch(s->u->loop, s->fd,
                     (uint32_t)((s->pending.len || s->eof ? 0 : EPOLLIN) | (s->blocked ? EPOLLOUT : 0)));
}

static void stream_close(struct vsock_stream *s)
{
    if (s->fd >= 0) {
        loop_unwatch(s->u->loop, s->fd);
        close(s->fd);
    }
    loop_timer_stop(&s->later);
    buf_fini(&s->pending);
    s->u->nr_streams--;
    free(s);
}

static void end(struct vsock_stream *s)
{
    const struct vsock_stream_ops *ops = s->ops;
    void *ctx = s->ctx;
    bool reset = s->fd < 0;
    stream_close(s);
    ops->closed(ctx, reset);
}

static void deliver(struct vsock_stream *s)
{
    if (s->pending.len) {
        size_t n = s->ops->receive(s->ctx, buf_data(&s->pending), s->pending.len);
        buf_consume(&s->pending, n);
    }
    if (!s->pending.len && s->eof)
        end(s);
    else
        rewatch(s);
}

static void later(void *ctx)
{
    struct vsock_stream *s = ctx;
    if (s->fd < 0) {
        end(s);
        return;
    }
    if (!s->told_connected) {
        s->told_connected = true;
        s->ops->connected(s->ctx);
    }
    deliver(s);
}

static void ready(void *ctx, int fd, uint32_t events)
{
    struct vsock_stream *s = ctx;
    if (!s->pending.len && !s->eof && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        uint8_t *to = buf_reserve(&s->pending, 4096);
        ssize_t n = recv(fd, to, 4096, MSG_DONTWAIT);
        if (n > 0)
            buf_commit(&s->pending, (size_t)n);
        s->eof = n == 0 || (n < 0 && errno != EAGAIN);
    }
    if ((events & EPOLLOUT) && s->blocked) {
        s->blocked = false;
        s->ops->writable(s->ctx);
    }
    deliver(s);
}

static int stream_connect(void *ctx, uint32_t port, const struct vsock_stream_ops *ops, void *stream_ctx,
                          struct vsock_stream **ret, struct err *e)
{
    struct unix_link *u = ctx;
    (void)port;
    struct vsock_stream *s = calloc(1, sizeof(*s));
    *s = (struct vsock_stream){.u = u, .fd = -1, .ops = ops, .ctx = stream_ctx};
    loop_timer_init(&s->later, u->loop, later, s);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, u->path);
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (u->refuse || connect(s->fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
        close(s->fd);
        s->fd = -1;
    } else {
        loop_watch(u->loop, s->fd, 0, ready, s, e);
    }
    loop_timer_arm(&s->later, loop_now_ns());
    u->nr_streams++;
    *ret = s;
    return 0;
}

static size_t stream_write(struct vsock_stream *s, const void *buf, size_t len)
{
    ssize_t n = s->told_connected ? send(s->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    size_t done = n > 0 ? (size_t)n : 0;
    if (n < 0 && errno != EAGAIN)
        return len; /* nobody reads: dropped */
    s->blocked = done < len;
    rewatch(s);
    return done;
}

static void stream_more(struct vsock_stream *s)
{
    loop_timer_arm(&s->later, loop_now_ns());
}

struct agent_link unix_link(struct unix_link *u)
{
    return (struct agent_link){u, stream_connect, stream_write, stream_more, stream_close};
}

/* ---- the agent ---- */

int unix_link_listen(struct unix_link *u)
{
    char folder[] = "/tmp/hospes-agent.XXXXXX";
    if (!mkdtemp(folder))
        return -1;
    snprintf(u->path, sizeof(u->path), "%s/s", folder);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, u->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 64) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int unix_link_start(struct unix_link *u, const char *program)
{
    int fd = unix_link_listen(u);
    if (fd < 0)
        return -1;
    u->agent = fork();
    if (u->agent == 0) {
        char number[16];
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fcntl(fd, F_SETFD, 0);
        snprintf(number, sizeof(number), "%d", fd);
        execl(program, program, "--agent-on-fd", number, (char *)NULL);
        _exit(127);
    }
    close(fd);
    return u->agent < 0 ? -1 : 0;
}

void unix_link_stop(struct unix_link *u)
{
    if (u->agent > 0) {
        kill(u->agent, SIGKILL);
        waitpid(u->agent, NULL, 0);
        u->agent = 0;
    }
    if (!u->path[0])
        return;
    unlink(u->path);
    *strrchr(u->path, '/') = 0;
    rmdir(u->path);
    u->path[0] = 0;
}
