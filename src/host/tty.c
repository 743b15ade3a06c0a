// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tty: see tty.h.
 *
 * O_NONBLOCK belongs to the open file, which others (the shell) share: so a terminal or pipe is opened once
 * more for output, through /proc; a socket cannot be, and gets its flag back at the end. Regular files
 * are always ready and epoll refuses them: input from one is read whenever the guest has room.
 */
#include "host/tty.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define ESCAPE   0x1d /* Ctrl-] */
#define DRAIN_MS 2000

struct tty {
    struct loop *loop;
    struct hub_client *client;
    struct tty_config config;
    int out;       /* our own descriptor */
    int out_flags; /* of config.out, to be restored; -1: untouched */
    bool raw, out_watched, in_watched, gone;
    struct termios before;
    struct loop_timer more; /* input from what cannot be watched */
    bool plain;
    uint8_t in[512];
    size_t in_at, in_len;
};

/* ---- terminals ---- */

bool tty_raw(int fd, struct termios *ret_before)
{
    struct termios now;
    if (tcgetattr(fd, &now) < 0)
        return false;
    *ret_before = now;
    cfmakeraw(&now);
    now.c_oflag |= OPOST; /* our own lines stay lines */
    tcsetattr(fd, TCSADRAIN, &now);
    return true;
}

void tty_restore(int fd, const struct termios *before)
{
    tcsetattr(fd, TCSADRAIN, before);
}

bool tty_size(int fd, unsigned *ret_cols, unsigned *ret_rows)
{
    struct winsize w;
    if (ioctl(fd, TIOCGWINSZ, &w) < 0 || w.ws_col == 0 || w.ws_row == 0)
        return false;
    *ret_cols = w.ws_col;
    *ret_rows = w.ws_row;
    return true;
}

static void tell(struct tty *t, enum tty_event event)
{
    if (t->config.event)
        t->config.event(t->config.ctx, event);
}

/* ---- input ---- */

static void end_input(struct tty *t)
{
    if (t->in_watched)
        loop_unwatch(t->loop, t->config.in);
    t->in_watched = t->plain = false;
    t->in_len = 0;
    loop_timer_stop(&t->more);
}

/* To the guest, as far as it takes it; true when nothing is left. */
static bool push(struct tty *t)
{
    if (t->in_len && t->client) {
        size_t n = hub_input(t->client, t->in + t->in_at, t->in_len);
        t->in_at += n;
        t->in_len -= n;
    }
    return t->in_len == 0;
}

/* Wait for input, or for the guest. May be the last thing of a call: the owner may detach in it. */
static void go_on(struct tty *t)
{
    bool ready = push(t);
    if (t->in_watched)
        loop_rewatch(t->loop, t->config.in, ready ? EPOLLIN : 0);
    else if (t->plain && ready)
        loop_timer_arm(&t->more, 0);
}

static void read_more(struct tty *t)
{
    ssize_t n = read(t->config.in, t->in, sizeof(t->in));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return go_on(t);
    if (n <= 0) {
        end_input(t);
        return tell(t, TTY_EOF);
    }
    const uint8_t *esc = t->raw ? memchr(t->in, ESCAPE, (size_t)n) : NULL;
    t->in_at = 0;
    t->in_len = esc ? (size_t)(esc - t->in) : (size_t)n;
    go_on(t);
    if (esc)
        tell(t, TTY_LEFT);
}

static void stop_watching(struct tty *t)
{
    loop_unwatch(t->loop, t->config.in);
    t->in_watched = false;
    t->plain = true;
}

static void on_input(void *ctx, int fd, uint32_t events)
{
    struct tty *t = ctx;
    (void)fd;
    if (push(t))
        read_more(t);
    else if (events & (EPOLLHUP | EPOLLERR))
        stop_watching(t); /* a hang-up is told for ever; what it left is read when the guest has room */
}

static void on_more(void *ctx)
{
    struct tty *t = ctx;
    if (push(t))
        read_more(t);
}

