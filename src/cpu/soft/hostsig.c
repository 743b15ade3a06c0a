// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hostsig: faults that guest instructions raise natively (divide error, SIMD exception, unaligned SSE, ...)
 * arrive as signals of the host and become exceptions of the guest.
 *
 * The guest owns RSP, so signals come on a stack of their own, whose first word leads to the CPU; the kernel
 * tells the handler which stack it has in uc_stack, so no global variable is needed. The handler does not
 * unwind itself: it sends the thread on to the C stack, so that sigreturn puts the guest's vectors back. All
 * other signals are blocked on CPU threads. Source: sigaltstack(2), Linux arch/x86/kernel/signal_64.c; trap
 * numbers are the processor's vectors. Threads: handlers are the process' own; a fault of any other thread
 * goes to the handler that was there before.
 */
#include <asm/prctl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "cpu/soft/copy.h"

#define SIG_STACK_BYTES (64u << 10)
#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

static const int caught[HOST_SIGNALS] = {SIGFPE, SIGSEGV, SIGILL, SIGBUS};

static struct vcpu *whose(const ucontext_t *uc)
{
    if (uc->uc_stack.ss_size != SIG_STACK_BYTES || !((unsigned)uc->uc_stack.ss_flags & SS_AUTODISARM))
        return NULL;
    struct vcpu *v = *(struct vcpu **)uc->uc_stack.ss_sp;
    return v && v->sig_stack == uc->uc_stack.ss_sp ? v : NULL;
}

/* On the C stack, below all that lives there. */
static _Noreturn void raise_fault(struct vcpu *v)
{
    unsigned vector = v->exc.vector;
    if (vector == EXC_GP || vector == EXC_AC || vector == EXC_SS)
        soft_fault_code(v, vector, 0);
    soft_fault(v, vector);
}

/* Not a guest's fault: the instruction runs again under who had the signal before, or dies by default. */
static void pass_on(struct vcpu *v, int sig)
{
    struct sigaction old = {.sa_handler = SIG_DFL};
    for (unsigned i = 0; v && i < HOST_SIGNALS; i++)
        if (caught[i] == sig)
            old = v->soft->old_action[i];
    sigaction(sig, &old, NULL);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    static const uint8_t greg[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                     REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    (void)info;
    ucontext_t *uc = context;
    greg_t *r = uc->uc_mcontext.gregs;
    struct vcpu *v = whose(uc);
    struct host_fault f = {
        .pc = (uint64_t)r[REG_RIP],
        .rflags = (uint64_t)r[REG_EFL],
        .vector = (unsigned)r[REG_TRAPNO],
    };
    for (unsigned i = 0; i < 16; i++)
        f.gpr[i] = (uint64_t)r[greg[i]];
    if (!v || !(jit_host_fault(v, &f) || step_host_fault(v, &f))) {
        pass_on(v, sig);
        return;
    }
    v->exc.vector = (uint8_t)f.vector;
    r[REG_RIP] = (greg_t)(uintptr_t)raise_fault;
    r[REG_RDI] = (greg_t)(uintptr_t)v;
    r[REG_RSP] = (greg_t)(((v->host_rsp - 128) & ~15ull) - 8); /* beyond the red zone, as after a call */
    r[REG_EFL] = 0x202;
}

static int install(struct soft *s, struct err *e)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&sa.sa_mask);
    for (unsigned i = 0; i < HOST_SIGNALS; i++) {
        struct sigaction old;
        if (sigaction(caught[i], &sa, &old))
            return err_sys(e, "signal handler");
        if (old.sa_sigaction != on_fault)
            s->old_action[i] = old;
    }
    return 0;
}

int hostsig_enter(struct vcpu *v, struct err *e)
{
    int r = install(v->soft, e);
    if (r)
        return r;
    if (!v->sig_stack) {
        v->sig_stack =
            mmap(NULL, SIG_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (v->sig_stack == MAP_FAILED) {
            v->sig_stack = NULL;
            return err_sys(e, "signal stack");
        }
        *(struct vcpu **)v->sig_stack = v;
    }
    stack_t ss = {.ss_sp = v->sig_stack, .ss_size = SIG_STACK_BYTES, .ss_flags = (int)SS_AUTODISARM};
    if (sigaltstack(&ss, &v->old_sig_stack))
        return err_sys(e, "sigaltstack");
    sigset_t block;
    sigfillset(&block);
    for (unsigned i = 0; i < HOST_SIGNALS; i++)
        sigdelset(&block, caught[i]);
    pthread_sigmask(SIG_SETMASK, &block, &v->old_sig_mask);
    if (syscall(SYS_arch_prctl, ARCH_SET_GS, v))
        return err_sys(e, "arch_prctl(ARCH_SET_GS)");
    return 0;
}

void hostsig_leave(struct vcpu *v)
{
    syscall(SYS_arch_prctl, ARCH_SET_GS, 0);
    sigaltstack(&v->old_sig_stack, NULL);
    pthread_sigmask(SIG_SETMASK, &v->old_sig_mask, NULL);
}

void hostsig_fini(struct vcpu *v)
{
    if (v->sig_stack)
        munmap(v->sig_stack, SIG_STACK_BYTES);
}
