// SPDX-License-Identifier: GPL-2.0-or-later
/* The soft engine's state, page walk and segment checks, without running a guest; and how it waits. */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "cpu/soft/arch.h"
#include "cpu/soft/copy.h"

struct bed {
    pthread_mutex_t lock;
    struct ram *ram;
    struct bus *mem, *io;
    struct engine *engine;
    struct vcpu *v;
    struct cpu_state s, back;
};

static void must(int rc, const struct err *e)
{
    if (rc < 0)
        fail_msg("%s", e->text);
}

static int setup(void **state)
{
    struct err e;
    struct bed *b = calloc(1, sizeof(*b));
    pthread_mutex_init(&b->lock, NULL);
    must(ram_new(4 << 20, &b->ram, &e), &e);
    must(bus_new(&b->lock, &b->mem, &e), &e);
    must(bus_new(&b->lock, &b->io, &e), &e);
    const struct cpu_config c = {
        .nr_cpus = 1, .ram = b->ram, .mem = b->mem, .io = b->io, .debug = CPU_DEBUG_STEP};
    must(engine_soft.new(&c, &b->engine, &e), &e);
    b->v = ((struct soft *)b->engine)->cpus[0];
    must(engine_soft.get_state(b->engine, 0, &b->s, &e), &e);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bed *b = *state;
    engine_soft.free(b->engine);
    bus_free(b->io);
    bus_free(b->mem);
    ram_free(b->ram);
    free(b);
    return 0;
}

/* ---- state ---- */

static void set(struct bed *b)
{
    struct err e;
    must(engine_soft.set_state(b->engine, 0, &b->s, &e), &e);
}

static void after_reset_it_is_as_the_manual_says(void **state)
{
    struct bed *b = *state;
    assert_int_equal(b->s.regs.rip, 0xfff0);
    assert_int_equal(b->s.regs.rflags, 2);
    assert_int_equal(b->s.sregs.cs.base, 0xffff0000);
    assert_int_equal(b->s.sregs.cs.selector, 0xf000);
    assert_int_equal(b->s.sregs.cr0, 0x60000010);
    assert_int_equal(b->s.sregs.idt.limit, 0xffff);
    assert_int_equal(b->s.debugregs.dr6, 0xffff0ff0);
    assert_int_equal(b->s.debugregs.dr7, 0x400);
    assert_int_equal(b->s.xcrs.xcrs[0].value, 1);
}

/* 64-bit mode with everything different from everything else. */
static void fill(struct cpu_state *s)
{
    uint64_t *r = (uint64_t *)&s->regs;
    for (unsigned i = 0; i < 17; i++)
        r[i] = 0x1111111111111111ull * (i % 8 + 1) + i;
    s->regs.rflags = 0x203 | 0x400;
    s->sregs.cr0 = 0x80050033;
    s->sregs.cr2 = 0x123456789;
    s->sregs.cr3 = 0x100000;
    s->sregs.cr4 = 0x40620;
    s->sregs.efer = 0xd01;
    s->sregs.cs = (struct kvm_segment){
        .selector = 0x33, .limit = UINT32_MAX, .type = 11, .s = 1, .dpl = 3, .present = 1, .l = 1, .g = 1};
    s->sregs.ss = (struct kvm_segment){
        .selector = 0x2b, .limit = UINT32_MAX, .type = 3, .s = 1, .dpl = 3, .present = 1, .db = 1, .g = 1};
    s->sregs.ds = s->sregs.es = (struct kvm_segment){.unusable = 1};
    s->sregs.fs = s->sregs.gs = s->sregs.ss;
    s->sregs.fs.base = 0x7f1234567000;
    s->sregs.gs.base = 0xffff888012345000;
    s->sregs.tr = (struct kvm_segment){
        .selector = 0x40, .base = 0xfffffe0000003000, .limit = 0x206f, .type = 11, .present = 1};
    s->sregs.gdt.base = 0xfffffe0000001000, s->sregs.gdt.limit = 0x7f;
    s->sregs.idt.base = 0xfffffe0000000000, s->sregs.idt.limit = 0xfff;
    s->debugregs.db[0] = 0xabc, s->debugregs.db[3] = 0xdef;
    s->xcrs.xcrs[0].value = 3;
    uint8_t *x = (uint8_t *)s->xsave.region;
    for (unsigned i = 160; i < 416; i++)
        x[i] = (uint8_t)i;
    x[512] = 3;
    s->events.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
    s->events.nmi.masked = 1;
}

