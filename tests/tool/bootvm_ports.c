// SPDX-License-Identifier: GPL-2.0-or-later
#include "bootvm_ports.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "dev/virtio_vsock.h"

/* ---- disk ---- */

static int transfer(const struct tool_disk *d, const struct disk_req *r)
{
    const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    ssize_t n = 0;
    switch (r->op) {
    case DISK_READ:
        n = preadv(d->fd, r->iov, (int)r->nr_iov, (off_t)r->offset);
        break;
    case DISK_WRITE:
        n = pwritev(d->fd, r->iov, (int)r->nr_iov, (off_t)r->offset);
        break;
    case DISK_FLUSH:
        return fdatasync(d->fd) < 0 ? -errno : 0;
    case DISK_DISCARD:
    case DISK_WRITE_ZEROES:
        return fallocate(d->fd, punch, (off_t)r->offset, (off_t)r->bytes) < 0 ? -errno : 0;
    }
    return n < 0 ? -errno : (size_t)n < r->bytes ? -EIO : 0;
}

/* The status of a finished request is kept in its offset, which nobody needs any more. */
static void complete(void *ctx)
{
    struct tool_disk *d = ctx;
    while (d->finished) {
        struct disk_req *r = d->finished;
        d->finished = (struct disk_req *)r->work.next;
        r->done(r, (int)r->offset);
    }
}

static void submit(void *ctx, struct disk_req *r)
{
    struct tool_disk *d = ctx;
    r->offset = (uint64_t)transfer(d, r);
    r->work.next = NULL;
    if (d->finished)
        d->last->work.next = &r->work;
    else
        d->finished = r;
    d->last = r;
    loop_post(d->loop, complete, d);
}

int tool_disk_open(struct tool_disk *d, const char *path, struct loop *loop)
{
    struct stat st;
    d->fd = open(path, O_RDWR | O_CLOEXEC);
    if (d->fd < 0 || fstat(d->fd, &st) < 0)
        return -errno;
    d->loop = loop;
    d->port = (struct disk_port){.submit = submit,
                                 .drain = complete,
                                 .ctx = d,
                                 .bytes = (uint64_t)st.st_size & ~511ull,
                                 .max_discard_bytes = 1u << 30};
    return 0;
}

/* ---- network: 10.0.2.2 ---- */

static void answer(void *ctx)
{
    struct tool_net *n = ctx;
    if (n->len && n->port.receive(n->port.dev, n->frame, n->len))
        n->len = 0;
}

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
    while (len--) {
        uint8_t t = a[len];
        a[len] = b[len];
        b[len] = t;
    }
}

/* Turn a question around; false: it is none that we answer. */
static bool turn(uint8_t *f, size_t len)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0, 0, 0, 2}, arp[] = {8, 6}, ip[] = {8, 0};
    memcpy(f, f + 6, 6);
    memcpy(f + 6, mac, 6);
    if (len >= 42 && !memcmp(f + 12, arp, 2) && f[21] == 1) {
        f[21] = 2;
        swap(f + 22, f + 32, 10);
        memcpy(f + 22, mac, 6);
        return true;
    }
    if (len >= 42 && !memcmp(f + 12, ip, 2) && f[23] == 1 && f[34] == 8) {
        f[34] = 0;
        unsigned sum = (unsigned)(f[36] << 8 | f[37]) + 0x0800; /* ones' complement: what type lost */
        sum = (sum & 0xffff) + (sum >> 16);
        f[36] = (uint8_t)(sum >> 8);
        f[37] = (uint8_t)sum;
        swap(f + 26, f + 30, 4);
        return true;
    }
    return false;
}

static void net_send(void *ctx, const struct iovec *frame, unsigned nr)
{
    struct tool_net *n = ctx;
    if (n->len)
        return;
    size_t len = 0;
    for (unsigned i = 1; i < nr && len + frame[i].iov_len <= sizeof(n->frame); i++) {
        memcpy(n->frame + len, frame[i].iov_base, frame[i].iov_len);
        len += frame[i].iov_len;
    }
    if (!turn(n->frame, len))
        return;
    n->len = len;
    loop_post(n->loop, answer, n);
}

static void net_writable(void *ctx)
{
    loop_post(((struct tool_net *)ctx)->loop, answer, ctx);
}

void tool_net_init(struct tool_net *n, struct loop *loop)
{
    *n = (struct tool_net){.loop = loop, .port = {.send = net_send, .writable = net_writable, .ctx = n}};
}

/* ---- console, entropy ---- */

static size_t to_stderr(void *ctx, const void *buf, size_t len)
{
    (void)ctx;
    ssize_t n = write(STDERR_FILENO, buf, len);
    return n > 0 ? (size_t)n : len;
}
const struct char_port tool_console = {.write = to_stderr};

static void fill(void *ctx, void *buf, size_t len)
{
    (void)ctx;
    for (size_t done = 0; done < len;) {
        ssize_t n = getrandom((uint8_t *)buf + done, len - done, 0);
        done += n > 0 ? (size_t)n : 0;
    }
}
const struct entropy_port tool_entropy = {.fill = fill};

/* ---- vsock and balloon ---- */

#define RETRY_NS 100000000u

static void connected(void *ctx)
{
    struct tool_agent *a = ctx;
    struct err e;
    fprintf(stderr, "bootvm: vsock: connected\n");
    vsock_stream_write(a->stream, "hello guest\n", 12);
    vsock_stream_shutdown(a->stream);
    if (machine_balloon_ask(a->machine, 32 << 20, &e) < 0)
        fprintf(stderr, "bootvm: %s\n", e.text);
}

static size_t receive(void *ctx, const void *buf, size_t len)
{
    struct tool_agent *a = ctx;
    if (a->got == 0)
        fprintf(stderr, "bootvm: vsock: %.*s", (int)(len < 60 ? len : 60), (const char *)buf);
    a->got += len;
    return len;
}

static void nothing(void *ctx)
{
    (void)ctx;
}

static void again(struct tool_agent *a)
{
    loop_timer_arm(&a->timer, loop_now_ns() + RETRY_NS);
}

static void closed(void *ctx, bool reset)
{
    struct tool_agent *a = ctx;
    a->stream = NULL;
    if (a->got)
        fprintf(stderr, "bootvm: vsock: %zu bytes, %s; balloon: %lu MiB\n", a->got,
                reset ? "cut off" : "closed", machine_balloon_given(a->machine) >> 20);
    else
        again(a);
}

static const struct vsock_stream_ops ops = {connected, receive, nothing, nothing, closed};

static void try(void *ctx)
{
    struct tool_agent *a = ctx;
    struct err e;
    if (virtio_vsock_connect(machine_vsock(a->machine), 1024, &ops, a, &a->stream, &e) < 0)
        again(a);
}

void tool_agent_start(struct tool_agent *a, struct machine *m, struct loop *loop)
{
    *a = (struct tool_agent){.machine = m};
    loop_timer_init(&a->timer, loop, try, a);
    again(a);
}
