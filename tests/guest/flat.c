// SPDX-License-Identifier: GPL-2.0-or-later
/* flat: see flat.h. Wires are those of the board micro. */
#include "flat.h"

#include <stdio.h>
#include <string.h>

#include "base/loop.h"

#define TEXT_AT 0x1000u

struct flat_cpu {
    struct flat *flat;
    unsigned index;
    pthread_t thread;
    enum cpu_exit exit;
};

struct flat {
    const struct flat_config *config;
    struct flat_result *result;
    pthread_mutex_t lock;
    struct loop *loop;
    struct ram *ram;
    struct bus *mem, *io;
    struct clock *clock;
    struct engine *engine;
    struct lapics *lapics;
    struct ioapic *ioapic;
    struct pic *pic;
    struct pit *pit;
    uint8_t port_echo[8], mmio_echo[4096];
    struct flat_cpu cpus[CPU_MAX];
    unsigned running;
    bool ended;
};

static void end(struct flat *f, enum flat_end how)
{
    if (f->ended)
        return;
    f->ended = true;
    f->result->end = how;
    for (unsigned i = 0; i < f->config->cpus; i++)
        f->engine->ops->kick(f->engine, i);
}

/* ---- ports and memory of the runner ---- */

static uint64_t port_read(void *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)off, (void)size;
    return 0xff;
}

static void text_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct flat *f = dev;
    size_t n = strlen(f->result->text);
    (void)off, (void)size;
    if (n + 1 < sizeof(f->result->text))
        f->result->text[n] = (char)val;
}

static void exit_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct flat *f = dev;
    (void)size;
    if (off == 1) {
        f->result->varies = true;
        return;
    }
    f->result->status = (uint8_t)val;
    end(f, FLAT_EXIT);
}

static uint64_t echo_read(void *dev, uint64_t off, unsigned size)
{
    uint64_t val = 0;
    memcpy(&val, (uint8_t *)dev + off, size);
    return val;
}

static void echo_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    memcpy((uint8_t *)dev + off, &val, size);
}

static const struct bus_ops text_ops = {port_read, text_write};
static const struct bus_ops exit_ops = {port_read, exit_write};
static const struct bus_ops echo_ops = {echo_read, echo_write};

static int add_ports(struct flat *f, struct err *e)
{
    int rc;
    if ((rc = bus_attach(f->io, 0xe9, 1, &text_ops, f, e)) < 0 ||
        (rc = bus_attach(f->io, 0xf4, 2, &exit_ops, f, e)) < 0 ||
        (rc = bus_attach(f->io, 0xf8, 8, &echo_ops, f->port_echo, e)) < 0 ||
        (rc = bus_attach(f->mem, 0xd0000000, 4096, &echo_ops, f->mmio_echo, e)) < 0)
        return rc;
    return 0;
}

/* ---- interrupts ---- */

static void wire(void *ctx, unsigned line, bool level)
{
    struct flat *f = ctx;
    if (f->engine->ops->in_kernel_irqchip) {
        f->engine->ops->irq_line(f->engine, line, level);
        return;
    }
    pic_set(f->pic, line, level);
    ioapic_set(f->ioapic, line == 0 ? 2 : line, level);
}

static void msi(void *ctx, uint64_t addr, uint32_t data)
{
    lapics_msi(((struct flat *)ctx)->lapics, addr, data);
}

static void pic_output(void *ctx, bool level)
{
    lapics_extint(((struct flat *)ctx)->lapics, level);
}

static uint8_t inta(void *ctx)
{
    return pic_ack(((struct flat *)ctx)->pic);
}

static void eoi(void *ctx, uint8_t vector)
{
    ioapic_eoi(((struct flat *)ctx)->ioapic, vector);
}

static void wake(void *ctx, unsigned cpu)
{
    struct flat *f = ctx;
    f->engine->ops->interrupt(f->engine, cpu);
}

static void nmi(void *ctx, unsigned cpu)
{
    struct flat *f = ctx;
    f->engine->ops->nmi(f->engine, cpu);
}

static void init(void *ctx, unsigned cpu)
{
    struct flat *f = ctx;
    f->engine->ops->init(f->engine, cpu);
}

static void sipi(void *ctx, unsigned cpu, uint8_t vector)
{
    struct flat *f = ctx;
    f->engine->ops->sipi(f->engine, cpu, vector);
}

