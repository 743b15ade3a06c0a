// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz: nonsense as a guest's kernel: random bytes and random privileged instructions at ring 0, in every
 * mode, with tables that lead anywhere. Whatever the guest does, the engine comes back, and its state can be
 * read, and set again.
 *
 *     fuzz [-s SEED] [-n RUNS] [-d ENGINE-DEBUG-BITS]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dev/lapic.h"
#include "random.h"

#define RAM_BYTES (4u << 20)
#define CODE      0x8000u
#define TABLES    0x100000u
#define RUN_US    1500

struct fuzz {
    pthread_mutex_t lock;
    struct ram *ram;
    struct bus *mem, *io;
    struct clock *clock;
    struct lapics *lapics;
    struct engine *engine;
    struct cpu_state *reset, *now;
    _Atomic bool quit;
};

static void wake(void *ctx, unsigned cpu)
{
    struct fuzz *f = ctx;
    f->engine->ops->interrupt(f->engine, cpu);
}
static void nmi(void *ctx, unsigned cpu)
{
    struct fuzz *f = ctx;
    f->engine->ops->nmi(f->engine, cpu);
}
static void init(void *ctx, unsigned cpu)
{
    struct fuzz *f = ctx;
    f->engine->ops->init(f->engine, cpu);
}
static void sipi(void *ctx, unsigned cpu, uint8_t vector)
{
    struct fuzz *f = ctx;
    f->engine->ops->sipi(f->engine, cpu, vector);
}
static void eoi(void *ctx, uint8_t vector)
{
    (void)ctx, (void)vector;
}
static uint8_t inta(void *ctx)
{
    (void)ctx;
    return 0x20;
}

static void *kicker(void *ctx)
{
    struct fuzz *f = ctx;
    while (!f->quit) {
        usleep(RUN_US);
        f->engine->ops->kick(f->engine, 0);
    }
    return NULL;
}

static void must(int rc, const struct err *e)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "fuzz: %s\n", e->text);
    exit(2);
}

static void build(struct fuzz *f, uint32_t debug)
{
    struct err e;
    pthread_mutex_init(&f->lock, NULL);
    f->clock = fake_clock_new();
    const struct lapic_ops ops = {wake, nmi, init, sipi, eoi, inta, f};
    must(ram_new(RAM_BYTES, &f->ram, &e), &e);
    must(bus_new(&f->lock, &f->mem, &e), &e);
    must(bus_new(&f->lock, &f->io, &e), &e);
    must(lapics_new(1, &f->lock, f->clock, &ops, &f->lapics, &e), &e);
    const struct cpu_config c = {.nr_cpus = 1,
                                 .ram = f->ram,
                                 .mem = f->mem,
                                 .io = f->io,
                                 .intc = lapics_intc(f->lapics),
                                 .debug = debug};
    must(engine_soft.new(&c, &f->engine, &e), &e);
    f->reset = calloc(1, sizeof(*f->reset));
    f->now = calloc(1, sizeof(*f->now));
    must(f->engine->ops->get_state(f->engine, 0, f->reset, &e), &e);
}

/* Opcodes that change what the CPU is; operands follow at random. */
static const uint8_t system_ops[][4] = {
    {2, 0x0f, 0x22}, {2, 0x0f, 0x20},
    {2, 0x0f, 0x23}, {2, 0x0f, 0x01},
    {2, 0x0f, 0x00}, {2, 0x0f, 0x30},
    {2, 0x0f, 0x32}, {1, 0xcf},
    {2, 0x48, 0xcf}, {1, 0xcd},
    {1, 0xcb},       {2, 0x48, 0xcb},
    {1, 0xea},       {1, 0x9a},
    {1, 0x8e},       {1, 0x9d},
    {1, 0xfb},       {1, 0xf4},
    {2, 0x0f, 0x05}, {2, 0x0f, 0x07},
    {2, 0x0f, 0x34}, {2, 0x0f, 0x35},
    {2, 0x0f, 0xa2}, {2, 0x0f, 0xae},
    {2, 0x0f, 0xc7}, {1, 0xff},
    {2, 0x0f, 0xb2}, {1, 0xc5},
    {2, 0xf3, 0xa4}, {2, 0xf3, 0xab},
    {1, 0xe4},       {1, 0x6c},
    {2, 0x0f, 0x09}, {3, 0x0f, 0x01, 0xd1},
};

static void random_code(struct rng *r, uint8_t *code, unsigned bytes)
{
    for (unsigned n = 0; n < bytes; n++)
        code[n] = (uint8_t)rnd(r);
    for (unsigned n = 0; n + 8 < bytes; n += 2 + rnd_below(r, 24)) {
        const uint8_t *op = system_ops[rnd_below(r, sizeof(system_ops) / 4)];
        if (one_in(r, 2))
            memcpy(code + n, op + 1, op[0]);
    }
}

