// SPDX-License-Identifier: GPL-2.0-or-later
/* conn: see conn.h. */
#include "guest/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fields.h"

#define CLOSING_MS 5000
#define CHUNK      32768 /* of output in one frame */
#define REPLY_MAX  1024
#define ROOM_MIN   4096 /* for output, so that a slow reader does not get it in crumbs */

struct conn *conn_new(int fd, struct power *power)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (!c) {
        close(fd);
        return NULL;
    }
    c->fd = fd;
    c->power = power;
    c->child = (struct exec_child){.in = -1, .out = -1, .err = -1, .slave = -1};
    return c;
}

void conn_free(struct conn *c)
{
    if (!c)
        return;
    exec_close(&c->child);
    close(c->fd);
    free(c);
}

/* ---- way out ---- */

static size_t room(const struct conn *c)
{
    return CONN_OUT - c->out_len;
}

/* Where the next frame goes, with all the room in one piece behind it. */
static uint8_t *tail(struct conn *c)
{
    if (c->out_head) {
        memmove(c->out, c->out + c->out_head, c->out_len);
        c->out_head = 0;
    }
    return c->out + c->out_len;
}

static void flush(struct conn *c)
{
    while (c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_head, c->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                c->state = CONN_GONE;
            return;
        }
        c->out_head += (size_t)n;
        c->out_len -= (size_t)n;
    }
    c->out_head = 0;
    if (c->state == CONN_CLOSING)
        shutdown(c->fd, SHUT_WR);
}

static void closing(struct conn *c, uint64_t now_ms)
{
    c->state = CONN_CLOSING;
    c->deadline_ms = now_ms + CLOSING_MS;
}

/* Only where a conversation starts or ends, so there is room. */
static void reply(struct conn *c, const struct err *e)
{
    uint8_t list[REPLY_MAX];
    char code[16];
    size_t len = 0;
    if (e) {
        snprintf(code, sizeof(code), "%d", -e->code);
        fields_add(list, sizeof(list), &len, "error", e->text);
        fields_add(list, sizeof(list), &len, "code", code);
    } else {
        fields_add(list, sizeof(list), &len, "ok", "1");
    }
    if (room(c) >= FRAME_HEADER + len)
        c->out_len += frame_put(tail(c), FRAME_REPLY, list, (uint32_t)len);
}

/* ---- a command's output ---- */

/* Pass on what there is; at its end, or when all is read that was there when the command ended, close it. */
static void pump(struct conn *c, int *fd, enum frame_type type)
{
    size_t *unread = &c->unread[type == FRAME_STDERR];
    while (*fd >= 0 && room(c) >= ROOM_MIN) {
        uint8_t *to = tail(c);
        size_t max = room(c) - FRAME_HEADER < CHUNK ? room(c) - FRAME_HEADER : CHUNK;
        if (c->ended && max > *unread)
            max = *unread;
        ssize_t n = max ? read(*fd, to + FRAME_HEADER, max) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && !c->ended)
            return;
        if (n <= 0) {
            close(*fd);
            *fd = -1;
            frame_header(to, type, 0);
            c->out_len += FRAME_HEADER;
            return;
        }
        frame_header(to, type, (uint32_t)n);
        c->out_len += FRAME_HEADER + (size_t)n;
        if (c->ended)
            *unread -= (size_t)n;
    }
}

/* ---- a command's input: false: it takes no more now ---- */

static bool feed(struct conn *c, const struct frame *f)
{
    struct exec_child *x = &c->child;
    if (f->len == 0) {
        exec_end_stdin(x);
        return true;
    }
    int fd = x->tty ? x->out : x->in;
    while (fd >= 0 && c->stdin_done < f->len) {
        ssize_t n = write(fd, f->payload + c->stdin_done, f->len - c->stdin_done);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) { /* it closed its input: the rest has no reader */
            if (!x->tty)
                exec_end_stdin(x);
            break;
        }
        c->stdin_done += (size_t)n;
    }
    c->stdin_done = 0;
    return true;
}

/* ---- way in ---- */

static void fail(struct conn *c, const struct err *e, uint64_t now_ms)
{
    if (c->state == CONN_COMMAND)
        exec_close(&c->child);
    reply(c, e);
    closing(c, now_ms);
}

static void start(struct conn *c, const struct frame *f, uint64_t now_ms)
{
    struct err e;
    int rc = request_run(c, f, &e);
    if (rc == 1)
        return;
    reply(c, rc < 0 ? &e : NULL);
    closing(c, now_ms);
}