static void what_is_set_is_what_is_got(void **state)
{
    struct bed *b = *state;
    struct err e;
    fill(&b->s);
    set(b);
    must(engine_soft.get_state(b->engine, 0, &b->back, &e), &e);
    assert_memory_equal(&b->s.regs, &b->back.regs, sizeof(b->s.regs));
    assert_memory_equal(&b->s.sregs, &b->back.sregs, sizeof(b->s.sregs));
    assert_memory_equal(b->s.debugregs.db, b->back.debugregs.db, sizeof(b->s.debugregs.db));
    assert_memory_equal((uint8_t *)b->s.xsave.region + 160, (uint8_t *)b->back.xsave.region + 160, 256);
    assert_int_equal(b->back.xcrs.xcrs[0].value, 3);
    assert_int_equal(b->back.events.interrupt.shadow, KVM_X86_SHADOW_INT_STI);
    assert_int_equal(b->back.events.nmi.masked, 1);
    must(engine_soft.set_state(b->engine, 0, &b->back, &e), &e);
}

static void an_injected_exception_comes_out_again(void **state)
{
    struct bed *b = *state;
    struct err e;
    b->s.events.exception.injected = 1;
    b->s.events.exception.nr = 14;
    b->s.events.exception.has_error_code = 1;
    b->s.events.exception.error_code = 6;
    set(b);
    must(engine_soft.get_state(b->engine, 0, &b->back, &e), &e);
    assert_int_equal(b->back.events.exception.injected, 1);
    assert_int_equal(b->back.events.exception.nr, 14);
    assert_int_equal(b->back.events.exception.error_code, 6);
}

static void cr0_pg_without_pe(struct cpu_state *s)
{
    s->sregs.cr0 = 0x80000000;
}
static void cr4_of_a_hidden_feature(struct cpu_state *s)
{
    s->sregs.cr4 = 1 << 22;
}
static void lma_without_lme(struct cpu_state *s)
{
    s->sregs.efer = 0x400;
}
static void long_mode_without_pae(struct cpu_state *s)
{
    s->sregs.cr0 = 0x80000011;
    s->sregs.efer = 0x500;
}
static void mxcsr_reserved(struct cpu_state *s)
{
    ((uint32_t *)s->xsave.region)[6] = 0x80000000;
}
static void xstate_unknown(struct cpu_state *s)
{
    ((uint64_t *)s->xsave.region)[64] = 1ull << 40;
}
static void xsave_compacted(struct cpu_state *s)
{
    ((uint64_t *)s->xsave.region)[65] = 1ull << 63;
}
static void xcr0_without_x87(struct cpu_state *s)
{
    s->xcrs.xcrs[0].value = 2;
}
static void no_xcr0(struct cpu_state *s)
{
    s->xcrs.nr_xcrs = 0;
}
static void too_many_msrs(struct cpu_state *s)
{
    s->nr_msrs = 97;
}
static void dr7_high(struct cpu_state *s)
{
    s->debugregs.dr7 = 1ull << 32;
}
static void cr8_high(struct cpu_state *s)
{
    s->sregs.cr8 = 16;
}

