// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ram_lazy: see ram_lazy.h.
 *
 * The descriptor is O_NONBLOCK: a fault that another copy has resolved meanwhile leaves nothing to read.
 * Faults of system calls (read(2) into guest memory) have to be served as well, so a descriptor that is for
 * user mode alone is no use: such a call would fail with EFAULT. Each frame is put in as a whole and once; a
 * page that is missing later was given back by the guest (balloon), and is zero.
 * Threads: `faults`, `complete` are written by the loader and read by the loop's thread.
 */
#include "host/ram_lazy.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define FRAME_BYTES (RAM_LAZY_FRAME * RAM_PAGE)
#define HUGE_BYTES  (2u << 20)
#define FAULTS_MAX  4096

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

struct ram_lazy {
    struct ram_source source;
    uint8_t *mem;
    uint64_t pages, frames;
    int fd, stop;  /* userfaultfd; an eventfd */
    uint8_t *done; /* a byte a frame */
    uint32_t *hot;
    size_t nr_hot, next_hot;
    uint64_t next; /* page from which the rest is filled */
    pthread_t thread;
    bool started;
    atomic_bool complete;
    _Atomic(size_t) nr_faults;
    uint32_t faults[FAULTS_MAX];
    uint8_t buf[FRAME_BYTES] __attribute__((aligned(4096)));
};

/* ---- reading at once ---- */

static int read_frame(struct ram_source *s, uint64_t pages, uint64_t frame, void *buf, struct err *e)
{
    uint64_t first = frame * RAM_LAZY_FRAME;
    uint64_t left = pages - first;
    return s->read(s->ctx, first, left < RAM_LAZY_FRAME ? (unsigned)left : RAM_LAZY_FRAME, buf, e);
}

static uint8_t *memory_of(const struct ram *r)
{
    unsigned nr;
    return ram_slots(r, &nr)[0].host; /* the slots are one mapping, the low one first */
}

int ram_lazy_read(struct ram *r, const struct ram_source *s, struct err *e)
{
    struct ram_source source = *s;
    uint64_t pages = ram_bytes(r) / RAM_PAGE;
    for (uint64_t p = 0; (p = s->next(s->ctx, p)) < pages;) {
        uint64_t frame = p / RAM_LAZY_FRAME;
        int rc = read_frame(&source, pages, frame, memory_of(r) + frame * FRAME_BYTES, e);
        if (rc < 0)
            return err_wrap(e, "memory of the snapshot");
        p = (frame + 1) * RAM_LAZY_FRAME;
    }
    return 0;
}

/* ---- putting in ---- */

static void wake(struct ram_lazy *l, uint64_t page)
{
    struct uffdio_range w = {.start = (uintptr_t)l->mem + page * RAM_PAGE, .len = RAM_PAGE};
    ioctl(l->fd, UFFDIO_WAKE, &w);
}