static int watch_input(struct tty *t, struct err *e)
{
    int fd = t->config.in;
    if (fd < 0)
        return 0;
    t->raw = tty_raw(fd, &t->before);
    int rc = loop_watch(t->loop, fd, EPOLLIN, on_input, t, e);
    if (rc == -EPERM) { /* a regular file */
        t->plain = true;
        loop_timer_arm(&t->more, 0);
        return 0;
    }
    t->in_watched = rc == 0;
    return rc;
}

/* ---- output ---- */

static void end_output(struct tty *t)
{
    if (t->out_watched)
        loop_unwatch(t->loop, t->out);
    t->out_watched = false;
    t->gone = true;
}

static void on_output(void *ctx, int fd, uint32_t events)
{
    struct tty *t = ctx;
    (void)fd;
    loop_rewatch(t->loop, t->out, 0);
    if (events & (EPOLLERR | EPOLLHUP)) {
        end_output(t);
        if (t->client)
            hub_client_ready(t->client); /* what waits goes nowhere */
        return tell(t, TTY_GONE);
    }
    if (t->client)
        hub_client_ready(t->client);
}

static size_t client_write(void *ctx, const void *buf, size_t len)
{
    struct tty *t = ctx;
    if (t->gone)
        return len;
    ssize_t n;
    do
        n = write(t->out, buf, len);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return (size_t)n;
    if (errno == EAGAIN && t->out_watched) {
        loop_rewatch(t->loop, t->out, EPOLLOUT);
        return 0;
    }
    end_output(t);
    tell(t, TTY_GONE);
    return len;
}

static void client_room(void *ctx)
{
    go_on(ctx);
}

/* What the guest said last is still on its way; a reader that stands still is not waited for for long. */
static void drain(struct tty *t)
{
    struct pollfd p = {t->out, POLLOUT, 0};
    t->config.event = NULL;
    while (t->client && hub_client_flush(t->client) > 0 && !t->gone)
        if (poll(&p, 1, DRAIN_MS) <= 0)
            return;
}

static void client_gone(void *ctx)
{
    struct tty *t = ctx;
    drain(t);
    t->client = NULL;
}

static const struct hub_client_ops ops = {client_write, client_room, client_gone};

/* A descriptor that does not block: see the head. */
static int open_output(struct tty *t, struct err *e)
{
    char path[32];
    struct stat st;
    int fd = t->config.out;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fstat(fd, &st) < 0)
        return err_sys(e, "standard output");
    if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
        t->out = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (t->out >= 0)
        return 0;
    t->out = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (t->out < 0)
        return err_sys(e, "standard output");
    if (S_ISREG(st.st_mode))
        return 0;
    int flags = fcntl(fd, F_GETFL);
    if (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0)
        t->out_flags = flags;
    return 0;
}

static int watch_output(struct tty *t, struct err *e)
{
    int rc = open_output(t, e);
    if (rc == 0)
        rc = loop_watch(t->loop, t->out, 0, on_output, t, e);
    t->out_watched = rc == 0;
    return rc == -EPERM ? 0 : rc; /* a regular file is always ready */
}

/* ---- attach, detach ---- */

int tty_attach(struct hub *h, struct loop *l, const struct tty_config *c, struct tty **ret, struct err *e)
{
    OWN(tty) t = calloc(1, sizeof(*t));
    if (!t)
        return err_code(e, -ENOMEM, "terminal");
    t->loop = l;
    t->config = *c;
    t->out = t->out_flags = -1;
    loop_timer_init(&t->more, l, on_more, t);
    int rc = watch_output(t, e);
    if (rc == 0)
        rc = hub_attach(h, &ops, t, true, &t->client, e);
    if (rc == 0)
        rc = watch_input(t, e);
    if (rc < 0)
        return rc;
    *ret = take(t);
    return 0;
}

void tty_detach(struct tty *t)
{
    if (!t)
        return;
    end_input(t);
    drain(t);
    end_output(t);
    hub_detach(t->client);
    if (t->raw)
        tty_restore(t->config.in, &t->before);
    if (t->out_flags >= 0)
        fcntl(t->config.out, F_SETFL, t->out_flags);
    if (t->out >= 0)
        close(t->out);
    free(t);
}
