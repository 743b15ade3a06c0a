// SPDX-License-Identifier: GPL-2.0-or-later
/* criu: see criu.h. */
#include "container/criu.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "container/fdpass.h"
#include "container/ns.h"
#include "container/wire.h"

void criu_fini(struct criu *c)
{
    own_fd(&c->sock);
    c->sock = -1;
    while (c->pid > 0 && waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    c->pid = 0;
}

/* ---- its process ---- */

static void own_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    (void)signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Callers may have a PATH without the folders of system programs. */
static void execute(const char *sock)
{
    execlp("criu", "criu", "swrk", sock, NULL);
    if (errno == ENOENT)
        execl("/usr/sbin/criu", "criu", "swrk", sock, NULL);
}

/*
 * Numbers of descriptors in a request mean those of the process that made the socket. That is criu's own, so
 * that folders are seen from the mount namespace that it is in.
 */
static int make_socket(int tell, char *number, size_t size, struct err *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "socket pair");
    int rc = fd_send(tell, "", 1, &pair[0], 1);
    close(pair[0]);
    snprintf(number, size, "%d", pair[1]);
    return rc < 0 || fcntl(pair[1], F_SETFD, 0) < 0 ? err_sys(e, "hand over a socket") : 0;
}

_Noreturn static void become(const struct criu_setup *s, int tell)
{
    struct err e = {0};
    char number[12];
    own_signals();
    int rc = s->prepare ? s->prepare(s->ctx, &e) : 0;
    for (unsigned i = 0; i < s->nr_keep; i++)
        (void)fcntl(s->keep[i], F_SETFD, 0);
    if (rc == 0 && make_socket(tell, number, sizeof(number), &e) == 0) {
        execute(number);
        err_sys(&e, errno == ENOENT ? "criu is not installed" : "start criu");
    }
    (void)fd_send(tell, &e, sizeof(e), NULL, 0);
    _exit(1);
}

/* A socket, then the end of the file when the process has become criu, or else why it has not. */
static int listen_to(int heard, int *ret_sock, struct err *e)
{
    struct err why;
    int fd = -1;
    ssize_t n = fd_recv(heard, &why, sizeof(why), ret_sock);
    if (n == 1)
        n = fd_recv(heard, &why, sizeof(why), &fd);
    if (n == sizeof(why))
        return err_set(e, why.code, "%s", why.text);
    return n < 0           ? err_code(e, (int)n, "start criu")
           : *ret_sock < 0 ? err_set(e, -EIO, "criu did not start")
                           : 0;
}

int criu_start(const struct criu_setup *s, struct criu *ret, struct err *e)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "socket pair");
    OWN_FD heard = pair[0];
    OWN_CRIU c = {.sock = -1, .pid = ns_clone(0, s->cgroup)};
    if (c.pid == 0)
        become(s, pair[1]);
    close(pair[1]);
    if (c.pid < 0)
        return err_sys(e, "clone");
    int rc = listen_to(heard, &c.sock, e);
    if (rc < 0)
        return rc;
    *ret = c;
    c = (struct criu){.sock = -1};
    return 0;
}

/* ---- messages ---- */

static int send_request(const struct criu *c, enum criu_type type, const struct buf *opts,
                        const struct buf *more, struct err *e)
{
    OWN_BUF b = {0};
    wire_number(&b, 1, type);
    if (opts)
        wire_part(&b, 2, opts);
    if (more && more->len && buf_append(&b, buf_data(more), more->len) < 0)
        return err_code(e, -ENOMEM, "ask criu");
    int rc = fd_send(c->sock, buf_data(&b), b.len, NULL, 0);
    return rc < 0 ? err_code(e, rc, "ask criu") : 0;
}

/* A message within the answer: its numbers by field, its first text. */
static void part(const struct wire_field *f, int64_t *numbers, unsigned nr, char *text, size_t size)
{
    const uint8_t *at = f->data, *end = f->data + f->len;
    struct wire_field in;
    while (at && wire_next(&at, end, &in) > 0) {
        if (!in.data && in.number < nr)
            numbers[in.number] = (int64_t)in.value;
        else if (in.data && in.number == 1 && text)
            wire_string(&in, text, size);
    }
}

static void answer_field(const struct wire_field *f, struct criu_answer *a)
{
    int64_t n[5] = {0};
    if (f->data && f->number != 9)
        part(f, n, 5, f->number == 5 ? a->script : NULL, sizeof(a->script));
    switch (f->number) {
    case 1:
        a->type = (unsigned)f->value;
        break;
    case 2:
        a->success = f->value != 0;
        break;
    case 4: /* criu_restore_resp */
        a->pid = (pid_t)n[1];
        break;
    case 5: /* criu_notify */
        a->pid = (pid_t)n[2];
        break;
    case 7:
        a->error = (int)f->value;
        break;
    case 8: /* criu_features */
        a->mem_track = n[1];
        a->lazy_pages = n[2];
        break;
    case 9:
        wire_string(f, a->message, sizeof(a->message));
        break;
    case 10: /* criu_version */
        a->version = (unsigned)(n[1] * 10000 + n[2] * 100 + n[4]);
        break;
    default:
        break;
    }
}