/* Tables of 4-level paging that are mostly an identity map, and sometimes anything. */
static void random_tables(struct rng *r, struct ram *ram)
{
    uint64_t *t = ram_at(ram, gpa(TABLES), 0x4000);
    for (unsigned i = 0; i < 4 * 512; i++)
        t[i] = one_in(r, 30) ? rnd(r) : 0;
    t[0] = (TABLES + 0x1000) | 7;
    t[512] = (TABLES + 0x2000) | 7;
    t[1024] = (TABLES + 0x3000) | 7;
    t[1025] = 0x200000 | 0x87;
    for (unsigned i = 0; i < 512; i++)
        t[1536 + i] = (i * 4096) | (one_in(r, 40) ? rnd(r) : 7);
    ram_wrote(ram, gpa(TABLES), 0x4000);
}

static void random_state(struct rng *r, const struct fuzz *f, struct cpu_state *s)
{
    *s = *f->reset;
    uint64_t *g = (uint64_t *)&s->regs;
    for (unsigned i = 0; i < 16; i++)
        g[i] = one_in(r, 3) ? rnd(r) : rnd_below(r, RAM_BYTES);
    s->regs.rip = CODE;
    s->regs.rflags =
        2 | (rnd(r) & 0xcd5) | (one_in(r, 3) ? 0x200 : 0) | (one_in(r, 20) ? rnd(r) & 0x277fd7 : 0);
    struct kvm_sregs *c = &s->sregs;
    c->cs.selector = 0, c->cs.base = 0;
    c->idt.base = rnd_below(r, RAM_BYTES), c->idt.limit = (uint16_t)rnd(r);
    c->gdt.base = rnd_below(r, RAM_BYTES), c->gdt.limit = (uint16_t)rnd(r);
    unsigned mode = rnd_below(r, 4);
    if (mode == 0)
        return;
    struct kvm_segment data = {
        .limit = UINT32_MAX, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1, .selector = 0x10};
    c->ds = c->es = c->ss = c->fs = c->gs = data;
    c->cs = data;
    c->cs.type = 11;
    c->cs.selector = 8;
    c->tr.base = rnd_below(r, RAM_BYTES);
    c->cr0 = 0x33 | (one_in(r, 2) ? 0x10000 : 0);
    c->cr4 = 0x620 | (rnd(r) & 0x1500df & ~0x20u);
    if (mode == 1)
        return;
    c->cr3 = one_in(r, 20) ? rnd_below(r, RAM_BYTES) & ~0xfffu : TABLES;
    c->cr0 |= 0x80000000;
    if (mode == 2) { /* 2-level: entries of the tables above, as they fall */
        c->cr4 &= ~0x20ull;
        return;
    }
    c->cr4 |= 0x20;
    c->efer = 0xd01;
    c->cs.db = 0, c->cs.l = 1;
}

static void run_once(struct fuzz *f, struct rng *r)
{
    struct err e;
    uint8_t code[512];
    uint64_t noise = rnd(r);
    random_code(r, code, sizeof(code));
    random_tables(r, f->ram);
    for (unsigned i = 0; i < 16; i++) { /* descriptors to be met by accident */
        uint64_t d = rnd(r);
        ram_write(f->ram, gpa(rnd_below(r, RAM_BYTES - 8) & ~7u), &d, 8);
    }
    ram_write(f->ram, gpa(CODE + (noise & 0xfff)), code, sizeof(code));
    ram_write(f->ram, gpa(CODE), code, sizeof(code));
    random_state(r, f, f->now);
    must(f->engine->ops->set_state(f->engine, 0, f->now, &e), &e);
    enum cpu_exit exit = f->engine->ops->run(f->engine, 0, &e);
    if (exit == CPU_EXIT_FAILED)
        must(-1, &e);
    must(f->engine->ops->get_state(f->engine, 0, f->now, &e), &e);
    must(f->engine->ops->set_state(f->engine, 0, f->now, &e), &e); /* what comes out goes in */
    pthread_mutex_lock(&f->lock);
    fake_clock_advance(f->clock, 1000000);
    pthread_mutex_unlock(&f->lock);
}

int main(int argc, char **argv)
{
    static struct fuzz f;
    uint64_t seed = 1;
    unsigned long runs = 1000;
    uint32_t debug = 0;
    int c;
    while ((c = getopt(argc, argv, "s:n:d:")) != -1)
        switch (c) {
        case 's':
            seed = strtoull(optarg, NULL, 0);
            break;
        case 'n':
            runs = strtoul(optarg, NULL, 0);
            break;
        case 'd':
            debug = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        default:
            return 2;
        }
    printf("seed %lu\n", seed);
    fflush(stdout);
    build(&f, debug);
    pthread_t thread;
    if (pthread_create(&thread, NULL, kicker, &f))
        return 2;
    for (unsigned long i = 0; i < runs; i++) {
        struct rng r = {seed + i};
        r.s = rnd(&r);
        run_once(&f, &r);
    }
    f.quit = true;
    pthread_join(thread, NULL);
    f.engine->ops->free(f.engine);
    lapics_free(f.lapics);
    bus_free(f.io);
    bus_free(f.mem);
    ram_free(f.ram);
    fake_clock_free(f.clock);
    free(f.reset);
    free(f.now);
    printf("%lu guests\n", runs);
    return 0;
}
