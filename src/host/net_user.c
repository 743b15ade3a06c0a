// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net_user: libslirp on the loop.
 *
 * A turn: what happened to the descriptors goes to slirp, the guest gets its frames, slirp lists descriptors
 * and timeout anew. Frames from the guest go to slirp at once; the turn that must follow is a timer that
 * is due, since a far end never calls back from inside a call.
 * Frames wait in a bounded queue while the guest has no buffer. Beyond QUEUE_HIGH slirp gets no more to
 * read, so that TCP's own flow control reaches the other side; beyond QUEUE_MAX frames are dropped.
 */
#include "host/net_user.h"

#include <arpa/inet.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/buf.h"
#include "base/log.h"
#include "host/iov.h"
#include "host/net_offload.h"
#include "host/net_poll.h"
#include "host/slirp_lib.h"

#define QUEUE_HIGH (256u << 10)
#define QUEUE_MAX  (2u << 20)
#define PACKET_MAX (NET_HDR_BYTES + 14 + 65535)

struct net_user {
    struct net_port port;
    struct loop *loop;
    struct slirp_lib lib;
    Slirp *slirp;
    struct net_poll *poll;
    struct loop_timer turn;
    struct buf queue; /* to the guest: u32 length, frame, ... */
    struct log_limit limit;
    uint8_t packet[PACKET_MAX + 1]; /* of the guest, in one piece */
};

static void turn_soon(struct net_user *n)
{
    loop_timer_arm(&n->turn, 0);
}

/* ---- frames to the guest ---- */

static ssize_t on_frame(const void *frame, size_t len, void *opaque)
{
    struct net_user *n = opaque;
    uint32_t len32 = (uint32_t)len;
    if (n->queue.len + len > QUEUE_MAX || buf_append(&n->queue, &len32, sizeof(len32)) < 0)
        return (ssize_t)len; /* lost on the wire */
    if (buf_append(&n->queue, frame, len) < 0)
        n->queue.len -= sizeof(len32);
    return (ssize_t)len;
}

static void deliver(struct net_user *n)
{
    while (n->queue.len) {
        uint32_t len;
        memcpy(&len, buf_data(&n->queue), sizeof(len));
        if (n->port.receive && !n->port.receive(n->port.dev, buf_data(&n->queue) + sizeof(len), len))
            return; /* until writable */
        buf_consume(&n->queue, sizeof(len) + len);
    }
}

/* ---- a turn ---- */

static int add_poll(int fd, int events, void *opaque)
{
    struct net_user *n = opaque;
    uint32_t ev = 0;
    if (events & SLIRP_POLL_IN)
        ev |= EPOLLIN;
    if (events & SLIRP_POLL_OUT)
        ev |= EPOLLOUT;
    if (events & SLIRP_POLL_PRI)
        ev |= EPOLLPRI;
    return net_poll_add(n->poll, fd, ev | EPOLLERR | EPOLLHUP);
}

static int get_events(int index, void *opaque)
{
    struct net_user *n = opaque;
    uint32_t ev = net_poll_events(n->poll, index);
    return (ev & EPOLLIN ? SLIRP_POLL_IN : 0) | (ev & EPOLLOUT ? SLIRP_POLL_OUT : 0) |
           (ev & EPOLLPRI ? SLIRP_POLL_PRI : 0) | (ev & EPOLLERR ? SLIRP_POLL_ERR : 0) |
           (ev & EPOLLHUP ? SLIRP_POLL_HUP : 0);
}

static void list_polls(struct net_user *n)
{
    uint32_t timeout_ms = UINT32_MAX;
    net_poll_begin(n->poll);
    n->lib.pollfds_fill(n->slirp, &timeout_ms, add_poll, n);
    net_poll_end(n->poll);
    uint64_t deadline_ns = loop_now_ns() + timeout_ms * 1000000ull;
    if (timeout_ms != UINT32_MAX && deadline_ns < n->turn.deadline_ns)
        loop_timer_arm(&n->turn, deadline_ns);
}

static void turn(void *ctx)
{
    struct net_user *n = ctx;
    loop_timer_stop(&n->turn);
    deliver(n);
    bool full = n->queue.len > QUEUE_HIGH;
    net_poll_pause(n->poll, full);
    if (full)
        return; /* writable() goes on */
    net_poll_collect(n->poll);
    n->lib.pollfds_poll(n->slirp, 0, get_events, n);
    deliver(n);
    list_polls(n);
}

/* ---- the guest's side ---- */

static void send_frame(void *ctx, const struct iovec *frame, unsigned nr)
{
    struct net_user *n = ctx;
    size_t len = iov_gather(frame, nr, n->packet, sizeof(n->packet));
    if (len > PACKET_MAX || !net_offload(n->packet, len)) {
        log_guest(&n->limit, "network: the guest sent a malformed frame of %zu bytes", len);
        return;
    }
    n->lib.input(n->slirp, n->packet + NET_HDR_BYTES, (int)(len - NET_HDR_BYTES));
    turn_soon(n);
}

static void writable(void *ctx)
{
    struct net_user *n = ctx;
    if (n->queue.len)
        turn_soon(n);
}

/* ---- what slirp asks for ---- */

static void guest_error(const char *msg, void *opaque)
{
    struct net_user *n = opaque;
    log_guest(&n->limit, "network: %s", msg);
}

static int64_t clock_ns(void *opaque)
{
    (void)opaque;
    return (int64_t)loop_now_ns();
}

struct slirp_timer {
    struct loop_timer timer;
    SlirpTimerCb fire;
    void *ctx;
    struct net_user *net;
};

static void slirp_timer_fire(void *ctx)
{
    struct slirp_timer *t = ctx;
    t->fire(t->ctx);
    turn_soon(t->net);
}

