// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bootvm: the smallest monitor there is: one machine from a kernel, serial port on stdin and stdout. For work
 * on engines and boards, where the command line above would only be in the way.
 *
 *     bootvm ENGINE CPUS MIB KERNEL INITRD CMDLINE [ENGINE-DEBUG-BITS]
 *
 * Exit status: 0 power-off or reset, 1 anything else (told on stderr).
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/buf.h"
#include "vm/machine.h"

struct tool {
    pthread_mutex_t lock;
    struct loop *loop;
    struct char_port serial;
    struct buf input;
    int status;
};

static size_t to_stdout(void *ctx, const void *buf, size_t len)
{
    (void)ctx;
    ssize_t n = write(STDOUT_FILENO, buf, len);
    return n > 0 ? (size_t)n : len;
}

static void push(void *ctx)
{
    struct tool *t = ctx;
    while (t->input.len) {
        size_t n = t->serial.receive(t->serial.dev, buf_data(&t->input), t->input.len);
        if (n == 0)
            return;
        buf_consume(&t->input, n);
    }
}

static void room(void *ctx)
{
    struct tool *t = ctx;
    loop_post(t->loop, push, t);
}

static void from_stdin(void *ctx, int fd, uint32_t events)
{
    struct tool *t = ctx;
    char buf[256];
    (void)events;
    ssize_t n = read(fd, buf, sizeof(buf));
    if (n <= 0) {
        loop_unwatch(t->loop, fd);
        return;
    }
    buf_append(&t->input, buf, (size_t)n);
    push(t);
}

static void on_event(void *ctx, enum machine_event event, const char *text)
{
    struct tool *t = ctx;
    fprintf(stderr, "bootvm: %s\n", text);
    t->status = event != MACHINE_POWER_OFF && event != MACHINE_RESET;
    loop_stop(t->loop);
}

static void *read_file(const char *path, size_t *ret_len)
{
    OWN_FILE f = fopen(path, "rbe");
    if (!f) {
        perror(path);
        exit(1);
    }
    fseek(f, 0, SEEK_END);
    long len = ftell(f);
    rewind(f);
    void *p = malloc((size_t)len + 1);
    *ret_len = fread(p, 1, (size_t)len, f);
    return p;
}

static int die(const struct err *e)
{
    fprintf(stderr, "bootvm: %s\n", e->text);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        fprintf(stderr, "usage: bootvm ENGINE CPUS MIB KERNEL INITRD CMDLINE [ENGINE-DEBUG-BITS]\n");
        return 2;
    }
    struct tool t = {.serial = {.write = to_stdout, .room = room, .ctx = &t}};
    pthread_mutex_init(&t.lock, NULL);
    struct machine_config c = {
        .name = "bootvm",
        .engine = !strcmp(argv[1], "kvm") ? &engine_kvm : &engine_soft,
        .cpus = (unsigned)atoi(argv[2]),
        .memory = (uint64_t)atoi(argv[3]) << 20,
        .cmdline = argv[6],
        .serial = &t.serial,
        .engine_debug = argc > 7 ? (uint32_t)strtoul(argv[7], NULL, 0) : 0,
    };
    OWN_MEM void *kernel = read_file(argv[4], &c.kernel_len);
    OWN_MEM void *initrd = read_file(argv[5], &c.initrd_len);
    c.kernel = kernel;
    c.initrd = initrd;
    struct err e;
    OWN(machine) m = NULL;
    if (loop_new(&t.lock, &t.loop, &e) < 0 || machine_new(&c, t.loop, &t.lock, on_event, &t, &m, &e) < 0)
        return die(&e);
    loop_watch(t.loop, STDIN_FILENO, EPOLLIN, from_stdin, &t,
               &e); /* a plain file cannot be watched: no input then */
    pthread_mutex_lock(&t.lock);
    int rc = machine_start(m, &e);
    pthread_mutex_unlock(&t.lock);
    if (rc < 0 || loop_run(t.loop, &e) < 0)
        return die(&e);
    for (unsigned i = 0; i < c.cpus; i++) {
        struct cpu_stats s;
        machine_stats(m, i, &s);
        fprintf(stderr,
                "bootvm: cpu %u: %lu mmio, %lu io, %lu blocks, %lu steps, %lu tlb misses, %lu flushes\n", i,
                s.exits_mmio, s.exits_io, s.blocks, s.steps, s.tlb_misses, s.flushes);
    }
    machine_free(take(m));
    loop_free(t.loop);
    buf_fini(&t.input);
    return t.status;
}
