// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach: see attach.h. One poll loop. Standard output is never written unless poll says it takes something,
 * and then one page at most, which a pipe takes whole: so a reader that sleeps keeps no Ctrl-C from us. Nor
 * are our standard streams made non-blocking: they belong to those who started us too.
 */
#include "cli/attach.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/frame.h"
#include "base/json.h"
#include "base/own.h"
#include "cli/term.h"

#define HIGH_WATER 65536 /* bytes waiting one way before we stop reading there */
#define PIECE      4096
#define PATIENCE   3    /* SIGINTs in a row after which we go, whatever the guest does */
#define ESCAPE_KEY 0x1d /* Ctrl-] */

enum { SIGNALS, LINK, INPUT, OUTPUT, NR_POLLED };

struct link {
    const struct attach *a;
    struct err *e;
    int signals;
    bool input;          /* standard input is still to be read */
    unsigned interrupts; /* in a row, with no output in between */
    struct buf in, out;  /* frames from and to the guest */
    size_t held;         /* bytes of the frame at the head of `in`, whose payload goes to held_fd; 0: none */
    size_t held_done;    /* of these, what is written (or is its header) */
    int held_fd;
    bool ended;
    int status;
};

static int queue(struct link *l, enum frame_type type, const void *data, size_t len)
{
    uint8_t *room = buf_reserve(&l->out, FRAME_HEADER + len);
    if (!room)
        return err_code(l->e, -ENOMEM, "%s", l->a->what);
    buf_commit(&l->out, frame_put(room, type, data, (uint32_t)len));
    return 0;
}

static int queue_size(struct link *l)
{
    uint16_t cols, rows;
    uint8_t frame[FRAME_HEADER + 4];
    term_size(STDIN_FILENO, &cols, &rows);
    frame_put_resize(frame, cols, rows);
    return buf_append(&l->out, frame, sizeof(frame)) < 0 ? err_code(l->e, -ENOMEM, "%s", l->a->what) : 0;
}

static int leave(struct link *l, int status)
{
    l->ended = true;
    l->status = status;
    return 0;
}

static int told_to_end(struct link *l, uint8_t number)
{
    l->status = 128 + number;
    return err_set(l->e, -EINTR, "%s: interrupted", l->a->what);
}

/* With a terminal on the other side Ctrl-C arrives there as a key; SIGINT then comes from somebody else. */
static int on_signal(struct link *l)
{
    struct signalfd_siginfo s;
    if (read(l->signals, &s, sizeof(s)) != (ssize_t)sizeof(s))
        return 0;
    uint8_t number = (uint8_t)s.ssi_signo;
    if (number == SIGWINCH)
        return l->a->tty ? queue_size(l) : 0;
    if (number == SIGTERM || number == SIGHUP || l->a->escape || ++l->interrupts >= PATIENCE)
        return told_to_end(l, number);
    return queue(l, FRAME_SIGNAL, &number, 1);
}

static int on_input(struct link *l)
{
    uint8_t piece[PIECE];
    ssize_t n = read(STDIN_FILENO, piece, sizeof(piece));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        l->input = false;
        return l->a->escape ? 0 : queue(l, FRAME_STDIN, NULL, 0);
    }
    uint8_t *key = l->a->escape ? memchr(piece, ESCAPE_KEY, (size_t)n) : NULL;
    if (key)
        n = key - piece;
    int rc = n ? queue(l, FRAME_STDIN, piece, (size_t)n) : 0;
    return key && rc == 0 ? leave(l, ATTACH_LEFT) : rc;
}

/* {"error": "one line"}: the guest ended before the program did. */
static int on_reply(struct link *l, const struct frame *f)
{
    OWN(json_t) reply = json_loadb((const char *)f->payload, f->len, 0, NULL);
    const char *why = json_string_value(json_object_get(reply, "error"));
    return why ? err_set(l->e, -ECONNRESET, "%s: %s", l->a->what, why) : 0;
}

/* Returns the bytes of it that are done with: 0 when it waits for our own standard output. */
static ssize_t on_frame(struct link *l, const struct frame *f, ssize_t size)
{
    int32_t status;
    bool output = f->type == FRAME_STDOUT || f->type == FRAME_STDERR;
    if (output && f->len) {
        l->held = (size_t)size;
        l->held_done = FRAME_HEADER;
        l->held_fd = f->type == FRAME_STDOUT ? STDOUT_FILENO : STDERR_FILENO;
        return 0;
    }
    if (f->type == FRAME_EXIT) {
        if (!frame_get_exit(f, &status))
            return err_set(l->e, -EPROTO, "%s: an end without a status", l->a->what);
        leave(l, status & 0xff);
    }
    if (f->type == FRAME_REPLY) {
        int rc = on_reply(l, f);
        return rc < 0 ? rc : size;
    }
    return size; /* others: what a newer monitor may say */
}