static int receive(const struct criu *c, struct criu_answer *ret, int *ret_fd, struct err *e)
{
    uint8_t data[16384];
    struct criu_answer a = {0};
    struct wire_field f;
    ssize_t n = fd_recv(c->sock, data, sizeof(data), ret_fd);
    const uint8_t *at = data;
    int rc = n < 0 ? (int)n : 1;
    if (n == 0)
        return err_set(e, -EIO, "criu ended without an answer");
    while (rc > 0 && (rc = wire_next(&at, data + n, &f)) > 0)
        answer_field(&f, &a);
    if (rc < 0)
        return err_code(e, rc, "criu's answer");
    *ret = a;
    return 0;
}

static int notified(const struct criu *c, const struct criu_answer *a, criu_notify *fn, void *ctx, int fd,
                    struct err *e)
{
    OWN_BUF said = {0};
    struct err ignored;
    int rc = fn ? fn(ctx, a, fd, e) : 0;
    wire_number(&said, 3, rc == 0); /* notify_success */
    int sent = send_request(c, CRIU_NOTIFY, NULL, &said, rc < 0 ? &ignored : e);
    return rc < 0 ? rc : sent;
}

int criu_ask(const struct criu *c, enum criu_type type, const struct buf *opts, criu_notify *fn, void *ctx,
             struct criu_answer *ret, struct err *e)
{
    OWN_BUF features = {0}, more = {0};
    if (type == CRIU_FEATURES) {
        wire_number(&features, 1, 1);
        wire_number(&features, 2, 1);
        wire_part(&more, 5, &features);
    }
    int rc = send_request(c, type, opts, &more, e);
    while (rc == 0) {
        int fd = -1;
        rc = receive(c, ret, &fd, e);
        OWN_FD owned = fd;
        if (rc < 0 || ret->type != CRIU_NOTIFY)
            return rc;
        rc = notified(c, ret, fn, ctx, owned, e);
    }
    return rc;
}

/* ---- asked before ---- */

static int question(enum criu_type type, struct criu_answer *ret, struct err *e)
{
    OWN_CRIU c = {.sock = -1};
    const struct criu_setup s = {.cgroup = -1};
    int rc = criu_start(&s, &c, e);
    if (rc == 0)
        rc = criu_ask(&c, type, NULL, NULL, NULL, ret, e);
    if (rc == 0 && !ret->success)
        rc = err_set(e, -EOPNOTSUPP, "criu is too old");
    return rc;
}

int criu_check(bool mem_track, bool lazy_pages, struct err *e)
{
    struct criu_answer a;
    int rc = question(CRIU_VERSION, &a, e);
    if (rc < 0)
        return rc;
    if (a.version < CRIU_OLDEST)
        return err_set(e, -EOPNOTSUPP, "criu %u.%u is too old: it takes %u.%u", a.version / 10000,
                       a.version / 100 % 100, CRIU_OLDEST / 10000, CRIU_OLDEST / 100 % 100);
    if (!mem_track && !lazy_pages)
        return 0;
    rc = question(CRIU_FEATURES, &a, e);
    if (rc == 0 && mem_track && !a.mem_track)
        rc = err_set(e, -EOPNOTSUPP, "criu cannot track memory here, so there is no --pre-dump");
    if (rc == 0 && lazy_pages && !a.lazy_pages)
        rc = err_set(e, -EOPNOTSUPP, "criu cannot load memory lazily here, so there are no --lazy-pages");
    return rc;
}

/* ---- what went wrong ---- */

/* "(00.012345) Error (criu/mount.c:123): what": without the time and the place. */
static const char *plain(const char *line)
{
    const char *at = strstr(line, "Error (");
    const char *end = at ? strstr(at, "): ") : NULL;
    return end ? end + 3 : NULL;
}

/* The last that says more than that something failed, and the one that led to it: it stands right before. */
static void last_errors(char *log, char *ret, size_t size)
{
    const char *last = NULL, *before = NULL;
    unsigned nr = 0, at = 0;
    for (char *rest = log, *line; (line = strsep(&rest, "\n")); nr++) {
        const char *text = plain(line);
        if (text && strstr(text, "ing FAILED"))
            break; /* what follows is tidying up */
        if (!text || strstr(text, " exited, status="))
            continue;
        before = last && nr - at <= 3 ? last : NULL;
        last = text;
        at = nr;
    }
    if (last)
        snprintf(ret, size, ": %.150s%s%.150s", before ? before : "", before ? "; " : "", last);
}

int criu_failed(const struct criu_answer *a, const char *dir, const char *file, struct err *e)
{
    char why[320] = "";
    OWN_MEM char *path = path_make("%s/%s", dir, file), *log = NULL;
    if (file_read(path, 64 << 20, &log, NULL, NULL) == 0)
        last_errors(log, why, sizeof(why));
    if (!*why && *a->message)
        snprintf(why, sizeof(why), ": %.150s", a->message);
    return err_set(e, a->error > 0 && a->error < 4096 ? -a->error : -EIO, "criu failed%s (%.160s)", why,
                   path);
}
