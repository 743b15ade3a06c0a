// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * random_soft: trials in a guest of the soft engine, at CPL 3 in 64-bit mode. Every exception leads to a stub
 * of its own in the kernel's page, an OUT that ends the run; the frame on the kernel's stack tells the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cpu.h"
#include "random.h"

/* Guest-physical; the kernel's pages are at HIGH + that. */
enum {
    KERNEL = 0x1000, /* stubs, GDT at +800, TSS at +a00 */
    IDT = 0x2000,
    STACK = 0x4000, /* its top */
    CODE = 0x20000,
    COUNTER = 0x22000,
    DATA = 0x23000,
    PML4 = 0x100000, /* and the other tables */
};
#define HIGH 0xffffffff80000000ull
#define NX   (1ull << 63)
#define GDT  (KERNEL + 0x800)
#define TSS  (KERNEL + 0xa00)

struct soft_guest {
    pthread_mutex_t lock;
    struct ram *ram;
    struct bus *mem, *io;
    struct engine *engine;
    struct cpu_state *start;
};

static uint64_t out_read(void *dev, uint64_t off, unsigned size)
{
    (void)dev, (void)off, (void)size;
    return 0;
}

static void out_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct soft_guest *g = dev;
    (void)off, (void)size, (void)val;
    g->engine->ops->kick(g->engine, 0);
}

static const struct bus_ops out_ops = {out_read, out_write};

static void put(struct soft_guest *g, uint64_t at, uint64_t val)
{
    ram_write(g->ram, gpa(at), &val, 8);
}

/* Each region has a page table of its own; those of the upper half are reached by the same page directory. */
static void map(struct soft_guest *g, uint64_t va, uint64_t to, uint64_t bits)
{
    static const uint64_t pml4 = PML4, pdpt = PML4 + 0x1000, pd = PML4 + 0x2000, pts = PML4 + 0x3000;
    uint64_t slot = va >> 21 & 511, pt = pts + (va >> 26 & 31) * 0x1000;
    put(g, pml4 + 8 * (va >> 39 & 511), pdpt | 7);
    put(g, pdpt + 8 * (va >> 30 & 511), (va >> 63 ? pd + 0x40000 : pd) | 7);
    put(g, (va >> 63 ? pd + 0x40000 : pd) + 8 * slot, (va >> 63 ? pt + 0x40000 : pt) | 7);
    put(g, (va >> 63 ? pt + 0x40000 : pt) + 8 * (va >> 12 & 511), to | bits);
}

static void build_memory(struct soft_guest *g)
{
    map(g, HIGH + KERNEL, KERNEL, 3);
    map(g, HIGH + IDT, IDT, 3);
    map(g, HIGH + STACK - PAGE, STACK - PAGE, 3);
    for (unsigned i = 0; i < CODE_BYTES / PAGE; i++)
        map(g, CODE_VA + i * PAGE, CODE + i * PAGE, 7);
    map(g, COUNTER_VA, COUNTER, 7 | NX);
    for (unsigned i = 0; i <= DATA_PAGES; i++)
        map(g, DATA_VA + i * PAGE, DATA + i * PAGE, (i == DATA_PAGES ? 5 : 7) | NX);
    for (unsigned v = 0; v < 32; v++) {
        static const uint8_t stub[] = {0xe6, 0xf4, 0xeb, 0xfe}; /* out %al, $0xf4; jmp . */
        uint64_t at = KERNEL + 16 * v;
        ram_write(g->ram, gpa(at), stub, sizeof(stub));
        put(g, IDT + 16 * v, at | 0x10 << 16 | (uint64_t)(v == 3 ? 0x8000ee00 : 0x80008e00) << 32);
        put(g, IDT + 16 * v + 8, 0xffffffff);
    }
    put(g, GDT + 0x10, 0x00af9b000000ffff); /* kernel code; user selectors are Linux's */
    put(g, GDT + 0x28, 0x00cff3000000ffff);
    put(g, GDT + 0x30, 0x00affb000000ffff);
    put(g, TSS + 4, HIGH + STACK);
    put(g, TSS + 0x60, 0x68ull << 48); /* no I/O map */
}

static struct kvm_segment segment(uint16_t sel, uint8_t type, uint8_t dpl, bool code)
{
    return (struct kvm_segment){.selector = sel,
                                .limit = UINT32_MAX,
                                .type = type,
                                .present = 1,
                                .dpl = dpl,
                                .s = 1,
                                .l = code,
                                .db = !code,
                                .g = 1};
}

static void build_state(struct soft_guest *g)
{
    struct err e;
    struct cpu_state *s = g->start = calloc(1, sizeof(*s));
    g->engine->ops->get_state(g->engine, 0, s, &e);
    struct kvm_sregs *r = &s->sregs;
    r->cs = segment(0x33, 11, 3, true);
    r->ss = segment(0x2b, 3, 3, false);
    r->ds = r->es = r->fs = r->gs = (struct kvm_segment){.unusable = 1};
    r->gs.base = DATA_VA;
    r->tr =
        (struct kvm_segment){.selector = 0x40, .base = HIGH + TSS, .limit = 0x67, .type = 11, .present = 1};
    r->gdt.base = HIGH + GDT, r->gdt.limit = 0x4f;
    r->idt.base = HIGH + IDT, r->idt.limit = 0xfff;
    r->cr0 = 0x80050033; /* PG AM WP NE ET MP PE */
    r->cr3 = PML4;
    r->cr4 = 0x50620; /* OSXSAVE FSGSBASE OSXMMEXCPT OSFXSR PAE */
    r->efer = 0xd01;
    s->xcrs.xcrs[0].value = __builtin_cpu_supports("avx") ? 7 : 3;
}