static void a_bad_state_is_refused_and_changes_nothing(void **state)
{
    static void (*const spoil[])(struct cpu_state *) = {
        cr0_pg_without_pe, cr4_of_a_hidden_feature, lma_without_lme, long_mode_without_pae,
        mxcsr_reserved,    xstate_unknown,          xsave_compacted, xcr0_without_x87,
        no_xcr0,           too_many_msrs,           dr7_high,        cr8_high,
    };
    struct bed *b = *state;
    static struct cpu_state bad;
    struct err e;
    must(engine_soft.get_state(b->engine, 0, &b->s, &e), &e);
    for (size_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
        bad = b->s;
        bad.regs.rax = 0x99;
        spoil[i](&bad);
        if (engine_soft.set_state(b->engine, 0, &bad, &e) != -EINVAL)
            fail_msg("bad state %zu was taken", i);
        must(engine_soft.get_state(b->engine, 0, &b->back, &e), &e);
        assert_memory_equal(&b->s.regs, &b->back.regs, sizeof(b->s.regs));
        assert_memory_equal(&b->s.sregs, &b->back.sregs, sizeof(b->s.sregs));
    }
}

/* ---- walk ---- */

#define PML4 0x10000u
#define PDPT 0x11000u
#define PD   0x12000u
#define PT   0x13000u

static uint64_t *entry(struct bed *b, uint64_t table, unsigned i)
{
    return (uint64_t *)ram_at(b->ram, gpa(table), 4096) + i;
}

static void four_levels(struct bed *b)
{
    b->v->cr0 = CR0_PE | CR0_PG | CR0_WP;
    b->v->cr4 = CR4_PAE;
    b->v->efer = EFER_LME | EFER_LMA | EFER_NXE;
    b->v->cr3 = PML4;
    *entry(b, PML4, 0) = PDPT | 7;
    *entry(b, PDPT, 0) = PD | 7;
    *entry(b, PD, 0) = PT | 7;
}

static void a_walk_sets_accessed_and_dirty(void **state)
{
    struct bed *b = *state;
    struct walk w;
    uint32_t error;
    four_levels(b);
    *entry(b, PT, 5) = 0x200000 | 7;
    assert_true(mmu_walk(b->v, 0x5123, ACCESS_READ, true, &w, &error));
    assert_int_equal(w.gpa, 0x200123);
    assert_false(w.writable); /* not dirty yet */
    assert_int_equal(*entry(b, PT, 5) & 0xfff, 0x27);
    assert_int_equal(*entry(b, PD, 0) & 0xfff, 0x27);
    assert_true(mmu_walk(b->v, 0x5123, ACCESS_WRITE, true, &w, &error));
    assert_true(w.writable);
    assert_int_equal(*entry(b, PT, 5) & 0xfff, 0x67);
}

struct fault {
    uint64_t bits;
    enum access access;
    bool user;
    int error; /* -1: none */
};

static void rights_and_error_codes(void **state)
{
    static const struct fault cases[] = {
        {0, ACCESS_READ, false, 0},
        {0, ACCESS_WRITE, true, PF_W | PF_U},
        {PTE_P, ACCESS_READ, true, PF_P | PF_U},
        {PTE_P, ACCESS_WRITE, false, PF_P | PF_W},
        {PTE_P | PTE_U, ACCESS_WRITE, true, PF_P | PF_W | PF_U},
        {PTE_P | PTE_U, ACCESS_READ, true, -1},
        {PTE_P | PTE_W | PTE_U | PTE_NX, ACCESS_FETCH, true, PF_P | PF_U | PF_I},
        {PTE_P | PTE_W | PTE_U | PTE_NX, ACCESS_WRITE, true, -1},
        {PTE_P | 1ull << 45, ACCESS_READ, false, PF_P | PF_RSVD},
        {PTE_P | PTE_U, ACCESS_FETCH, false, PF_P | PF_I}, /* SMEP */
    };
    struct bed *b = *state;
    struct walk w;
    four_levels(b);
    b->v->cr4 |= CR4_SMEP;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct fault *c = &cases[i];
        uint32_t error = 0xffff;
        *entry(b, PT, 7) = 0x200000 | c->bits;
        bool ok = mmu_walk(b->v, 0x7000, c->access, c->user, &w, &error);
        if (ok != (c->error < 0) || (!ok && error != (uint32_t)c->error))
            fail_msg("case %zu: %s, error %x", i, ok ? "allowed" : "refused", error);
    }
}

