// SPDX-License-Identifier: GPL-2.0-or-later
// sys.c - what the kernel does for programs: calls, signals, processes, page faults, pipes, switches.
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum {
    CALLS = 2000,
    CLOCKS = 5000,
    SIGNALS = 200,
    FORKS = 4,
    EXECS = 2,
    PAGES = 512,
    TRIPS = 200,
    READS = 200
};

static uint64_t getppid_run(void *state)
{
    uint64_t h = 0;
    (void)state;
    for (int i = 0; i < CALLS; i++)
        h += syscall(SYS_getppid) > 0;
    return h;
}

static uint64_t clock_run(void *state)
{
    uint64_t last = now_ns(), backwards = 0;
    (void)state;
    for (int i = 0; i < CLOCKS; i++) {
        uint64_t t = now_ns();
        backwards += t < last;
        last = t;
    }
    return backwards;
}

static void *file_setup(const struct settings *s)
{
    (void)s;
    char *page = room(4096);
    int fd = memfd_create("bench", MFD_CLOEXEC);
    must(fd >= 0, "memfd");
    for (int i = 0; i < 16; i++)
        must(write(fd, page, 4096) == 4096, "write");
    *(int *)page = fd;
    return page;
}

static uint64_t read_run(void *state)
{
    char buf[4096];
    uint64_t bytes = 0;
    for (int i = 0; i < READS; i++)
        bytes += (uint64_t)pread(*(int *)state, buf, sizeof(buf), (i & 15) * 4096);
    return bytes;
}

static void caught(int number)
{
    (void)number;
}

static void *signal_setup(const struct settings *s)
{
    struct sigaction act = {.sa_handler = caught};
    (void)s;
    sigaction(SIGUSR1, &act, NULL);
    return room(1);
}

static uint64_t signal_run(void *state)
{
    (void)state;
    for (int i = 0; i < SIGNALS; i++)
        must(raise(SIGUSR1) == 0, "raise");
    return SIGNALS;
}

static uint64_t wait_for(pid_t pid)
{
    int status = -1;
    must(pid > 0 && waitpid(pid, &status, 0) == pid, "wait");
    return (uint64_t)(unsigned)status;
}

static uint64_t fork_run(void *state)
{
    uint64_t h = 0;
    (void)state;
    for (int i = 0; i < FORKS; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(3);
        h = mix(h, wait_for(pid));
    }
    return h;
}

static uint64_t exec_run(void *state)
{
    uint64_t h = 0;
    (void)state;
    for (int i = 0; i < EXECS; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            execl("/proc/self/exe", "cpubench", "--nothing", NULL);
            _exit(99);
        }
        h = mix(h, wait_for(pid));
    }
    return h;
}

static uint64_t fault_run(void *state)
{
    volatile char *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t sum = 0;
    (void)state;
    must(p != MAP_FAILED, "mmap");
    madvise((void *)p, PAGES * 4096, MADV_NOHUGEPAGE);
    for (int i = 0; i < PAGES; i++) {
        p[i * 4096] = (char)i;
        sum += (unsigned char)p[i * 4096];
    }
    must(munmap((void *)p, PAGES * 4096) == 0, "munmap");
    return sum;
}

static uint64_t mprotect_run(void *state)
{
    char *p = state;
    for (int i = 0; i < READS; i++) {
        must(mprotect(p, 4096, PROT_READ) == 0 && mprotect(p, 4096, PROT_READ | PROT_WRITE) == 0, "mprotect");
        p[0]++;
    }
    return READS;
}

static void *mprotect_setup(const struct settings *s)
{
    (void)s;
    char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(p != MAP_FAILED, "mmap");
    return p + 4096;
}

struct pipes {
    int to[2], from[2];
};

/* The partner ends when our end of its pipe is gone. */
static void *pipe_setup(const struct settings *s)
{
    struct pipes *p = room(sizeof(*p));
    (void)s;
    must(pipe(p->to) == 0 && pipe(p->from) == 0, "pipe");
    stay_here();
    pid_t pid = fork();
    must(pid >= 0, "fork");
    if (pid == 0) {
        char c;
        close(p->to[1]);
        close(p->from[0]);
        while (read(p->to[0], &c, 1) == 1 && write(p->from[1], &c, 1) == 1)
            ;
        _exit(0);
    }
    return p;
}

static uint64_t pipe_run(void *state)
{
    struct pipes *p = state;
    uint64_t sum = 0;
    for (int i = 0; i < TRIPS; i++) {
        char c = (char)i, back = 0;
        must(write(p->to[1], &c, 1) == 1 && read(p->from[0], &back, 1) == 1, "round trip");
        sum += (unsigned char)back;
    }
    return sum;
}

/* A token goes to and fro between two threads: 1 is the partner's, 0 is ours. */
static void hand_over(uint32_t *token, uint32_t to)
{
    __atomic_store_n(token, to, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, token, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    while (__atomic_load_n(token, __ATOMIC_SEQ_CST) == to)
        syscall(SYS_futex, token, FUTEX_WAIT_PRIVATE, to, NULL, NULL, 0);
}

static void *partner(void *token)
{
    while (__atomic_load_n((uint32_t *)token, __ATOMIC_SEQ_CST) == 0)
        syscall(SYS_futex, token, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    for (;;)
        hand_over(token, 0);
    return NULL;
}

static void *switch_setup(const struct settings *s)
{
    uint32_t *token = room(sizeof(*token));
    pthread_t thread;
    (void)s;
    stay_here();
    must(pthread_create(&thread, NULL, partner, token) == 0, "thread");
    return token;
}

static uint64_t switch_run(void *state)
{
    for (int i = 0; i < TRIPS; i++)
        hand_over(state, 1);
    return TRIPS;
}

const struct work works_sys[] = {
    {"getppid", "sys", CALLS, NULL, getppid_run, "call"},
    {"clock", "sys", CLOCKS, NULL, clock_run, "call"},
    {"read4k", "sys", READS, file_setup, read_run, "call"},
    {"signal", "sys", SIGNALS, signal_setup, signal_run, "signal"},
    {"fork", "sys", FORKS, NULL, fork_run, "fork+exit+wait"},
    {"exec", "sys", EXECS, NULL, exec_run, "fork+exec+exit+wait"},
    {"fault", "sys", PAGES, NULL, fault_run, "page"},
    {"mprotect", "sys", READS, mprotect_setup, mprotect_run, "pair+fault"},
    {"pipe", "sys", TRIPS, pipe_setup, pipe_run, "round trip"},
    {"switch", "sys", 2 * TRIPS, switch_setup, switch_run, "switch"},
    {0},
};
