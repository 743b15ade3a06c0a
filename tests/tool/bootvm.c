// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bootvm: the smallest monitor there is: one machine from a kernel, serial port on stdin and stdout. For work
 * on engines and boards, where the command line above would only be in the way.
 *
 *     bootvm [-a] [-d DISK-FILE]... ENGINE CPUS MIB KERNEL INITRD CMDLINE [ENGINE-DEBUG-BITS]
 *
 * -d: a disk that is written in place. -a: all other devices too, see bootvm_ports.h.
 * Exit status: 0 power-off or reset, 1 anything else (told on stderr).
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/buf.h"
#include "bootvm_ports.h"

struct tool {
    pthread_mutex_t lock;
    struct loop *loop;
    struct char_port serial;
    struct buf input;
    int status;
    struct tool_disk disks[MACHINE_DISKS];
    struct tool_net net;
    struct char_port console;
    struct tool_agent agent;
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

static void add_disk(struct tool *t, struct machine_config *c, const char *path)
{
    struct tool_disk *d = &t->disks[c->nr_disks];
    if (c->nr_disks == MACHINE_DISKS || tool_disk_open(d, path, t->loop) < 0) {
        perror(path);
        exit(1);
    }
    struct machine_disk *m = &c->disks[c->nr_disks++];
    m->port = &d->port;
    snprintf(m->serial, sizeof(m->serial), "bootvm-%u", c->nr_disks);
}

static void add_all(struct tool *t, struct machine_config *c)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0, 0, 0, 15};
    tool_net_init(&t->net, t->loop);
    t->console = tool_console;
    c->net = &t->net.port;
    memcpy(c->mac, mac, sizeof(mac));
    c->console = &t->console;
    c->entropy = (struct entropy_port *)&tool_entropy;
    c->vsock_cid = 3;
    c->balloon = true;
}

static int options(struct tool *t, struct machine_config *c, int argc, char **argv)
{
    for (int o; (o = getopt(argc, argv, "+ad:")) != -1;) {
        if (o == 'd')
            add_disk(t, c, optarg);
        else if (o == 'a')
            add_all(t, c);
        else
            return -1;
    }
    return argc - optind < 6 ? -1 : optind;
}

int main(int argc, char **argv)
{
    struct tool t = {.serial = {.write = to_stdout, .room = room, .ctx = &t}};
    struct machine_config c = {.name = "bootvm", .serial = &t.serial};
    struct err e;
    pthread_mutex_init(&t.lock, NULL);
    if (loop_new(&t.lock, &t.loop, &e) < 0)
        return die(&e);
    int first = options(&t, &c, argc, argv);
    if (first < 0) {
        fprintf(stderr, "usage: bootvm [-a] [-d DISK-FILE]... ENGINE CPUS MIB KERNEL INITRD CMDLINE "
                        "[ENGINE-DEBUG-BITS]\n");
        return 2;
    }
    argc -= first;
    argv += first;
    c.engine = !strcmp(argv[0], "kvm") ? &engine_kvm : &engine_soft;
    c.cpus = (unsigned)atoi(argv[1]);
    c.memory = (uint64_t)atoi(argv[2]) << 20;
    c.cmdline = argv[5];
    c.engine_debug = argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 0) : 0;
    OWN_MEM void *kernel = read_file(argv[3], &c.kernel_len);
    OWN_MEM void *initrd = read_file(argv[4], &c.initrd_len);
    c.kernel = kernel;
    c.initrd = initrd;
    OWN(machine) m = NULL;
    if (machine_new(&c, t.loop, &t.lock, on_event, &t, &m, &e) < 0)
        return die(&e);
    loop_watch(t.loop, STDIN_FILENO, EPOLLIN, from_stdin, &t,
               &e); /* a plain file cannot be watched: no input then */
    pthread_mutex_lock(&t.lock);
    if (c.vsock_cid)
        tool_agent_start(&t.agent, m, t.loop);
    int rc = machine_start(m, &e);
    pthread_mutex_unlock(&t.lock);
    if (rc < 0 || loop_run(t.loop, &e) < 0)
        return die(&e);
    for (unsigned i = 0; i < c.cpus; i++) {
        struct cpu_stats s;
        machine_stats(m, i, &s);
        fprintf(stderr,
                "bootvm: cpu %u: %lu mmio, %lu io, %lu blocks, %lu steps, %lu tlb misses, %lu flushes\n", i,
                s.mmio_reads + s.mmio_writes, s.io_reads + s.io_writes, s.blocks, s.steps,
                s.tlb_misses[0] + s.tlb_misses[1] + s.tlb_misses[2], s.tlb_flushes);
    }
    machine_free(take(m));
    loop_free(t.loop);
    buf_fini(&t.input);
    return t.status;
}