/* False: it has to wait. */
static bool handle(struct conn *c, const struct frame *f, uint64_t now_ms)
{
    uint16_t cols, rows;
    uint8_t number;
    struct err e;
    if (c->state == CONN_REQUEST && f->type == FRAME_REQUEST) {
        start(c, f, now_ms);
    } else if (c->state == CONN_COMMAND && f->type == FRAME_STDIN) {
        return feed(c, f);
    } else if (c->state == CONN_COMMAND && frame_get_resize(f, &cols, &rows)) {
        exec_resize(&c->child, cols, rows);
    } else if (c->state == CONN_COMMAND && frame_get_signal(f, &number)) {
        exec_signal(&c->child, number);
    } else {
        err_set(&e, -EPROTO, "the agent was sent a frame of type %d out of order", (int)f->type);
        fail(c, &e, now_ms);
    }
    return true;
}

static void handle_all(struct conn *c, uint64_t now_ms)
{
    while (c->state < CONN_CLOSING) {
        struct frame f;
        ssize_t n = frame_parse(c->in, c->in_len, &f);
        if (n < 0) {
            struct err e;
            err_set(&e, -EPROTO, "the agent was sent what is no frame");
            fail(c, &e, now_ms);
            return;
        }
        if (n == 0 || !handle(c, &f, now_ms))
            return;
        c->in_len -= (size_t)n;
        memmove(c->in, c->in + n, c->in_len);
    }
}

/* Returns false when the other side is gone. */
static bool receive(struct conn *c, short events)
{
    if (c->state == CONN_CLOSING)
        c->in_len = 0; /* nobody listens any more; read on for the end of the stream */
    size_t max = sizeof(c->in) - c->in_len;
    if (max == 0)
        return !(events & (POLLHUP | POLLRDHUP | POLLERR));
    ssize_t n = recv(c->fd, c->in + c->in_len, max, MSG_DONTWAIT);
    if (n > 0)
        c->in_len += (size_t)n;
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* ---- what the loop asks ---- */

void conn_polls(const struct conn *c, struct pollfd p[CONN_POLLS])
{
    const struct exec_child *x = &c->child;
    struct frame f;
    bool input = c->state == CONN_COMMAND && frame_parse(c->in, c->in_len, &f) > 0;
    bool output = room(c) >= ROOM_MIN;
    short socket = POLLRDHUP;
    if (c->in_len < sizeof(c->in) && !input)
        socket |= POLLIN;
    if (c->out_len)
        socket |= POLLOUT;
    short master = (short)((output ? POLLIN : 0) | (x->tty && input ? POLLOUT : 0));
    p[0] = (struct pollfd){.fd = c->fd, .events = socket};
    p[1] = (struct pollfd){.fd = input ? x->in : -1, .events = POLLOUT};
    p[2] = (struct pollfd){.fd = master ? x->out : -1, .events = master};
    p[3] = (struct pollfd){.fd = output ? x->err : -1, .events = POLLIN};
}

/* An ended command's last words, and after them its status. */
static void finish(struct conn *c, uint64_t now_ms)
{
    if (c->state != CONN_COMMAND || !c->ended || c->child.out >= 0 || c->child.err >= 0)
        return;
    if (room(c) < FRAME_HEADER + 4)
        return;
    c->out_len += frame_put_exit(tail(c), c->status);
    closing(c, now_ms);
}

static void move(struct conn *c, uint64_t now_ms)
{
    handle_all(c, now_ms);
    if (c->state == CONN_COMMAND) {
        pump(c, &c->child.out, FRAME_STDOUT);
        pump(c, &c->child.err, FRAME_STDERR);
        finish(c, now_ms);
    }
    flush(c);
}

void conn_ready(struct conn *c, const struct pollfd p[CONN_POLLS], uint64_t now_ms)
{
    if (c->state == CONN_CLOSING && now_ms >= c->deadline_ms)
        c->state = CONN_GONE;
    if (p[0].revents && !receive(c, p[0].revents))
        c->state = CONN_GONE;
    if (c->state != CONN_GONE && (p[0].revents || p[1].revents || p[2].revents || p[3].revents))
        move(c, now_ms);
}

void conn_ended(struct conn *c, int wait_status, uint64_t now_ms)
{
    c->ended = true;
    c->status = WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
    c->unread[0] = exec_unread(&c->child, c->child.out);
    c->unread[1] = exec_unread(&c->child, c->child.err);
    exec_leader_ended(&c->child);
    if (c->state == CONN_CHORE) {
        struct err e;
        err_set(&e, -EIO, "it failed inside the guest");
        reply(c, c->status ? &e : NULL);
        closing(c, now_ms);
    }
    move(c, now_ms);
}
