// SPDX-License-Identifier: GPL-2.0-or-later
/* call: see call.h. */
#include "monitor/call.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>

#include "base/file.h"
#include "base/frame.h"
#include "base/loop.h"
#include "monitor/address.h"
#include "monitor/control.h"

int call_open(const struct guest_dir *d, int *ret_fd, struct err *e)
{
    OWN_MEM char *path = guest_dir_run_file(d, "control");
    if (!path)
        return err_code(e, -ENOMEM, "guest %s", d->name);
    struct err why;
    int rc = address_connect(path, ret_fd, &why);
    if (rc == 0)
        return 0;
    if (rc == -ENOENT || rc == -ECONNREFUSED)
        return err_set(e, -ESRCH, "guest %s is not running", d->name);
    return err_set(e, rc, "%s", why.text);
}

/* ---- waiting ---- */

struct call {
    int fd, signals;
    uint64_t deadline_ns; /* UINT64_MAX: none */
};

static int signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return signalfd(-1, &set, SFD_CLOEXEC); /* only polled: they stay pending; unblocked ones end us anyway */
}

static int wait_for(const struct call *c, short events, struct err *e)
{
    for (;;) {
        uint64_t now = loop_now_ns();
        if (now >= c->deadline_ns)
            return err_set(e, -ETIMEDOUT, "the monitor does not answer");
        uint64_t left_ms = (c->deadline_ns - now) / 1000000 + 1;
        struct pollfd p[2] = {{.fd = c->fd, .events = events}, {.fd = c->signals, .events = POLLIN}};
        int n = poll(p, 2, left_ms > 60000 ? 60000 : (int)left_ms);
        if (n < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (n > 0 && p[1].revents)
            return err_set(e, -EINTR, "interrupted");
        if (n > 0 && p[0].revents)
            return 0;
    }
}

static int went_away(struct err *e)
{
    return err_set(e, -EPIPE, "the guest's monitor went away");
}

static int send_all(const struct call *c, const uint8_t *from, size_t len, struct err *e)
{
    while (len) {
        int rc = wait_for(c, POLLOUT, e);
        if (rc < 0)
            return rc;
        ssize_t n = send(c->fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return went_away(e);
        from += n;
        len -= (size_t)n;
    }
    return 0;
}

static int receive_all(const struct call *c, uint8_t *to, size_t len, struct err *e)
{
    while (len) {
        int rc = wait_for(c, POLLIN, e);
        if (rc < 0)
            return rc;
        ssize_t n = recv(c->fd, to, len, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n <= 0)
            return went_away(e);
        to += n;
        len -= (size_t)n;
    }
    return 0;
}

/* ---- request and reply ---- */

static int send_request(const struct call *c, json_t *request, struct err *e)
{
    OWN(json_t) j = json_copy(request);
    if (!j || json_object_set_new(j, "version", json_integer(CONTROL_VERSION)) < 0)
        return err_code(e, -ENOMEM, "request");
    OWN_MEM char *text = json_dumps(j, JSON_COMPACT);
    if (!text)
        return err_set(e, -EINVAL, "not UTF-8 text");
    size_t len = strlen(text);
    if (len > FRAME_MAX)
        return err_set(e, -E2BIG, "arguments and environment are longer than %d bytes", FRAME_MAX);
    OWN_MEM uint8_t *frame = malloc(FRAME_HEADER + len);
    if (!frame)
        return err_code(e, -ENOMEM, "request");
    return send_all(c, frame, frame_put(frame, FRAME_REQUEST, text, (uint32_t)len), e);
}

static int receive_reply(const struct call *c, json_t **ret, struct err *e)
{
    uint8_t header[FRAME_HEADER];
    int rc = receive_all(c, header, sizeof(header), e);
    if (rc < 0)
        return rc;
    uint32_t len = (uint32_t)header[4] | (uint32_t)header[5] << 8 | (uint32_t)header[6] << 16 |
                   (uint32_t)header[7] << 24;
    if (header[0] != FRAME_REPLY || len > FRAME_MAX)
        return err_set(e, -EPROTO, "the monitor's answer makes no sense");
    OWN_MEM uint8_t *text = malloc(len + 1);
    if (!text)
        return err_code(e, -ENOMEM, "reply");
    rc = receive_all(c, text, len, e);
    return rc < 0 ? rc : json_parse((const char *)text, len, "the monitor's answer", ret, e);
}

static int told_error(const json_t *reply, struct err *e)
{
    const char *text;
    uint64_t code;
    int rc;
    if ((rc = json_opt_string(reply, "error", NULL, &text, e)) < 0 ||
        (rc = json_opt_uint(reply, "code", EIO, 1, 4095, &code, e)) < 0)
        return rc;
    return text ? err_set(e, -(int)code, "%s", text) : 0;
}

int call_ask(int fd, json_t *request, int64_t timeout_ms, bool interruptible, json_t **ret_reply,
             struct err *e)
{
    OWN_FD signals = interruptible ? signals_open() : -1;
    if (interruptible && signals < 0)
        return err_sys(e, "signals");
    struct call c = {.fd = fd, .signals = signals, .deadline_ns = UINT64_MAX};
    if (timeout_ms >= 0)
        c.deadline_ns = loop_now_ns() + (uint64_t)timeout_ms * 1000000u;
    OWN(json_t) reply = NULL;
    int rc;
    if ((rc = send_request(&c, request, e)) < 0 || (rc = receive_reply(&c, &reply, e)) < 0 ||
        (rc = told_error(reply, e)) < 0)
        return rc;
    *ret_reply = take(reply);
    return 0;
}