/* Take frames apart until one must wait, or the program ended. */
static int take_frames(struct link *l)
{
    while (!l->held && !l->ended) {
        struct frame f;
        ssize_t size = frame_parse(buf_data(&l->in), l->in.len, &f);
        if (size == 0)
            return 0;
        if (size < 0)
            return err_set(l->e, (int)size, "%s: nonsense from the monitor", l->a->what);
        ssize_t done = on_frame(l, &f, size);
        if (done < 0)
            return (int)done;
        buf_consume(&l->in, (size_t)done);
    }
    return 0;
}

static int on_link(struct link *l)
{
    uint8_t *room = buf_reserve(&l->in, HIGH_WATER);
    if (!room)
        return err_code(l->e, -ENOMEM, "%s", l->a->what);
    ssize_t n = recv(l->a->fd, room, HIGH_WATER, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0 && l->a->escape)
        return leave(l, 0); /* a console ends with its guest */
    if (n <= 0)
        return err_set(l->e, -ECONNRESET, "%s ended before the command did", l->a->what);
    buf_commit(&l->in, (size_t)n);
    return take_frames(l);
}

/* A reader that went away ends us as it would end a program of our own. */
static int put_held(struct link *l)
{
    size_t left = l->held - l->held_done;
    ssize_t n = write(l->held_fd, buf_data(&l->in) + l->held_done, left < PIECE ? left : PIECE);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n < 0)
        return errno == EPIPE ? leave(l, 128 + SIGPIPE) : err_sys(l->e, "standard output");
    l->interrupts = 0;
    l->held_done += (size_t)n;
    if (l->held_done < l->held)
        return 0;
    buf_consume(&l->in, l->held);
    l->held = 0;
    return take_frames(l);
}

static void flush_link(struct link *l)
{
    ssize_t n = send(l->a->fd, buf_data(&l->out), l->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        buf_consume(&l->out, (size_t)n); /* an error shows when reading */
}

static int turn(struct link *l)
{
    short from = l->held ? 0 : POLLIN, to = l->out.len ? POLLOUT : 0;
    struct pollfd p[NR_POLLED] = {
        [SIGNALS] = {.fd = l->signals, .events = POLLIN},
        [LINK] = {.fd = from || to ? l->a->fd : -1, .events = from | to},
        [INPUT] = {.fd = l->input && l->out.len < HIGH_WATER ? STDIN_FILENO : -1, .events = POLLIN},
        [OUTPUT] = {.fd = l->held ? l->held_fd : -1, .events = POLLOUT},
    };
    int rc = 0;
    if (poll(p, NR_POLLED, -1) < 0)
        return errno == EINTR ? 0 : err_sys(l->e, "poll");
    if (p[SIGNALS].revents)
        rc = on_signal(l);
    if (rc == 0 && p[LINK].revents & POLLOUT)
        flush_link(l);
    if (rc == 0 && p[OUTPUT].revents)
        rc = put_held(l);
    else if (rc == 0 && from && p[LINK].revents & (POLLIN | POLLHUP | POLLERR))
        rc = on_link(l);
    if (rc == 0 && !l->ended && p[INPUT].revents)
        rc = on_input(l);
    return rc;
}

static int run_link(struct link *l)
{
    int rc = l->a->tty ? queue_size(l) : 0;
    if (rc == 0 && !l->a->input && !l->a->escape)
        rc = queue(l, FRAME_STDIN, NULL, 0);
    while (rc == 0 && !l->ended)
        rc = turn(l);
    if (l->out.len)
        flush_link(l); /* the last keys before the escape */
    return rc;
}

int attach_run(const struct attach *a, int *ret_status, struct err *e)
{
    OWN_SIGNALS old;
    OWN_FD signals = term_signals(&old, e);
    OWN_TERM term = {.fd = -1};
    if (signals < 0)
        return signals;
    if (a->tty && a->input && term_raw(&term, STDIN_FILENO, e) < 0)
        return e->code;
    struct link l = {.a = a, .e = e, .signals = signals, .input = a->input};
    int rc = run_link(&l);
    buf_fini(&l.in);
    buf_fini(&l.out);
    if (rc == 0 || rc == -EINTR)
        *ret_status = l.status;
    return rc;
}
