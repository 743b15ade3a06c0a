// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * layer: what a guest sees of its disk, as one sparse raw file, so that a test can run fsck over it.
 *
 *     layer BASE TOP OUT
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "host/disk.h"

#define CHUNK (1u << 20)

struct copy {
    struct loop *loop;
    struct disk_port *port;
    struct disk_req req;
    struct iovec iov;
    uint8_t *buf;
    int out, status;
};

static bool all_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static void next(struct copy *c);

static void done(struct disk_req *req, int status)
{
    struct copy *c = req->ctx;
    size_t n = c->iov.iov_len;
    if (status < 0 || (!all_zero(c->buf, n) && pwrite(c->out, c->buf, n, (off_t)req->offset) != (ssize_t)n)) {
        c->status = status < 0 ? status : -EIO;
        loop_stop(c->loop);
        return;
    }
    req->offset += n;
    next(c);
}

static void next(struct copy *c)
{
    uint64_t left = c->port->bytes - c->req.offset;
    if (left == 0) {
        loop_stop(c->loop);
        return;
    }
    c->iov = (struct iovec){c->buf, left < CHUNK ? left : CHUNK};
    c->req.bytes = c->iov.iov_len;
    c->port->submit(c->port->ctx, &c->req);
}

static int die(const struct err *e)
{
    fprintf(stderr, "layer: %s\n", e->text);
    return 1;
}

int main(int argc, char **argv)
{
    struct err e;
    struct copy c = {.req = {.op = DISK_READ, .done = done}};
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    OWN(loop) loop = NULL;
    OWN(disk) d = NULL;
    OWN_MEM void *buf = malloc(CHUNK);
    if (argc != 4) {
        fprintf(stderr, "usage: layer BASE TOP OUT\n");
        return 2;
    }
    OWN_FD out = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0 || !buf) {
        perror(argv[3]);
        return 1;
    }
    if (loop_new(&lock, &loop, &e) < 0 ||
        disk_open(&(struct disk_config){.base = argv[1], .top = argv[2]}, loop, &d, &e) < 0)
        return die(&e);
    c.loop = loop;
    c.port = disk_port(d);
    c.buf = buf;
    c.out = out;
    c.req.ctx = &c;
    c.req.iov = &c.iov;
    c.req.nr_iov = 1;
    if (ftruncate(out, (off_t)c.port->bytes) < 0) {
        perror(argv[3]);
        return 1;
    }
    pthread_mutex_lock(&lock);
    next(&c);
    pthread_mutex_unlock(&lock);
    if (loop_run(loop, &e) < 0)
        return die(&e);
    if (c.status < 0)
        fprintf(stderr, "layer: %s\n", strerror(-c.status));
    return c.status < 0;
}