/* EAGAIN: the address space was being changed. EEXIST: it is there; who waits is woken. */
static void put_zero(struct ram_lazy *l, uint64_t page)
{
    struct uffdio_zeropage z = {.range = {.start = (uintptr_t)l->mem + page * RAM_PAGE, .len = RAM_PAGE}};
    while (ioctl(l->fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
        ;
    wake(l, page);
}

static void put_frame(struct ram_lazy *l, uint64_t first, uint64_t n)
{
    uint64_t at = 0, bytes = n * RAM_PAGE;
    while (at < bytes) {
        struct uffdio_copy c = {.dst = (uintptr_t)l->mem + first * RAM_PAGE + at,
                                .src = (uintptr_t)l->buf + at,
                                .len = bytes - at};
        if (ioctl(l->fd, UFFDIO_COPY, &c) == 0)
            return;
        if (c.copy > 0)
            at += (uint64_t)c.copy;
        else if (errno != EAGAIN)
            return; /* cannot be: nobody else puts pages in */
    }
}

static void fill(struct ram_lazy *l, uint64_t frame)
{
    struct err e;
    uint64_t first = frame * RAM_LAZY_FRAME;
    uint64_t n = l->pages - first < RAM_LAZY_FRAME ? l->pages - first : RAM_LAZY_FRAME;
    if (read_frame(&l->source, l->pages, frame, l->buf, &e) < 0) {
        err_wrap(&e, "memory of the snapshot");
        l->source.failed(l->source.ctx, &e);
    }
    l->done[frame] = 1;
    put_frame(l, first, n);
}

/* ---- the loader ---- */

static void serve(struct ram_lazy *l, uint64_t address)
{
    uint64_t page = (address - (uintptr_t)l->mem) / RAM_PAGE;
    uint64_t frame = page / RAM_LAZY_FRAME;
    if (l->done[frame]) {
        put_zero(l, page);
        return;
    }
    size_t n = l->nr_faults;
    if (n < FAULTS_MAX) {
        l->faults[n] = (uint32_t)frame;
        l->nr_faults = n + 1;
    }
    uint64_t first = frame * RAM_LAZY_FRAME;
    uint64_t next = l->source.next(l->source.ctx, first);
    if (next >= first + RAM_LAZY_FRAME)
        put_zero(l, page); /* all of the frame is; one page may be enough */
    else
        fill(l, frame);
}

static bool serve_faults(struct ram_lazy *l)
{
    struct uffd_msg m[16];
    ssize_t n = read(l->fd, m, sizeof(m));
    for (ssize_t i = 0; n > 0 && i < n / (ssize_t)sizeof(m[0]); i++)
        if (m[i].event == UFFD_EVENT_PAGEFAULT)
            serve(l, m[i].arg.pagefault.address);
    return n > 0;
}

/* The next frame that nobody has asked for; false: all that is not zero has come. */
static bool fill_next(struct ram_lazy *l)
{
    while (l->next_hot < l->nr_hot) {
        uint64_t frame = l->hot[l->next_hot++];
        if (frame < l->frames && !l->done[frame]) {
            fill(l, frame);
            return true;
        }
    }
    while ((l->next = l->source.next(l->source.ctx, l->next)) < l->pages) {
        uint64_t frame = l->next / RAM_LAZY_FRAME;
        l->next = (frame + 1) * RAM_LAZY_FRAME;
        if (!l->done[frame]) {
            fill(l, frame);
            return true;
        }
    }
    return false;
}

static bool told_to_stop(const struct ram_lazy *l)
{
    struct pollfd p = {.fd = l->stop, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/* What is still missing is zero: the kernel's own business from here on. */
static void let_go(struct ram_lazy *l)
{
    struct uffdio_range all = {.start = (uintptr_t)l->mem, .len = l->pages * RAM_PAGE};
    ioctl(l->fd, UFFDIO_UNREGISTER, &all); /* wakes who waits */
    l->complete = true;
}

/* Huge pages again, of which a fork of this process is quick: where most of one came. */
static void mend(struct ram_lazy *l)
{
    const uint64_t in_huge = HUGE_BYTES / FRAME_BYTES;
    for (uint64_t f = 0; f + in_huge <= l->frames && !told_to_stop(l); f += in_huge) {
        unsigned came = 0;
        for (uint64_t i = 0; i < in_huge; i++)
            came += l->done[f + i];
        if (came >= in_huge / 2)
            madvise(l->mem + f * FRAME_BYTES, HUGE_BYTES, MADV_COLLAPSE); /* or not: no harm done */
    }
}

static void *load(void *ctx)
{
    struct ram_lazy *l = ctx;
    pthread_setname_np(pthread_self(), "memory");
    while (!told_to_stop(l)) {
        while (serve_faults(l))
            ;
        if (!fill_next(l))
            break;
    }
    let_go(l);
    mend(l);
    return NULL;
}

/* ---- beginning ---- */

/* Faults of the kernel's own are wanted, which needs a privilege or /dev/userfaultfd. */
static int open_uffd(void)
{
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        return fd;
    OWN_FD dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
    return dev < 0 ? -1 : ioctl(dev, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
}

static bool register_all(struct ram_lazy *l)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register r = {.range = {.start = (uintptr_t)l->mem, .len = l->pages * RAM_PAGE},
                                .mode = UFFDIO_REGISTER_MODE_MISSING};
    const uint64_t need = 1ull << _UFFDIO_COPY | 1ull << _UFFDIO_ZEROPAGE | 1ull << _UFFDIO_WAKE;
    return ioctl(l->fd, UFFDIO_API, &api) == 0 && ioctl(l->fd, UFFDIO_REGISTER, &r) == 0 &&
           (r.ioctls & need) == need;
}

static int start_thread(struct ram_lazy *l, struct err *e)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&l->thread, NULL, load, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    l->started = rc == 0;
    return rc ? err_code(e, -rc, "the thread that loads memory") : 0;
}

static int prepare(struct ram_lazy *l, const struct ram *r, const uint32_t *hot, size_t nr_hot)
{
    l->mem = memory_of(r);
    l->pages = ram_bytes(r) / RAM_PAGE;
    l->frames = (l->pages + RAM_LAZY_FRAME - 1) / RAM_LAZY_FRAME;
    l->done = calloc(l->frames, 1);
    l->hot = calloc(nr_hot + 1, sizeof(*hot));
    if (!l->done || !l->hot)
        return -ENOMEM;
    if (nr_hot)
        memcpy(l->hot, hot, nr_hot * sizeof(*hot));
    l->nr_hot = nr_hot;
    l->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->fd = open_uffd();
    return l->stop < 0 ? -errno : 0;
}

int ram_lazy_start(struct ram *r, const struct ram_source *s, const uint32_t *hot, size_t nr_hot,
                   struct ram_lazy **ret, struct err *e)
{
    OWN(ram_lazy) l = aligned_alloc(_Alignof(struct ram_lazy), sizeof(*l));
    if (!l)
        return err_code(e, -ENOMEM, "memory that comes later");
    memset(l, 0, sizeof(*l));
    l->source = *s;
    l->fd = l->stop = -1;
    int rc = prepare(l, r, hot, nr_hot);
    if (rc < 0)
        return err_code(e, rc, "memory that comes later");
    if (l->fd < 0 || !register_all(l)) {
        *ret = NULL;
        return ram_lazy_read(r, s, e);
    }
    if ((rc = start_thread(l, e)) < 0)
        return rc;
    *ret = take(l);
    return 0;
}

/* ---- the end ---- */

bool ram_lazy_complete(const struct ram_lazy *l)
{
    return !l || l->complete;
}

static void join(struct ram_lazy *l)
{
    if (l->started)
        pthread_join(l->thread, NULL);
    l->started = false;
}

void ram_lazy_finish(struct ram_lazy *l)
{
    if (l)
        join(l);
}

size_t ram_lazy_faults(struct ram_lazy *l, uint32_t *ret, size_t max)
{
    size_t n = l->nr_faults < max ? l->nr_faults : max;
    memcpy(ret, l->faults, n * sizeof(*ret));
    return n;
}

void ram_lazy_free(struct ram_lazy *l)
{
    if (!l)
        return;
    if (l->stop >= 0)
        (void)!write(l->stop, &(uint64_t){1}, sizeof(uint64_t));
    join(l);
    own_fd(&l->fd);
    own_fd(&l->stop);
    free(l->hot);
    free(l->done);
    free(l);
}