static void *timer_new(SlirpTimerCb fire, void *ctx, void *opaque)
{
    struct net_user *n = opaque;
    struct slirp_timer *t = calloc(1, sizeof(*t));
    BUG_ON(!t); /* slirp has no answer to that */
    *t = (struct slirp_timer){.fire = fire, .ctx = ctx, .net = n};
    loop_timer_init(&t->timer, n->loop, slirp_timer_fire, t);
    return t;
}

static void timer_free(void *timer, void *opaque)
{
    struct slirp_timer *t = timer;
    (void)opaque;
    if (t)
        loop_timer_stop(&t->timer);
    free(t);
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
    struct slirp_timer *t = timer;
    (void)opaque;
    loop_timer_arm(&t->timer, (uint64_t)expire_ms * 1000000u);
}

static void register_fd(int fd, void *opaque)
{
    (void)fd, (void)opaque; /* each turn lists them */
}

static void unregister_fd(int fd, void *opaque)
{
    struct net_user *n = opaque;
    net_poll_forget(n->poll, fd);
}

static void notify(void *opaque)
{
    turn_soon(opaque);
}

static const SlirpCb callbacks = {
    .send_packet = on_frame,
    .guest_error = guest_error,
    .clock_get_ns = clock_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = register_fd,
    .unregister_poll_fd = unregister_fd,
    .notify = notify,
};

/* ---- new, published ports ---- */

#define GUEST_ADDRESS 0x0a00020fu

static int start_slirp(const struct net_user_config *c, struct net_user *n, struct err *e)
{
    SlirpConfig s = {
        .version = 4,
        .restricted = c->restricted,
        .in_enabled = true,
        .vnetwork.s_addr = htonl(0x0a000200),
        .vnetmask.s_addr = htonl(0xffffff00),
        .vhost.s_addr = htonl(0x0a000202),
        .vdhcp_start.s_addr = htonl(GUEST_ADDRESS),
        .vnameserver.s_addr = htonl(0x0a000203),
        .vhostname = c->hostname,
    };
    int rc = slirp_lib_open(&n->lib, e);
    if (rc < 0)
        return err_wrap(e, "network");
    n->slirp = n->lib.new(&s, &callbacks, n);
    return n->slirp ? 0 : err_set(e, -EINVAL, "network: libslirp does not start");
}

/* slirp's UDP sockets share their port (SO_REUSEADDR), so that two guests could publish the same one. */
static int try_udp(const struct net_forward *f)
{
    OWN_FD fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = f->host_ip, .sin_port = htons(f->host_port)};
    return fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
}

static int try_forward(struct net_user *n, const struct net_forward *f)
{
    struct in_addr guest = {htonl(GUEST_ADDRESS)};
    int rc = f->udp ? try_udp(f) : 0;
    if (rc < 0)
        return rc;
    errno = EADDRINUSE; /* slirp's own refusals set none */
    return n->lib.add_hostfwd(n->slirp, f->udp, f->host_ip, f->host_port, guest, f->guest_port) < 0 ? -errno
                                                                                                    : 0;
}

int net_user_publish(struct net_user *n, const struct net_forward *f, struct err *e)
{
    int rc = f->host_port == 0 || f->guest_port == 0 ? -EINVAL : try_forward(n, f);
    turn_soon(n);
    return rc < 0 ? net_forward_refused(f, rc, e) : 0;
}

int net_user_unpublish(struct net_user *n, const struct net_forward *f, struct err *e)
{
    turn_soon(n);
    if (n->lib.remove_hostfwd(n->slirp, f->udp, f->host_ip, f->host_port) < 0)
        return net_forward_refused(f, -ENOENT, e);
    return 0;
}

int net_user_new(const struct net_user_config *c, struct loop *loop, struct net_user **ret, struct err *e)
{
    OWN(net_user) n = calloc(1, sizeof(*n));
    if (!n)
        return err_code(e, -ENOMEM, "network");
    n->loop = loop;
    loop_timer_init(&n->turn, loop, turn, n);
    signal(SIGPIPE, SIG_IGN); /* slirp writes to sockets that may be closed */
    int rc = net_poll_new(loop, turn, n, &n->poll, e);
    if (rc == 0)
        rc = start_slirp(c, n, e);
    for (unsigned i = 0; i < c->nr_forwards && rc == 0; i++)
        rc = net_user_publish(n, &c->forwards[i], e);
    if (rc < 0)
        return rc;
    n->port = (struct net_port){
        .send = send_frame, .writable = writable, .ctx = n, .csum_ok = true, .tso_ok = true};
    turn(n); /* libslirp learns what time it is here: a datagram before it would expire at once */
    *ret = take(n);
    return 0;
}

/* What libslirp holds of the other process goes: it closes sockets, which the other has too, and says nothing
 * through them. The poll's epoll is the other's as well. */
int net_user_after_fork(struct net_user *n, const struct net_user_config *c, struct err *e)
{
    int rc = net_poll_after_fork(n->poll, e);
    if (rc < 0)
        return rc;
    n->lib.cleanup(take(n->slirp));
    loop_timer_stop(&n->turn);
    slirp_lib_close(&n->lib);
    buf_consume(&n->queue, n->queue.len);
    if ((rc = start_slirp(c, n, e)) == 0)
        turn(n);
    return rc;
}

struct net_port *net_user_port(struct net_user *n)
{
    return &n->port;
}

void net_user_free(struct net_user *n)
{
    if (!n)
        return;
    loop_timer_stop(&n->turn);
    if (n->slirp)
        n->lib.cleanup(n->slirp);
    loop_timer_stop(&n->turn); /* cleaning up may have asked for one more */
    slirp_lib_close(&n->lib);
    net_poll_free(n->poll);
    buf_fini(&n->queue);
    free(n);
}
