// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * machine: threads and life of a machine. What is on its board: micro.c.
 *
 * A CPU's thread is parked while `running` is false. Who wants it parked clears `running`, kicks every CPU
 * and waits on `changed` with the board lock, which the threads need on their way out of a device.
 * Threads: see machine.h; cpu_main is each CPU's own.
 */
#include "vm/machine.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "vm/acpi.h"
#include "vm/kernel.h"
#include "vm/linux64.h"
#include "vm/machine_impl.h"

/* ---- events ---- */

static void tell(void *ctx)
{
    struct machine *m = ctx;
    machine_pause(m);
    m->event_posted = false;
    m->on_event(m->event_ctx, m->event, m->event_text);
}

static void kick_all(struct machine *m)
{
    for (unsigned i = 0; i < m->config.cpus; i++)
        m->engine->ops->kick(m->engine, i);
}

void machine_post_event(struct machine *m, enum machine_event event, const char *text)
{
    if (m->event_posted)
        return;
    m->event_posted = true;
    m->event = event;
    snprintf(m->event_text, sizeof(m->event_text), "%s", text);
    m->running = false;
    kick_all(m);
    while (loop_post(m->loop, tell, m) < 0)
        ; /* a few bytes that have to come: the guest stands still meanwhile */
}

/* ---- CPUs ---- */

static void run_until_parked(struct machine_cpu *c)
{
    struct machine *m = c->machine;
    struct err e;
    pthread_mutex_unlock(m->lock);
    enum cpu_exit why = m->engine->ops->run(m->engine, c->index, &e);
    pthread_mutex_lock(m->lock);
    if (why == CPU_EXIT_SHUTDOWN)
        machine_post_event(m, MACHINE_TRIPLE_FAULT, "triple fault");
    else if (why == CPU_EXIT_FAILED)
        machine_post_event(m, MACHINE_ENGINE_FAILED, e.text);
}

static void *cpu_main(void *ctx)
{
    struct machine_cpu *c = ctx;
    struct machine *m = c->machine;
    char name[16];
    snprintf(name, sizeof(name), "cpu%u", c->index);
    pthread_setname_np(pthread_self(), name);
    pthread_mutex_lock(m->lock);
    while (!m->quit) {
        if (m->running) {
            run_until_parked(c);
            continue;
        }
        c->parked = true;
        pthread_cond_broadcast(&m->changed);
        pthread_cond_wait(&m->changed, m->lock);
        c->parked = false;
    }
    c->parked = true;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(m->lock);
    return NULL;
}

static bool all_parked(const struct machine *m)
{
    for (unsigned i = 0; i < m->config.cpus; i++)
        if (m->cpus[i].started && !m->cpus[i].parked)
            return false;
    return true;
}

void machine_pause(struct machine *m)
{
    bool was_running = m->running || !all_parked(m);
    m->running = false;
    if (!was_running)
        return;
    kick_all(m);
    while (!all_parked(m))
        pthread_cond_wait(&m->changed, m->lock);
    m->engine->ops->pause(m->engine);
}

/* CPU threads take no signals: those are the loop thread's. */
static int start_thread(struct machine_cpu *c, struct err *e)
{
    sigset_t all, old;
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGRTMIN + 1); /* the KVM engine's kick */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&c->thread, NULL, cpu_main, c);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc)
        return err_code(e, -rc, "start cpu %u", c->index);
    c->started = true;
    return 0;
}

int machine_start(struct machine *m, struct err *e)
{
    if (m->running)
        return 0;
    m->engine->ops->resume(m->engine);
    m->running = true;
    for (unsigned i = 0; i < m->config.cpus; i++) {
        if (m->cpus[i].started)
            continue;
        int rc = start_thread(&m->cpus[i], e);
        if (rc < 0) {
            machine_pause(m);
            return rc;
        }
    }
    pthread_cond_broadcast(&m->changed);
    return 0;
}

/* ---- building ---- */

static int boot(struct machine *m, struct err *e)
{
    const struct machine_config *c = &m->config;
    struct kernel_place place;
    struct linux_boot b = {
        .cmdline = c->cmdline ? c->cmdline : "", .initrd = c->initrd, .initrd_len = c->initrd_len};
    int rc = kernel_load(c->kernel, c->kernel_len, m->ram, &place, e);
    if (rc < 0)
        return err_wrap(e, "%s", c->kernel_name ? c->kernel_name : "kernel");
    rc = acpi_write(m->ram, c->cpus, &b.rsdp, e);
    if (rc < 0)
        return rc;
    rc = linux64_setup(m->ram, &place, &b, e);
    if (rc < 0)
        return rc;
    OWN_MEM struct cpu_state *s = malloc(sizeof(*s));
    if (!s)
        return err_code(e, -ENOMEM, "boot state");
    rc = m->engine->ops->get_state(m->engine, 0, s, e);
    if (rc < 0)
        return rc;
    linux64_cpu(&place, s);
    return m->engine->ops->set_state(m->engine, 0, s, e);
}

static int build(struct machine *m, struct err *e)
{
    int rc = ram_new(m->config.memory, &m->ram, e);
    if (rc < 0)
        return rc;
    if ((rc = bus_new(m->lock, &m->mem, e)) < 0 || (rc = bus_new(m->lock, &m->io, e)) < 0)
        return rc;
    m->clock = loop_clock_new(m->loop);
    if (!m->clock)
        return err_code(e, -ENOMEM, "clock");
    rc = micro_build(m, e);
    if (rc < 0)
        return rc;
    return boot(m, e);
}

int machine_new(const struct machine_config *c, struct loop *loop, pthread_mutex_t *lock,
                void (*on_event)(void *ctx, enum machine_event event, const char *text), void *ctx,
                struct machine **ret, struct err *e)
{
    if (c->cpus == 0 || c->cpus > CPU_MAX)
        return err_set(e, -EINVAL, "%u cpus: between 1 and %u are possible", c->cpus, CPU_MAX);
    struct machine *m = calloc(1, sizeof(*m));
    if (!m)
        return err_code(e, -ENOMEM, "machine");
    m->config = *c;
    m->loop = loop;
    m->lock = lock;
    m->on_event = on_event;
    m->event_ctx = ctx;
    pthread_cond_init(&m->changed, NULL);
    for (unsigned i = 0; i < c->cpus; i++) {
        m->cpus[i].machine = m;
        m->cpus[i].index = i;
    }
    int rc = build(m, e);
    m->config.kernel = m->config.initrd = NULL; /* borrowed until here */
    if (rc < 0) {
        machine_free(m);
        return rc;
    }
    *ret = m;
    return 0;
}

void machine_free(struct machine *m)
{
    if (!m)
        return;
    pthread_mutex_lock(m->lock);
    machine_pause(m);
    m->quit = true;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(m->lock);
    for (unsigned i = 0; i < m->config.cpus; i++)
        if (m->cpus[i].started)
            pthread_join(m->cpus[i].thread, NULL);
    micro_free(m);
    if (m->clock)
        loop_clock_free(m->clock);
    bus_free(m->io);
    bus_free(m->mem);
    ram_free(m->ram);
    pthread_cond_destroy(&m->changed);
    free(m);
}

/* ---- questions ---- */

void machine_power_button(struct machine *m)
{
    acpi_pm_button(m->pm);
}

bool machine_is_running(const struct machine *m)
{
    return m->running;
}

const char *machine_engine(const struct machine *m)
{
    return m->engine->ops->name;
}

unsigned machine_cpus(const struct machine *m)
{
    return m->config.cpus;
}

uint64_t machine_memory(const struct machine *m)
{
    return m->config.memory;
}