static void large_pages_in_all_modes(void **state)
{
    struct bed *b = *state;
    struct walk w;
    uint32_t error;
    four_levels(b);
    *entry(b, PD, 1) = 0x40000000 | 0x83;
    assert_true(mmu_walk(b->v, 0x212345, ACCESS_READ, false, &w, &error));
    assert_int_equal(w.gpa, 0x40012345);
    assert_true(w.large);
    *entry(b, PDPT, 1) = 0x80000000 | 0x83;
    assert_true(mmu_walk(b->v, 0x52345678, ACCESS_READ, false, &w, &error));
    assert_int_equal(w.gpa, 0x92345678);
    b->v->efer = 0;
    b->v->cr4 = CR4_PSE;
    b->v->cr3 = PD;
    ((uint32_t *)entry(b, PD, 0))[3] = 0x00c02083; /* PSE-36: bit 32 of the address is bit 13 here */
    assert_true(mmu_walk(b->v, 0xc01234, ACCESS_READ, false, &w, &error));
    assert_int_equal(w.gpa, 0x100c01234);
    b->v->cr0 = CR0_PE;
    assert_true(mmu_walk(b->v, 0x123456, ACCESS_WRITE, false, &w, &error));
    assert_int_equal(w.gpa, 0x123456);
}

static void tables_outside_of_ram_fault(void **state)
{
    struct bed *b = *state;
    struct walk w;
    uint32_t error;
    four_levels(b);
    b->v->cr3 = 0x3ffffff000;
    assert_false(mmu_walk(b->v, 0, ACCESS_READ, false, &w, &error));
    assert_int_equal(error, PF_P | PF_RSVD); /* nobody answers: all ones */
}

/* ---- segments ---- */

struct linear {
    struct bed *b;
    uint64_t off, va;
    unsigned seg, size;
    enum access access;
};

static void find(struct vcpu *v, void *arg)
{
    struct linear *l = arg;
    l->va = mmu_linear(v, l->seg, l->off, l->size, l->access);
}

static int check(struct bed *b, unsigned seg, uint64_t off, unsigned size, enum access access)
{
    struct linear l = {.b = b, .off = off, .seg = seg, .size = size, .access = access};
    return soft_try(b->v, find, &l) ? -1 : b->v->exc.vector;
}

static void segment_limits_and_types(void **state)
{
    struct bed *b = *state;
    b->v->mode = MODE_PE | MODE_CODE32;
    b->v->seg[SEG_DS] = (struct seg){.base = 0x1000, .limit = 0xff, .attr = ATTR_P | ATTR_S | TYPE_WRITE};
    assert_int_equal(check(b, SEG_DS, 0xfc, 4, ACCESS_WRITE), -1);
    assert_int_equal(check(b, SEG_DS, 0xfd, 4, ACCESS_READ), EXC_GP);
    assert_int_equal(check(b, SEG_DS, 0xffffffff, 2, ACCESS_READ), EXC_GP);
    b->v->seg[SEG_DS].attr = ATTR_P | ATTR_S;
    assert_int_equal(check(b, SEG_DS, 0, 4, ACCESS_WRITE), EXC_GP);
    b->v->seg[SEG_DS].attr = ATTR_P | ATTR_S | TYPE_CODE;
    assert_int_equal(check(b, SEG_DS, 0, 4, ACCESS_READ), EXC_GP);
    b->v->seg[SEG_DS].unusable = true;
    assert_int_equal(check(b, SEG_DS, 0, 1, ACCESS_READ), EXC_GP);
    b->v->seg[SEG_SS] =
        (struct seg){.limit = 0xfff, .attr = ATTR_P | ATTR_S | TYPE_WRITE | TYPE_DOWN | ATTR_DB};
    assert_int_equal(check(b, SEG_SS, 0xfff, 1, ACCESS_READ), EXC_SS);
    assert_int_equal(check(b, SEG_SS, 0x1000, 4, ACCESS_WRITE), -1);
    b->v->mode = MODE_PE | MODE_LONG64;
    assert_int_equal(check(b, SEG_DS, 0x7ffffffffff9, 8, ACCESS_READ), EXC_GP);
    assert_int_equal(check(b, SEG_DS, 0x7ffffffffff8, 8, ACCESS_READ), -1);
    assert_int_equal(check(b, SEG_SS, 1ull << 50, 1, ACCESS_READ), EXC_SS);
}