static int add_irqchip(struct flat *f, struct err *e)
{
    const struct lapic_ops ops = {wake, nmi, init, sipi, eoi, inta, f};
    const struct msi_sink sink = {msi, f};
    const struct irq timer = {.set = wire, .ctx = f, .line = 0};
    int rc;
    if ((rc = lapics_new(f->config->cpus, &f->lock, f->clock, &ops, &f->lapics, e)) < 0 ||
        (rc = pic_new(f->io, pic_output, f, &f->pic, e)) < 0 ||
        (rc = ioapic_new(f->mem, 0xfec00000, &sink, &f->ioapic, e)) < 0 ||
        (rc = pit_new(f->io, &timer, f->clock, &f->pit, e)) < 0)
        return rc;
    return 0;
}

/* ---- life ---- */

static void on_timeout(void *ctx)
{
    struct flat *f = ctx;
    end(f, FLAT_TIMEOUT);
}

static void stop_loop(void *ctx)
{
    loop_stop(((struct flat *)ctx)->loop);
}

static void *cpu_main(void *ctx)
{
    struct flat_cpu *c = ctx;
    struct flat *f = c->flat;
    struct err e;
    c->exit = f->engine->ops->run(f->engine, c->index, &e);
    pthread_mutex_lock(&f->lock);
    if (c->exit == CPU_EXIT_FAILED)
        fprintf(stderr, "%s\n", e.text);
    if (c->exit != CPU_EXIT_STOPPED)
        end(f, c->exit == CPU_EXIT_SHUTDOWN ? FLAT_SHUTDOWN : FLAT_FAILED);
    if (--f->running == 0)
        loop_post(f->loop, stop_loop, f);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static int start_state(struct flat *f, struct err *e)
{
    OWN_MEM struct cpu_state *s = malloc(sizeof(*s));
    int rc = f->engine->ops->get_state(f->engine, 0, s, e);
    if (rc < 0)
        return rc;
    s->sregs.cs.selector = 0;
    s->sregs.cs.base = 0;
    s->regs.rip = FLAT_ENTRY;
    return f->engine->ops->set_state(f->engine, 0, s, e);
}

static int build(struct flat *f, struct err *e)
{
    const struct flat_config *c = f->config;
    int rc;
    if ((rc = loop_new(&f->lock, &f->loop, e)) < 0 || (rc = ram_new(FLAT_RAM, &f->ram, e)) < 0 ||
        (rc = bus_new(&f->lock, &f->mem, e)) < 0 || (rc = bus_new(&f->lock, &f->io, e)) < 0)
        return rc;
    f->clock = loop_clock_new(f->loop);
    if (!c->engine->in_kernel_irqchip && (rc = add_irqchip(f, e)) < 0)
        return rc;
    if ((rc = add_ports(f, e)) < 0)
        return rc;
    const struct cpu_config cpu = {
        .nr_cpus = c->cpus,
        .ram = f->ram,
        .mem = f->mem,
        .io = f->io,
        .intc = f->lapics ? lapics_intc(f->lapics) : NULL,
        .debug = c->debug,
    };
    if ((rc = c->engine->new(&cpu, &f->engine, e)) < 0)
        return rc;
    if (!ram_write(f->ram, gpa(FLAT_ENTRY), c->image, c->image_len))
        return err_set(e, -EFBIG, "the program is too large");
    return start_state(f, e);
}

static void destroy(struct flat *f)
{
    if (f->engine)
        f->engine->ops->free(f->engine);
    pit_free(f->pit);
    ioapic_free(f->ioapic);
    pic_free(f->pic);
    lapics_free(f->lapics);
    if (f->clock)
        loop_clock_free(f->clock);
    bus_free(f->io);
    bus_free(f->mem);
    ram_free(f->ram);
    loop_free(f->loop);
    pthread_mutex_destroy(&f->lock);
}

static uint64_t digest(const uint64_t *page)
{
    uint64_t h = 0;
    for (size_t i = 0; i < 512; i++)
        if (page[i])
            h = (h ^ (page[i] + i)) * 0x9e3779b97f4a7c15;
    return h;
}

static void collect(struct flat *f, struct err *e)
{
    struct flat_result *r = f->result;
    uint32_t len = 0;
    size_t have = strlen(r->text);
    ram_read(f->ram, gpa(TEXT_AT), &len, 4);
    if (len > sizeof(r->text) - have - 1)
        len = (uint32_t)(sizeof(r->text) - have - 1);
    ram_read(f->ram, gpa(TEXT_AT + 4), r->text + have, len);
    for (size_t i = 0; i < FLAT_RAM / 4096; i++)
        r->pages[i] = digest(ram_at(f->ram, gpa(i * 4096), 4096));
    if (f->engine->ops->get_state(f->engine, 0, &r->state, e) < 0)
        fprintf(stderr, "%s\n", e->text);
    f->engine->ops->stats(f->engine, 0, &r->stats);
}

static int run(struct flat *f, struct err *e)
{
    int rc = build(f, e);
    if (rc < 0)
        return rc;
    struct loop_timer timeout;
    f->running = f->config->cpus;
    for (unsigned i = 0; i < f->config->cpus; i++) {
        f->cpus[i] = (struct flat_cpu){.flat = f, .index = i};
        if (pthread_create(&f->cpus[i].thread, NULL, cpu_main, &f->cpus[i]))
            abort();
    }
    pthread_mutex_lock(&f->lock);
    loop_timer_init(&timeout, f->loop, on_timeout, f);
    loop_timer_arm(&timeout, loop_now_ns() + f->config->seconds * 1000000000ull);
    pthread_mutex_unlock(&f->lock);
    rc = loop_run(f->loop, e);
    for (unsigned i = 0; i < f->config->cpus; i++)
        pthread_join(f->cpus[i].thread, NULL);
    pthread_mutex_lock(&f->lock);
    loop_timer_stop(&timeout);
    pthread_mutex_unlock(&f->lock);
    collect(f, e);
    return rc;
}

int flat_run(const struct flat_config *c, struct flat_result *ret, struct err *e)
{
    struct flat *f = calloc(1, sizeof(*f));
    memset(ret, 0, sizeof(*ret));
    f->config = c;
    f->result = ret;
    pthread_mutex_init(&f->lock, NULL);
    int rc = run(f, e);
    destroy(f);
    free(f);
    return rc;
}

static void print_segment(FILE *to, const char *name, const struct kvm_segment *s)
{
    if (s->unusable) /* the hidden part of such a one is nobody's business */
        fprintf(to, "%s %04x unusable\n", name, s->selector);
    else
        fprintf(to, "%s %04x base %llx limit %x type %x s %u dpl %u p %u l %u db %u g %u\n", name,
                s->selector, s->base, s->limit, s->type, s->s, s->dpl, s->present, s->l, s->db, s->g);
}

static void print_state(FILE *to, const struct flat_result *r)
{
    const struct kvm_regs *g = &r->state.regs;
    const struct kvm_sregs *s = &r->state.sregs;
    fprintf(to, "rax %llx rcx %llx rdx %llx rbx %llx rsp %llx rbp %llx rsi %llx rdi %llx\n", g->rax, g->rcx,
            g->rdx, g->rbx, g->rsp, g->rbp, g->rsi, g->rdi);
    fprintf(to, "r8 %llx r9 %llx r10 %llx r11 %llx r12 %llx r13 %llx r14 %llx r15 %llx\n", g->r8, g->r9,
            g->r10, g->r11, g->r12, g->r13, g->r14, g->r15);
    fprintf(to, "rip %llx rflags %llx\n", g->rip, g->rflags & ~0x10000ull);
    print_segment(to, "cs", &s->cs);
    print_segment(to, "ss", &s->ss);
    print_segment(to, "ds", &s->ds);
    print_segment(to, "es", &s->es);
    print_segment(to, "tr", &s->tr);
    print_segment(to, "ldt", &s->ldt);
    fprintf(to, "gdt %llx %x idt %llx %x\n", s->gdt.base, s->gdt.limit, s->idt.base, s->idt.limit);
    fprintf(to, "cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx cr8 %llx\n", s->cr0, s->cr2, s->cr3, s->cr4,
            s->efer, s->cr8);
    fprintf(to, "dr6 %llx dr7 %llx xcr0 %llx\n", r->state.debugregs.dr6, r->state.debugregs.dr7,
            r->state.xcrs.nr_xcrs ? r->state.xcrs.xcrs[0].value : 1);
    for (size_t i = 0; i < FLAT_RAM / 4096; i++)
        if (r->pages[i])
            fprintf(to, "memory %zx000 %lx\n", i, r->pages[i]);
}

void flat_print(FILE *to, const struct flat_result *r, bool with_state)
{
    static const char *const ends[] = {"exit", "triple fault", "engine failed", "timeout"};
    fputs(r->text, to);
    fprintf(to, "== %s %u\n", ends[r->end], r->status);
    if (with_state && !r->varies && r->end == FLAT_EXIT)
        print_state(to, r);
}
