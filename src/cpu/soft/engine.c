// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * engine: the software engine behind the table of cpu.h: its life, and what other threads ask of a CPU.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cpu/soft/arch.h"
#include "cpu/soft/run.h"

static struct soft *soft_of(struct engine *g)
{
    return (struct soft *)g;
}

static struct vcpu *cpu_of(struct engine *g, unsigned cpu)
{
    BUG_ON(cpu >= soft_of(g)->nr_cpus);
    return soft_of(g)->cpus[cpu];
}

static int vcpu_new(struct soft *s, unsigned index, struct err *e)
{
    /* Zero pages until they are used: a halted CPU costs little. */
    struct vcpu *v =
        mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (v == MAP_FAILED)
        return err_sys(e, "cpu %u", index);
    s->cpus[index] = v;
    v->soft = s;
    v->index = index;
    v->host_tsc_offset = s->tsc_offset;
    int r = step_new(v, e);
    if (r)
        return r;
    cpuid_build(&v->cpuid, index, s->nr_cpus, s->tsc_khz);
    tlb_init(v);
    jit_jcache_clear(v);
    state_reset(v);
    v->wait_sipi = index != 0;
    return 0;
}

static void on_write(void *ctx, struct gpa page)
{
    smc_written(ctx, NULL, page.a, RAM_PAGE);
}

static void soft_free(struct engine *g)
{
    struct soft *s = soft_of(g);
    if (!s)
        return;
    if (s->ram)
        ram_watch(s->ram, NULL, NULL);
    jit_free(s->jit);
    for (unsigned i = 0; i < CPU_MAX; i++)
        if (s->cpus[i]) {
            hostsig_fini(s->cpus[i]);
            step_free(s->cpus[i]);
            munmap(s->cpus[i], sizeof(*s->cpus[i]));
        }
    free(s);
}

static void own_soft(struct soft **s)
{
    if (*s)
        soft_free(&(*s)->engine);
}

/* What the guest may use of the host's extended state. */
static uint64_t usable_state(void)
{
    uint32_t a = 1, b, c = 0, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (!(c & 1u << 27)) /* OSXSAVE */
        return 0;
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low & (XCR0_X87 | XCR0_SSE | XCR0_AVX);
}

static int soft_new(const struct cpu_config *c, struct engine **ret, struct err *e)
{
    if (c->nr_cpus < 1 || c->nr_cpus > CPU_MAX)
        return err_set(e, -EINVAL, "%u cpus: not 1 to %u", c->nr_cpus, CPU_MAX);
    __attribute__((cleanup(own_soft))) struct soft *s = calloc(1, sizeof(*s));
    if (!s)
        return err_code(e, -ENOMEM, "soft engine");
    s->engine.ops = &engine_soft;
    s->xsave_mask = usable_state();
    if (!(s->xsave_mask & XCR0_SSE))
        return err_set(e, -ENOTSUP, "soft engine: this host has no XSAVE");
    s->ram = c->ram;
    s->mem = c->mem;
    s->io = c->io;
    s->intc = c->intc;
    s->nr_cpus = c->nr_cpus;
    s->debug = c->debug;
    s->slots = ram_slots(c->ram, &s->nr_slots);
    s->marks = ram_marks(c->ram);
    s->tsc_khz = tsc_khz();
    s->tsc_offset = -__builtin_ia32_rdtsc();
    if (!(s->debug & CPU_DEBUG_STEP)) {
        int r = jit_new(s, &s->jit, e);
        if (r)
            return r;
    }
    for (unsigned i = 0; i < s->nr_cpus; i++) {
        int r = vcpu_new(s, i, e);
        if (r)
            return r;
    }
    if (s->jit)
        ram_watch(s->ram, on_write, s);
    *ret = &take(s)->engine;
    return 0;
}

static enum cpu_exit soft_run(struct engine *g, unsigned cpu, struct err *e)
{
    return run_cpu(cpu_of(g, cpu), e);
}

static void soft_kick(struct engine *g, unsigned cpu)
{
    request(cpu_of(g, cpu), REQ_KICK);
}

static void soft_interrupt(struct engine *g, unsigned cpu)
{
    request(cpu_of(g, cpu), REQ_INTERRUPT);
}

static void soft_nmi(struct engine *g, unsigned cpu)
{
    request(cpu_of(g, cpu), REQ_NMI);
}

static void soft_init(struct engine *g, unsigned cpu)
{
    request(cpu_of(g, cpu), REQ_INIT);
}

static void soft_sipi(struct engine *g, unsigned cpu, uint8_t vector)
{
    struct vcpu *v = cpu_of(g, cpu);
    atomic_store(&v->sipi_vector, vector);
    request(v, REQ_SIPI);
}

static int soft_get_state(struct engine *g, unsigned cpu, struct cpu_state *ret, struct err *e)
{
    return state_get(cpu_of(g, cpu), ret, e);
}

static int soft_set_state(struct engine *g, unsigned cpu, const struct cpu_state *s, struct err *e)
{
    return state_set(cpu_of(g, cpu), s, e);
}

static void soft_pause(struct engine *g)
{
    soft_of(g)->paused_tsc = __builtin_ia32_rdtsc();
}

/* Guest time goes on where it stopped: TSC and kvm-clock, which is made of the TSC. */
static void soft_resume(struct engine *g)
{
    struct soft *s = soft_of(g);
    if (!s->paused_tsc)
        return;
    uint64_t gone = __builtin_ia32_rdtsc() - s->paused_tsc;
    s->paused_tsc = 0;
    s->tsc_offset -= gone;
    for (unsigned i = 0; i < s->nr_cpus; i++)
        s->cpus[i]->host_tsc_offset -= gone;
}

static int soft_before_fork(struct engine *g, struct err *e)
{
    struct soft *s = soft_of(g);
    return s->jit ? jit_before_fork(s->jit, e) : 0;
}

static int soft_after_fork(struct engine *g, struct err *e)
{
    struct soft *s = soft_of(g);
    int r = s->jit ? jit_after_fork(s->jit, e) : 0;
    for (unsigned i = 0; i < s->nr_cpus && r == 0; i++)
        r = step_after_fork(s->cpus[i], e);
    return r;
}

static void soft_stats(struct engine *g, unsigned cpu, struct cpu_stats *ret)
{
    cpu_stats_copy(ret, &cpu_of(g, cpu)->stats);
}

static void soft_cache_stats(struct engine *g, struct cpu_cache_stats *ret)
{
    jit_stats(soft_of(g), ret);
}

static unsigned soft_stepped(struct engine *g, struct cpu_stepped ret[CPU_STEPPED])
{
    return step_stats(soft_of(g), ret);
}

const struct engine_ops engine_soft = {
    .name = "soft",
    .in_kernel_irqchip = false,
    .new = soft_new,
    .free = soft_free,
    .run = soft_run,
    .kick = soft_kick,
    .interrupt = soft_interrupt,
    .nmi = soft_nmi,
    .init = soft_init,
    .sipi = soft_sipi,
    .get_state = soft_get_state,
    .set_state = soft_set_state,
    .pause = soft_pause,
    .resume = soft_resume,
    .before_fork = soft_before_fork,
    .after_fork = soft_after_fork,
    .stats = soft_stats,
    .cache_stats = soft_cache_stats,
    .stepped = soft_stepped,
};