/* ---- waiting ---- */

static void *run(void *ctx)
{
    struct bed *b = ctx;
    struct err e;
    return (void *)(uintptr_t)engine_soft.run(b->engine, 0, &e);
}

static void a_halted_cpu_sleeps_until_it_is_kicked(void **state)
{
    static const uint8_t code[] = {0xfa, 0xf4, 0xeb, 0xfd}; /* cli; hlt; jmp to the hlt */
    struct bed *b = *state;
    pthread_t t;
    ram_write(b->ram, gpa(0x8000), code, sizeof(code));
    b->s.sregs.cs.selector = 0, b->s.sregs.cs.base = 0;
    b->s.regs.rip = 0x8000;
    set(b);
    pthread_create(&t, NULL, run, b);
    usleep(100000);
    engine_soft.kick(b->engine, 0);
    void *exit;
    pthread_join(t, &exit);
    struct cpu_stats s;
    engine_soft.stats(b->engine, 0, &s);
    assert_int_equal((uintptr_t)exit, CPU_EXIT_STOPPED);
    assert_int_equal(s.halts, 1); /* it slept once, for all the time */
    assert_true(s.steps < 10);
}

static void what_was_stepped_is_told_by_name_the_most_first(void **state)
{
    static const uint8_t code[] = {0x90, 0x90, 0x90,
                                   0xfa, 0xfa, 0xf4}; /* nop nop nop cli cli hlt, in real mode */
    struct bed *b = *state;
    struct cpu_stepped most[CPU_STEPPED];
    pthread_t t;
    ram_write(b->ram, gpa(0x8000), code, sizeof(code));
    b->s.sregs.cs.selector = 0, b->s.sregs.cs.base = 0;
    b->s.regs.rip = 0x8000;
    set(b);
    pthread_create(&t, NULL, run, b);
    usleep(100000);
    engine_soft.kick(b->engine, 0);
    pthread_join(t, NULL);
    assert_int_equal(engine_soft.stepped(b->engine, most), 3);
    assert_string_equal(most[0].name, "nop");
    assert_int_equal(most[0].count, 3);
    assert_string_equal(most[1].name, "cli");
    assert_int_equal(most[1].count, 2);
    assert_int_equal(most[2].count, 1);
}

static void a_kick_before_the_run_counts(void **state)
{
    struct bed *b = *state;
    struct err e;
    engine_soft.kick(b->engine, 0);
    assert_int_equal(engine_soft.run(b->engine, 0, &e), CPU_EXIT_STOPPED);
}

static void a_triple_fault_is_told(void **state)
{
    static const uint8_t code[] = {0x0f, 0x01, 0x1e, 0x00, 0x90, 0xcc}; /* lidt [9000]; int3 */
    struct bed *b = *state;
    struct err e;
    ram_write(b->ram, gpa(0x8000), code, sizeof(code));
    b->s.sregs.cs.selector = 0, b->s.sregs.cs.base = 0;
    b->s.regs.rip = 0x8000;
    set(b);
    assert_int_equal(engine_soft.run(b->engine, 0, &e), CPU_EXIT_SHUTDOWN);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(after_reset_it_is_as_the_manual_says),
        T(what_is_set_is_what_is_got),
        T(an_injected_exception_comes_out_again),
        T(a_bad_state_is_refused_and_changes_nothing),
        T(a_walk_sets_accessed_and_dirty),
        T(rights_and_error_codes),
        T(large_pages_in_all_modes),
        T(tables_outside_of_ram_fault),
        T(segment_limits_and_types),
        T(a_halted_cpu_sleeps_until_it_is_kicked),
        T(what_was_stepped_is_told_by_name_the_most_first),
        T(a_kick_before_the_run_counts),
        T(a_triple_fault_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