static _Noreturn void die(const struct err *e)
{
    fprintf(stderr, "random: %s\n", e->text);
    exit(2);
}

struct soft_guest *soft_new(uint32_t debug)
{
    struct err e;
    struct soft_guest *g = calloc(1, sizeof(*g));
    pthread_mutex_init(&g->lock, NULL);
    if (ram_new(2 << 20, &g->ram, &e) < 0 || bus_new(&g->lock, &g->mem, &e) < 0 ||
        bus_new(&g->lock, &g->io, &e) < 0 || bus_attach(g->io, 0xf4, 1, &out_ops, g, &e) < 0)
        die(&e);
    const struct cpu_config c = {.nr_cpus = 1, .ram = g->ram, .mem = g->mem, .io = g->io, .debug = debug};
    if (engine_soft.new(&c, &g->engine, &e) < 0)
        die(&e);
    build_memory(g);
    build_state(g);
    return g;
}

static void load(struct soft_guest *g, const struct trial *t)
{
    struct err e;
    struct cpu_state *s = g->start;
    uint8_t data[DATA_BYTES];
    uint64_t *r = (uint64_t *)&s->regs; /* rax rbx rcx rdx rsi rdi rsp rbp r8.. */
    static const uint8_t order[8] = {0, 3, 1, 2, 6, 7, 4, 5};
    for (unsigned i = 0; i < 16; i++)
        r[i] = t->in.gpr[i < 8 ? order[i] : i];
    s->regs.rip = CODE_VA + t->start;
    s->regs.rflags = t->in.flags;
    memcpy(s->xsave.region, t->in.v.fx, 416);
    memset((uint8_t *)s->xsave.region + 416, 0, 512 - 416);
    ((uint64_t *)s->xsave.region)[64] = s->xcrs.xcrs[0].value;
    if (s->xcrs.xcrs[0].value & 4)
        memcpy((uint8_t *)s->xsave.region + 576, t->in.v.high, 256);
    ram_write(g->ram, gpa(CODE), t->code, CODE_BYTES);
    gen_data(t->data_seed, data);
    ram_write(g->ram, gpa(DATA), data, sizeof(data));
    ram_write(g->ram, gpa(COUNTER), &t->repeats, 4);
    if (g->engine->ops->set_state(g->engine, 0, s, &e) < 0) {
        fprintf(stderr, "random: %s\n", e.text);
        exit(2);
    }
}

static void note(struct soft_guest *g, struct outcome *o)
{
    static const uint8_t order[8] = {0, 3, 1, 2, 6, 7, 4, 5};
    struct err e;
    struct cpu_state *s = g->start;
    struct cpu_state now;
    g->engine->ops->get_state(g->engine, 0, &now, &e);
    const uint64_t *r = (const uint64_t *)&now.regs;
    o->vector = (unsigned)(now.regs.rip - HIGH - KERNEL) / 16;
    bool has_error = o->vector == 8 || (o->vector >= 10 && o->vector <= 14) || o->vector == 17;
    uint64_t frame[6];
    ram_read(g->ram, gpa(STACK - sizeof(frame) + (has_error ? 0 : 8)), frame + !has_error,
             sizeof(frame) - 8 * !has_error);
    for (unsigned i = 0; i < 16; i++)
        o->out.gpr[i < 8 ? order[i] : i] = r[i];
    o->error = has_error ? (uint32_t)frame[0] : 0;
    o->out.rip = frame[1];
    o->out.flags = frame[3];
    o->out.gpr[4] = frame[4];
    o->cr2 = now.sregs.cr2;
    memcpy(o->out.v.fx, now.xsave.region, 512);
    uint64_t bv = ((uint64_t *)now.xsave.region)[64];
    if (!(bv & 2))
        memset(o->out.v.fx + 160, 0, 256);
    if (bv & 4)
        memcpy(o->out.v.high, (uint8_t *)now.xsave.region + 576, 256);
    else
        memset(o->out.v.high, 0, 256);
    ram_read(g->ram, gpa(DATA), o->data, DATA_BYTES);
    (void)s;
}

void soft_run(struct soft_guest *g, const struct trial *t, struct outcome *o)
{
    struct err e;
    load(g, t);
    enum cpu_exit exit = g->engine->ops->run(g->engine, 0, &e);
    memset(o, 0, sizeof(*o));
    if (exit != CPU_EXIT_STOPPED)
        o->vector = 100 + exit;
    else
        note(g, o);
}

void soft_delete(struct soft_guest *g)
{
    g->engine->ops->free(g->engine);
    bus_free(g->io);
    bus_free(g->mem);
    ram_free(g->ram);
    free(g->start);
    free(g);
}
