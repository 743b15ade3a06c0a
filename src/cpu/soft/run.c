// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run: the loop that one CPU lives in: requests, interrupts, then guest code until something is up.
 *
 * Source: Intel SDM vol. 3A, 6.7 (NMI), 6.9 (priorities), vol. 2B, STI (shadow), HLT.
 * Left out: SMM.
 * Threads: run_cpu is the CPU's own; request is any thread's. A sleeping CPU waits on `request` itself: it
 * sets `sleeping` and the futex checks that no bit is set; the other side sets a bit first, then looks at
 * `sleeping`.
 */
#include "cpu/soft/run.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cpu/soft/arch.h"

void request(struct vcpu *v, uint32_t bits)
{
    atomic_fetch_or(&v->request, bits);
    if (atomic_load(&v->sleeping))
        syscall(SYS_futex, &v->request, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void sleep_until_request(struct vcpu *v)
{
    vec_save(v);
    cpu_count(&v->stats.halts);
    atomic_store(&v->sleeping, true);
    syscall(SYS_futex, &v->request, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    atomic_store(&v->sleeping, false);
}

static bool take_request(struct vcpu *v, uint32_t bit)
{
    return v->request & bit && atomic_fetch_and(&v->request, ~bit) & bit;
}

static void init_reset(struct vcpu *v)
{
    state_reset(v);
    vec_save(v);
    if (v->soft->intc)
        v->soft->intc->reset(v->soft->intc->ctx, v->index);
    v->wait_sipi = v->index != 0;
}

static void startup(struct vcpu *v)
{
    if (!v->wait_sipi)
        return;
    uint8_t vector = atomic_load(&v->sipi_vector);
    v->wait_sipi = false;
    seg_set_real(v, SEG_CS, (uint16_t)(vector << 8));
    v->rip = 0;
    mode_update(v);
}

static void take_requests(struct vcpu *v)
{
    if (take_request(v, REQ_CODE))
        smc_requests(v);
    if (v->request & REQ_QUIESCE) {
        vec_save(v);
        jit_quiesce(v);
    }
    if (take_request(v, REQ_INIT))
        init_reset(v);
    if (take_request(v, REQ_SIPI))
        startup(v);
    if (take_request(v, REQ_INTERRUPT))
        v->ask_intc = true;
    if (take_request(v, REQ_NMI))
        v->nmi_pending = true;
    take_request(v, REQ_TRAP);
}

/* Events between two instructions. false: triple fault. */
static bool deliver_events(struct vcpu *v)
{
    if (v->injected) {
        v->injected = false;
        return soft_deliver(v, v->exc.vector, v->exc.has_error, v->exc.error, false);
    }
    if (v->shadow || v->wait_sipi)
        return true;
    if (v->nmi_pending && !v->nmi_masked) {
        v->nmi_pending = false;
        v->nmi_masked = true;
        v->halted = false;
        return soft_deliver(v, EXC_NMI, false, 0, true);
    }
    if (!v->ask_intc || !(v->rflags & FL_IF) || !v->soft->intc)
        return true;
    vec_save(v);
    int vector = v->soft->intc->ack(v->soft->intc->ctx, v->index);
    if (vector < 0) {
        v->ask_intc = false;
        return true;
    }
    v->halted = false;
    cpu_count(&v->stats.interrupts);
    return soft_deliver(v, (unsigned)vector, false, 0, true);
}

static void many(struct vcpu *v, void *arg)
{
    (void)arg;
    do {
        if (!v->soft->jit || jit_run(v)) {
            cpu_count(&v->stats.steps);
            step(v);
        }
    } while (!run_is_interrupted(v));
}

/* One instruction: in the shadow of sti or mov ss, under TF, or while there are breakpoints. */
static void one(struct vcpu *v, void *arg)
{
    (void)arg;
    bool trap = v->rflags & FL_TF, resume = v->rflags & FL_RF;
    v->shadow = v->shadow_ss = v->event_taken = false;
    v->db_bits = 0;
    if (vcpu_watched(v))
        debug_code(v);
    cpu_count(&v->stats.steps);
    step(v);
    if (resume)
        v->rflags &= ~(uint64_t)FL_RF;
    if (trap && !v->event_taken)
        v->db_bits |= DR6_BS;
    if (v->shadow_ss)
        v->db_bits = 0;
}

static bool run_guest(struct vcpu *v)
{
    bool single = v->shadow || v->rflags & FL_TF || vcpu_watched(v);
    if (soft_try(v, single ? one : many, NULL)) {
        if (!single || !v->db_bits)
            return true;
        v->exc = (struct exception){.vector = EXC_DB, .addr = v->db_bits};
        return soft_deliver(v, EXC_DB, false, 0, false);
    }
    atomic_store_explicit(&v->in_code, false, memory_order_release);
    v->shadow = false;
    return soft_deliver(v, v->exc.vector, v->exc.has_error, v->exc.error, false);
}

static enum cpu_exit loop(struct vcpu *v)
{
    for (;;) {
        if (v->request) {
            if (take_request(v, REQ_KICK))
                return CPU_EXIT_STOPPED;
            cpu_count(&v->stats.requests);
            take_requests(v);
        }
        if (!deliver_events(v))
            return CPU_EXIT_SHUTDOWN;
        if (v->wait_sipi || v->halted)
            sleep_until_request(v);
        else if (!run_guest(v))
            return CPU_EXIT_SHUTDOWN;
    }
}

enum cpu_exit run_cpu(struct vcpu *v, struct err *e)
{
    if (hostsig_enter(v, e))
        return CPU_EXIT_FAILED;
    enum cpu_exit exit = loop(v);
    vec_save(v);
    hostsig_leave(v);
    return exit;
}
