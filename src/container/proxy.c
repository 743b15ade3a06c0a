// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * proxy: see proxy.h. One poll(2); nothing is written to the machine but what it takes at once, so that a
 * process which only writes and one which only reads both go on.
 */
#include "container/proxy.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/frame.h"
#include "container/foreground.h"

#define PIECE    32768 /* of standard input at a time */
#define HELD_MAX 65536

struct watch {
    const struct proxy *p;
    struct buf to, from;
    struct buf held; /* errors from before it was known that the program runs: the runtime's own, maybe */
    int signals, folder;
    bool in_open, replied, started, ended;
    int status;
};

static void watch_fini(struct watch *w)
{
    own_fd(&w->signals);
    own_fd(&w->folder);
    buf_fini(&w->to);
    buf_fini(&w->from);
    buf_fini(&w->held);
}

/* ---- to the machine ---- */

static void say(struct watch *w, enum frame_type type, const void *data, size_t len)
{
    uint8_t *at = buf_reserve(&w->to, FRAME_HEADER + len);
    BUG_ON(!at);
    buf_commit(&w->to, frame_put(at, type, data, (uint32_t)len));
}

static int flush(struct watch *w, struct err *e)
{
    ssize_t n = send(w->p->sock, buf_data(&w->to), w->to.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return err_sys(e, "talk to the machine");
    buf_consume(&w->to, n > 0 ? (size_t)n : 0);
    return 0;
}

static int ask(struct watch *w, struct err *e)
{
    OWN_MEM char *text = json_dumps(w->p->request, JSON_COMPACT);
    if (!text || strlen(text) > FRAME_MAX)
        return err_set(e, -E2BIG, "the command and its environment are beyond %d bytes", FRAME_MAX);
    say(w, FRAME_REQUEST, text, strlen(text));
    return 0;
}

static void pass_input(struct watch *w)
{
    char data[PIECE];
    ssize_t n = read(0, data, sizeof(data));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    w->in_open = n > 0;
    if (n > 0 || !w->p->tty)
        say(w, FRAME_STDIN, data, n > 0 ? (size_t)n : 0);
}

static void pass_size(struct watch *w)
{
    struct winsize size;
    uint8_t frame[FRAME_HEADER + 4];
    if (!w->p->tty || ioctl(0, TIOCGWINSZ, &size) < 0)
        return;
    size_t len = frame_put_resize(frame, size.ws_col, size.ws_row);
    BUG_ON(buf_append(&w->to, frame, len) < 0);
}

/* A terminal's own come from the kernel; what another process sends may not be meant for us. */
static void pass_signal(struct watch *w)
{
    struct signalfd_siginfo s;
    if (read(w->signals, &s, sizeof(s)) != sizeof(s) || s.ssi_signo == SIGCHLD)
        return;
    if (s.ssi_signo == SIGWINCH) {
        pass_size(w);
        return;
    }
    if (w->p->only_from && s.ssi_code <= 0 && (pid_t)s.ssi_pid != w->p->only_from)
        return;
    uint8_t frame[FRAME_HEADER + 1];
    size_t len = frame_put_signal(frame, (uint8_t)s.ssi_signo);
    BUG_ON(buf_append(&w->to, frame, len) < 0);
}

/* ---- does it run? ---- */

/* Nobody may read it any more: that is the process' affair only where the kernel would tell it. */
static void put_out(int fd, const void *data, size_t len)
{
    if (file_write_all(fd, data, len) < 0)
        errno = 0;
}

static void look(struct watch *w)
{
    char news[4096];
    while (w->folder >= 0 && read(w->folder, news, sizeof(news)) > 0)
        ;
    if (w->started || !w->p->started ||
        faccessat(w->p->out_dir, w->p->running, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    w->started = true;
    put_out(2, buf_data(&w->held), w->held.len);
    buf_consume(&w->held, w->held.len);
    w->p->started(w->p->ctx);
}

/* ---- from the machine ---- */

static int reply(struct watch *w, const struct frame *f, struct err *e)
{
    OWN(json_t) j = NULL;
    const char *text;
    uint64_t code;
    int rc = json_parse((const char *)f->payload, f->len, "the monitor's answer", &j, e);
    if (rc < 0 || (rc = json_opt_string(j, "error", NULL, &text, e)) < 0 ||
        (rc = json_opt_uint(j, "code", EIO, 1, 4095, &code, e)) < 0)
        return rc;
    w->replied = true;
    return text ? err_set(e, -(int)code, "%s", text) : 0;
}

/* What the runtime inside says of a program that does not start is told otherwise. */
static void pass_output(struct watch *w, const struct frame *f)
{
    if (w->p->started && !w->started)
        look(w);
    if (f->type == FRAME_STDOUT)
        put_out(1, f->payload, f->len);
    else if (w->p->started && !w->started && w->held.len < HELD_MAX)
        BUG_ON(buf_append(&w->held, f->payload, f->len) < 0);
    else
        put_out(2, f->payload, f->len);
}

static int take_frame(struct watch *w, const struct frame *f, struct err *e)
{
    int32_t status;
    if (f->type == FRAME_REPLY)
        return reply(w, f, e);
    if (f->type == FRAME_STDOUT || f->type == FRAME_STDERR)
        pass_output(w, f);
    if (frame_get_exit(f, &status)) {
        w->ended = true;
        w->status = status & 0xff;
    }
    return 0;
}

static int take_frames(struct watch *w, struct err *e)
{
    struct frame f;
    ssize_t n = 0;
    int rc = 0;
    while (rc == 0 && (n = frame_parse(buf_data(&w->from), w->from.len, &f)) > 0) {
        rc = take_frame(w, &f, e);
        buf_consume(&w->from, (size_t)n);
    }
    return rc < 0 ? rc : n < 0 ? err_set(e, -EPROTO, "the monitor says what is no frame") : 0;
}

static int hear(struct watch *w, struct err *e)
{
    uint8_t *at = buf_reserve(&w->from, PIECE);
    BUG_ON(!at);
    ssize_t n = recv(w->p->sock, at, PIECE, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return err_set(e, -ECONNRESET, "the machine is gone");
    buf_commit(&w->from, (size_t)n);
    return take_frames(w, e);
}

/* ---- the loop ---- */

static int watch_folder(struct watch *w, struct err *e)
{
    char path[32];
    if (!w->p->started)
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", w->p->out_dir);
    w->folder = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->folder < 0 || inotify_add_watch(w->folder, path, IN_CREATE | IN_MOVED_TO) < 0)
        return err_sys(e, "watch for the program's start");
    return 0;
}

static int once(struct watch *w, struct err *e)
{
    struct pollfd p[] = {
        {.fd = w->p->sock, .events = (short)(POLLIN | (w->to.len ? POLLOUT : 0))},
        {.fd = w->in_open && w->replied && w->to.len == 0 ? 0 : -1, .events = POLLIN},
        {.fd = w->signals, .events = POLLIN},
        {.fd = w->folder, .events = POLLIN},
    };
    if (poll(p, 4, -1) < 0)
        return errno == EINTR ? 0 : err_sys(e, "poll");
    if (p[1].revents)
        pass_input(w);
    if (p[2].revents)
        pass_signal(w);
    if (p[3].revents)
        look(w);
    int rc = w->to.len ? flush(w, e) : 0;
    return rc == 0 && p[0].revents & (POLLIN | POLLHUP | POLLERR) ? hear(w, e) : rc;
}

static int serve(struct watch *w, struct err *e)
{
    int rc = watch_folder(w, e);
    if (rc == 0)
        rc = ask(w, e);
    pass_size(w);
    while (rc == 0 && !w->ended)
        rc = once(w, e);
    if (rc < 0)
        return rc;
    look(w);
    return w->p->started && !w->started ? err_set(e, -ECHILD, "the program did not start") : w->status;
}

static bool make_raw(struct termios *ret_before)
{
    if (tcgetattr(0, ret_before) < 0)
        return false;
    struct termios raw = *ret_before;
    cfmakeraw(&raw);
    return tcsetattr(0, TCSANOW, &raw) == 0;
}

int proxy_run(const struct proxy *p, struct err *e)
{
    sigset_t set = foreground_signals();
    struct termios before;
    __attribute__((cleanup(watch_fini))) struct watch w = {.p = p, .in_open = true, .folder = -1};
    signal(SIGPIPE, SIG_IGN);
    foreground_hold_signals();
    w.signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (w.signals < 0)
        return err_sys(e, "signals");
    bool raw = p->tty && make_raw(&before);
    int rc = serve(&w, e);
    if (raw)
        tcsetattr(0, TCSANOW, &before);
    return rc;
}
