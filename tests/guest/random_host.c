// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * random_host: trials on the host's own processor. Each end of a trial is a signal; its handler notes the
 * state from the signal's frame, puts the next trial's state there, and returns into it.
 */
#include <asm/prctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "random.h"

/* The child's; a signal handler has no other way to its data. */
static const struct trial *trials;
static struct outcome *outcomes;
static unsigned nr_trials;
static volatile unsigned *done;
static bool started;

static const uint8_t greg[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

/* In the frame: FXSAVE image with a software part at 464, XSAVE header at 512, AVX at 576. */
#define XFEATURES_SW 472
#define XSTATE_BV    512
#define YMMH         576

static void note(const ucontext_t *uc, const struct trial *t, struct outcome *o)
{
    const greg_t *r = uc->uc_mcontext.gregs;
    const uint8_t *fp = (const uint8_t *)uc->uc_mcontext.fpregs;
    uint64_t bv;
    memcpy(&bv, fp + XSTATE_BV, 8);
    for (unsigned i = 0; i < 16; i++)
        o->out.gpr[i] = (uint64_t)r[greg[i]];
    o->out.rip = (uint64_t)r[REG_RIP];
    o->out.flags = (uint64_t)r[REG_EFL];
    o->vector = (unsigned)r[REG_TRAPNO];
    o->error = (uint32_t)r[REG_ERR];
    o->cr2 = (uint64_t)r[REG_CR2];
    o->patched = memcmp((void *)(uintptr_t)CODE_VA, t->code, CODE_BYTES);
    memcpy(o->out.v.fx, fp, 512);
    if (bv & 4)
        memcpy(o->out.v.high, fp + YMMH, 256);
    else
        memset(o->out.v.high, 0, 256);
    if (!(bv & 2))
        memset(o->out.v.fx + 160, 0, 256);
    memcpy(o->data, (void *)(uintptr_t)DATA_VA, DATA_BYTES);
}

/* NT and ID, which a trial's POPFQ may have set and which a return from a handler does not restore. */
static void clear_flags(void)
{
    __asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andq $~0x204000, (%%rsp); popfq; lea 128(%%rsp), %%rsp"
                     :
                     :
                     : "cc", "memory");
}

/* Of CPU time, a thousand times what a trial takes. Who jumps over the start of a loop's counter may have
 * 2^32 rounds to go, which this processor ends some day, and the engine much later. */
static void limit_time(void)
{
    setitimer(ITIMER_VIRTUAL, &(struct itimerval){.it_value.tv_usec = 20000}, NULL);
}

static void load(ucontext_t *uc, const struct trial *t)
{
    greg_t *r = uc->uc_mcontext.gregs;
    uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;
    uint64_t bv;
    clear_flags();
    memcpy((void *)(uintptr_t)CODE_VA, t->code, CODE_BYTES);
    mprotect((void *)(uintptr_t)(DATA_VA + DATA_PAGES * PAGE), PAGE, PROT_READ | PROT_WRITE);
    gen_data(t->data_seed, (void *)(uintptr_t)DATA_VA);
    mprotect((void *)(uintptr_t)(DATA_VA + DATA_PAGES * PAGE), PAGE, PROT_READ);
    *(volatile uint32_t *)(uintptr_t)COUNTER_VA = t->repeats;
    for (unsigned i = 0; i < 16; i++)
        r[greg[i]] = (greg_t)t->in.gpr[i];
    r[REG_RIP] = CODE_VA + t->start;
    r[REG_EFL] = (greg_t)t->in.flags;
    memcpy(fp, t->in.v.fx, 464); /* not the kernel's own words */
    memcpy(&bv, fp + XFEATURES_SW, 8);
    if (bv & 4)
        memcpy(fp + YMMH, t->in.v.high, 256);
    bv &= 7;
    memcpy(fp + XSTATE_BV, &bv, 8);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)info;
    ucontext_t *uc = context;
    if (sig == SIGVTALRM)
        _exit(2);
    if (started) {
        note(uc, &trials[*done], &outcomes[*done]);
        ++*done;
    }
    started = true;
    if (*done == nr_trials)
        _exit(0);
    load(uc, &trials[*done]);
    limit_time();
}

static void map(uint32_t at, size_t bytes, int prot)
{
    void *p =
        mmap((void *)(uintptr_t)at, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p == MAP_FAILED) {
        perror("random: map");
        _exit(3);
    }
    memset(p, 0, prot & PROT_WRITE ? bytes : 0);
}

static _Noreturn void child(void)
{
    static const int signals[] = {SIGSEGV, SIGFPE, SIGILL, SIGBUS, SIGTRAP, SIGVTALRM};
    const size_t stack_bytes = 256 << 10;
    stack_t ss = {.ss_size = stack_bytes};
    ss.ss_sp = mmap(NULL, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaltstack(&ss, NULL);
    map(CODE_VA, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
    map(COUNTER_VA, PAGE, PROT_READ | PROT_WRITE);
    map(DATA_VA, DATA_BYTES, PROT_READ | PROT_WRITE);
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &sa, NULL);
    syscall(SYS_arch_prctl, ARCH_SET_GS, (unsigned long)DATA_VA);
    raise(SIGTRAP);
    __builtin_trap();
}

unsigned host_run(const struct trial *t, struct outcome *o, unsigned nr)
{
    size_t bytes = sizeof(*o) * nr + 64;
    void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
    done = shared;
    outcomes = (struct outcome *)((uint8_t *)shared + 64);
    trials = t;
    nr_trials = nr;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        child();
    int status;
    while (waitpid(pid, &status, 0) < 0)
        ;
    unsigned finished = *done;
    memcpy(o, outcomes, sizeof(*o) * finished);
    munmap(shared, bytes);
    return finished;
}
