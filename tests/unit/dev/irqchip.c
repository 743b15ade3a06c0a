// SPDX-License-Identifier: GPL-2.0-or-later
/* Local APICs, I/O APIC, PICs and the PIT, driven as a kernel drives them, with a clock that the test turns.
 */
#include "unit.h"

#include <pthread.h>

#include "dev/ioapic.h"
#include "dev/lapic.h"
#include "dev/pic.h"
#include "dev/pit.h"

#define CPUS 4
enum {
    ID = 2,
    TPR = 8,
    PPR = 0xa,
    EOI = 0xb,
    LDR = 0xd,
    DFR,
    SVR,
    ISR = 0x10,
    IRR = 0x20,
    ICR = 0x30,
    LVT_TIMER = 0x32,
    LINT0 = 0x35,
    INITIAL = 0x38,
    CURRENT,
    DIVIDE = 0x3e,
    SELF
};

struct bed {
    pthread_mutex_t lock;
    struct bus *mem, *io;
    struct clock *clock;
    struct lapics *lapics;
    struct ioapic *ioapic;
    struct pic *pic;
    struct pit *pit;
    const struct cpu_intc *intc;
    unsigned woken[CPUS], nmis[CPUS], inits[CPUS], sipis[CPUS];
    uint8_t sipi_vector, eoi_vector;
    unsigned eois, pit_edges;
    uint64_t msi_addr;
    uint32_t msi_data;
    unsigned msis;
};

static void wake(void *ctx, unsigned cpu)
{
    ((struct bed *)ctx)->woken[cpu]++;
}
static void nmi(void *ctx, unsigned cpu)
{
    ((struct bed *)ctx)->nmis[cpu]++;
}
static void init(void *ctx, unsigned cpu)
{
    ((struct bed *)ctx)->inits[cpu]++;
}
static void sipi(void *ctx, unsigned cpu, uint8_t vector)
{
    struct bed *b = ctx;
    b->sipis[cpu]++;
    b->sipi_vector = vector;
}
static void eoi(void *ctx, uint8_t vector)
{
    struct bed *b = ctx;
    b->eois++;
    b->eoi_vector = vector;
    ioapic_eoi(b->ioapic, vector);
}
static uint8_t inta(void *ctx)
{
    return pic_ack(((struct bed *)ctx)->pic);
}
static void pic_out(void *ctx, bool level)
{
    lapics_extint(((struct bed *)ctx)->lapics, level);
}
static void msi(void *ctx, uint64_t addr, uint32_t data)
{
    struct bed *b = ctx;
    b->msis++;
    b->msi_addr = addr;
    b->msi_data = data;
    lapics_msi(b->lapics, addr, data);
}
static void pit_wire(void *ctx, unsigned line, bool level)
{
    struct bed *b = ctx;
    b->pit_edges += level;
    pic_set(b->pic, line, level);
}

static int setup(void **state)
{
    struct err e;
    struct bed *b = calloc(1, sizeof(*b));
    const struct lapic_ops ops = {wake, nmi, init, sipi, eoi, inta, b};
    const struct msi_sink sink = {msi, b};
    const struct irq wire = {.set = pit_wire, .ctx = b};
    pthread_mutex_init(&b->lock, NULL);
    b->clock = fake_clock_new();
    if (bus_new(&b->lock, &b->mem, &e) < 0 || bus_new(&b->lock, &b->io, &e) < 0 ||
        lapics_new(CPUS, &b->lock, b->clock, &ops, &b->lapics, &e) < 0 ||
        ioapic_new(b->mem, 0xfec00000, &sink, &b->ioapic, &e) < 0 ||
        pic_new(b->io, pic_out, b, &b->pic, &e) < 0 || pit_new(b->io, &wire, b->clock, &b->pit, &e) < 0)
        fail_msg("%s", e.text);
    b->intc = lapics_intc(b->lapics);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bed *b = *state;
    pit_free(b->pit);
    pic_free(b->pic);
    ioapic_free(b->ioapic);
    lapics_free(b->lapics);
    fake_clock_free(b->clock);
    bus_free(b->mem);
    bus_free(b->io);
    free(b);
    return 0;
}

static void put(struct bed *b, unsigned cpu, unsigned reg, uint64_t val)
{
    assert_true(b->intc->apic_write(b->intc->ctx, cpu, reg, val));
}
static uint64_t get(struct bed *b, unsigned cpu, unsigned reg)
{
    uint64_t val = 0;
    assert_true(b->intc->apic_read(b->intc->ctx, cpu, reg, &val));
    return val;
}
static int ack(struct bed *b, unsigned cpu)
{
    return b->intc->ack(b->intc->ctx, cpu);
}
static void on(struct bed *b, bool x2apic)
{
    for (unsigned i = 0; i < CPUS; i++) {
        if (x2apic)
            assert_true(b->intc->base_write(b->intc->ctx, i, b->intc->base_read(b->intc->ctx, i) | 0xc00));
        put(b, i, SVR, 0x1ff);
    }
}
static void advance(struct bed *b, uint64_t ns)
{
    pthread_mutex_lock(&b->lock);
    fake_clock_advance(b->clock, ns);
    pthread_mutex_unlock(&b->lock);
}

/* ---- local APIC ---- */

static void higher_vectors_come_first_and_hold_lower_ones_back(void **state)
{
    struct bed *b = *state;
    on(b, true);
    put(b, 0, SELF, 0x41);
    put(b, 0, SELF, 0x52);
    put(b, 0, SELF, 0x58);
    assert_int_equal(b->intc->pending(b->intc->ctx, 0), 0x58);
    assert_int_equal(ack(b, 0), 0x58);
    assert_int_equal(get(b, 0, PPR), 0x50);
    assert_int_equal(ack(b, 0), -1); /* 52 is of the same class */
    put(b, 0, EOI, 0);
    assert_int_equal(ack(b, 0), 0x52);
    put(b, 0, TPR, 0x40);
    put(b, 0, EOI, 0);
    assert_int_equal(ack(b, 0), -1);
    b->intc->tpr_write(b->intc->ctx, 0, 3);
    assert_int_equal(ack(b, 0), 0x41);
}

static void a_disabled_apic_takes_nothing(void **state)
{
    struct bed *b = *state;
    lapics_msi(b->lapics, 0xfee00000, 0x44);
    assert_int_equal(ack(b, 0), -1);
    on(b, false);
    assert_int_equal(ack(b, 0), -1);
    lapics_msi(b->lapics, 0xfee00000, 0x44);
    assert_int_equal(ack(b, 0), 0x44);
}

static void ipis_reach_whom_they_name(void **state)
{
    struct bed *b = *state;
    on(b, true);
    put(b, 0, ICR, 2ull << 32 | 0x61);
    assert_int_equal(ack(b, 2), 0x61);
    assert_int_equal(ack(b, 1), -1);
    put(b, 1, ICR, 0xc0062); /* all but itself */
    assert_int_equal(ack(b, 1), -1);
    assert_int_equal(ack(b, 0), 0x62);
    assert_int_equal(ack(b, 3), 0x62);
    put(b, 3, ICR, 0x80063); /* all */
    assert_int_equal(ack(b, 1), 0x63);
    put(b, 3, ICR, (uint64_t)UINT32_MAX << 32 | 0x74); /* broadcast */
    assert_int_equal(ack(b, 1), 0x74);
    put(b, 0, ICR, 0x6ull << 32 | 0x800 | 0x85); /* logical: CPUs 1 and 2 */
    assert_int_equal(ack(b, 1), 0x85);
    assert_int_equal(ack(b, 0), 0x74);
    put(b, 0, ICR, 1ull << 32 | 0x400);
    assert_int_equal(b->nmis[1], 1);
}

static void init_and_startup_start_a_cpu(void **state)
{
    struct bed *b = *state;
    on(b, true);
    put(b, 0, ICR, 1ull << 32 | 0xc500);
    put(b, 0, ICR, 1ull << 32 | 0x8500); /* de-assert: nothing */
    put(b, 0, ICR, 1ull << 32 | 0x4609);
    assert_int_equal(b->inits[1], 1);
    assert_int_equal(b->sipis[1], 1);
    assert_int_equal(b->sipi_vector, 9);
    assert_int_equal(b->inits[0] + b->inits[2] + b->sipis[2], 0);
}

static void lowest_priority_goes_to_the_idlest(void **state)
{
    struct bed *b = *state;
    on(b, false);
    for (unsigned i = 0; i < CPUS; i++) {
        put(b, i, LDR, (uint64_t)1 << (24 + i));
        put(b, i, TPR, i == 2 ? 0 : 0x30);
    }
    lapics_msi(b->lapics, 0xfee0f004, 0x100 | 0x55);
    assert_int_equal(ack(b, 2), 0x55);
    assert_int_equal(ack(b, 0), -1);
}

static void the_timer_in_its_three_modes(void **state)
{
    struct bed *b = *state;
    on(b, true);
    put(b, 0, DIVIDE, 0xb); /* by 1 */
    put(b, 0, LVT_TIMER, 0x50);
    put(b, 0, INITIAL, 1000);
    advance(b, 400);
    assert_int_equal(get(b, 0, CURRENT), 600);
    assert_int_equal(ack(b, 0), -1);
    advance(b, 600);
    assert_int_equal(ack(b, 0), 0x50);
    put(b, 0, EOI, 0);
    assert_int_equal(get(b, 0, CURRENT), 0);
    put(b, 0, LVT_TIMER, 0x20050);
    put(b, 0, INITIAL, 50000);
    for (unsigned i = 0; i < 3; i++) {
        advance(b, 50000);
        assert_int_equal(ack(b, 0), 0x50);
        put(b, 0, EOI, 0);
    }
    put(b, 0, LVT_TIMER, 0x40051);
    b->intc->deadline_write(b->intc->ctx, 0, 777, clock_now(b->clock) + 300);
    assert_int_equal(b->intc->deadline_read(b->intc->ctx, 0), 777);
    advance(b, 299);
    assert_int_equal(ack(b, 0), -1);
    advance(b, 1);
    assert_int_equal(ack(b, 0), 0x51);
    assert_int_equal(b->intc->deadline_read(b->intc->ctx, 0), 0);
}

static void a_masked_timer_wakes_nobody(void **state)
{
    struct bed *b = *state;
    on(b, true);
    put(b, 0, LVT_TIMER, 0x10050);
    put(b, 0, INITIAL, 10);
    unsigned before = b->woken[0];
    advance(b, 1000000);
    assert_int_equal(b->woken[0], before);
    assert_int_equal(ack(b, 0), -1);
}

static void reserved_changes_of_the_base_are_refused(void **state)
{
    struct bed *b = *state;
    uint64_t base = b->intc->base_read(b->intc->ctx, 0);
    assert_int_equal(base, 0xfee00900);
    assert_false(b->intc->base_write(b->intc->ctx, 0, base | 1));
    assert_false(b->intc->base_write(b->intc->ctx, 0, 0xfee00400)); /* x2APIC without enable */
    assert_true(b->intc->base_write(b->intc->ctx, 0, base | 0x400));
    assert_false(b->intc->base_write(b->intc->ctx, 0, base));
    assert_true(b->intc->base_write(b->intc->ctx, 0, 0xfee00100));
    uint64_t val;
    assert_false(b->intc->apic_read(b->intc->ctx, 0, 0x3f, &val) &&
                 b->intc->apic_read(b->intc->ctx, 0, 0x40, &val));
}

static void its_state_survives(void **state)
{
    struct bed *b = *state;
    struct kvm_lapic_state s;
    on(b, false);
    put(b, 1, TPR, 0x20);
    put(b, 0, ICR, 1ull << 32 | 0x91);
    assert_true(b->intc->state_get(b->intc->ctx, 1, &s));
    assert_int_equal(ack(b, 1), 0x91);
    put(b, 1, EOI, 0);
    put(b, 1, TPR, 0);
    assert_true(b->intc->state_set(b->intc->ctx, 1, &s));
    assert_int_equal(get(b, 1, TPR), 0x20);
    assert_int_equal(ack(b, 1), 0x91);
}

/* ---- I/O APIC ---- */

static void rte(struct bed *b, unsigned pin, uint64_t val)
{
    bus_write(b->mem, 0xfec00000, 4, 0x11 + 2 * pin);
    bus_write(b->mem, 0xfec00010, 4, val >> 32);
    bus_write(b->mem, 0xfec00000, 4, 0x10 + 2 * pin);
    bus_write(b->mem, 0xfec00010, 4, (uint32_t)val);
}
static void pin(struct bed *b, unsigned n, bool level)
{
    pthread_mutex_lock(&b->lock);
    ioapic_set(b->ioapic, n, level);
    pthread_mutex_unlock(&b->lock);
}

static void an_edge_is_sent_once(void **state)
{
    struct bed *b = *state;
    on(b, false);
    rte(b, 4, 1ull << 56 | 0x34);
    pin(b, 4, true);
    pin(b, 4, true);
    assert_int_equal(b->msis, 1);
    assert_int_equal(ack(b, 1), 0x34);
    pin(b, 4, false);
    pin(b, 4, true);
    assert_int_equal(b->msis, 2);
    rte(b, 4, 0x10034);
    pin(b, 4, false);
    pin(b, 4, true);
    assert_int_equal(b->msis, 2);
}

static void a_level_is_sent_again_after_eoi_while_it_stays(void **state)
{
    struct bed *b = *state;
    on(b, false);
    rte(b, 9, 0x8039);
    pin(b, 9, true);
    assert_int_equal(b->msis, 1);
    assert_int_equal(ack(b, 0), 0x39);
    bus_write(b->mem, 0xfec00000, 4, 0x10 + 2 * 9);
    assert_true(bus_read(b->mem, 0xfec00010, 4) & 0x4000); /* remote IRR */
    put(b, 0, EOI, 0);
    assert_int_equal(b->eoi_vector, 0x39);
    assert_int_equal(b->msis, 2);
    assert_int_equal(ack(b, 0), 0x39);
    pin(b, 9, false);
    put(b, 0, EOI, 0);
    assert_int_equal(b->msis, 2);
    assert_int_equal(ack(b, 0), -1);
}

/* ---- PIC and PIT ---- */

static void out(struct bed *b, uint16_t port, uint8_t val)
{
    bus_write(b->io, port, 1, val);
}
static void pics(struct bed *b, uint8_t mask)
{
    static const uint8_t words[2][4] = {{0x11, 0x20, 4, 1}, {0x11, 0x28, 2, 1}};
    for (unsigned chip = 0; chip < 2; chip++) {
        uint16_t port = chip ? 0xa0 : 0x20;
        out(b, port, words[chip][0]);
        for (unsigned i = 1; i < 4; i++)
            out(b, port + 1, words[chip][i]);
    }
    out(b, 0x21, mask);
    out(b, 0xa1, 0);
}
static void line(struct bed *b, unsigned n, bool level)
{
    pthread_mutex_lock(&b->lock);
    pic_set(b->pic, n, level);
    pthread_mutex_unlock(&b->lock);
}

static void the_pic_passes_a_disabled_apic_and_lint0(void **state)
{
    struct bed *b = *state;
    pics(b, 0);
    line(b, 4, true);
    assert_int_equal(ack(b, 0), 0x24);
    out(b, 0x20, 0x20);
    line(b, 4, false);
    put(b, 0, SVR, 0x1ff);
    line(b, 4, true);
    assert_int_equal(ack(b, 0), -1); /* LINT0 is masked */
    put(b, 0, LINT0, 0x700);
    assert_int_equal(ack(b, 0), 0x24);
}

static void priorities_and_the_cascade(void **state)
{
    struct bed *b = *state;
    pics(b, 0);
    line(b, 7, true);
    line(b, 12, true);
    assert_int_equal(ack(b, 0), 0x2c); /* line 2 is before line 7 */
    assert_int_equal(ack(b, 0), -1);
    out(b, 0xa0, 0x20);
    out(b, 0x20, 0x20);
    assert_int_equal(ack(b, 0), 0x27);
    out(b, 0x20, 0x0b);
    assert_int_equal(bus_read(b->io, 0x20, 1), 0x80); /* in service */
}

static void a_request_that_is_gone_is_spurious(void **state)
{
    struct bed *b = *state;
    pics(b, 0);
    line(b, 3, true);
    line(b, 3, false);
    assert_int_equal(b->intc->pending(b->intc->ctx, 0), -1);
    assert_int_equal(pic_ack(b->pic), 0x27);
}

static void the_pit_ticks_and_its_edge_stays_until_taken(void **state)
{
    struct bed *b = *state;
    pics(b, 0xfe);
    out(b, 0x43, 0x34);
    out(b, 0x40, 1193 & 0xff);
    out(b, 0x40, 1193 >> 8);
    advance(b, 999000);
    assert_int_equal(b->pit_edges, 0);
    for (unsigned i = 1; i <= 3; i++) {
        advance(b, 1000000);
        assert_int_equal(b->pit_edges, i);
        assert_int_equal(ack(b, 0), 0x20);
        assert_int_equal(ack(b, 0), -1);
        out(b, 0x20, 0x20);
    }
}

static void one_shot_fires_once_and_stops_when_reprogrammed(void **state)
{
    struct bed *b = *state;
    out(b, 0x43, 0x30);
    out(b, 0x40, 100);
    out(b, 0x40, 0);
    advance(b, 10000000);
    assert_int_equal(b->pit_edges, 1);
    out(b, 0x40, 100);
    out(b, 0x40, 0);
    out(b, 0x43, 0x30);
    advance(b, 10000000);
    assert_int_equal(b->pit_edges, 1);
}

static void the_count_can_be_latched(void **state)
{
    struct bed *b = *state;
    out(b, 0x43, 0x34);
    out(b, 0x40, 0);
    out(b, 0x40, 0x80); /* 32768 */
    advance(b, 1000000);
    out(b, 0x43, 0);
    unsigned low = (unsigned)bus_read(b->io, 0x40, 1), high = (unsigned)bus_read(b->io, 0x40, 1);
    unsigned count = low | high << 8;
    assert_in_range(count, 32768 - 1195, 32768 - 1192);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(higher_vectors_come_first_and_hold_lower_ones_back),
        T(a_disabled_apic_takes_nothing),
        T(ipis_reach_whom_they_name),
        T(init_and_startup_start_a_cpu),
        T(lowest_priority_goes_to_the_idlest),
        T(the_timer_in_its_three_modes),
        T(a_masked_timer_wakes_nobody),
        T(reserved_changes_of_the_base_are_refused),
        T(its_state_survives),
        T(an_edge_is_sent_once),
        T(a_level_is_sent_again_after_eoi_while_it_stays),
        T(the_pic_passes_a_disabled_apic_and_lint0),
        T(priorities_and_the_cascade),
        T(a_request_that_is_gone_is_spurious),
        T(the_pit_ticks_and_its_edge_stays_until_taken),
        T(one_shot_fires_once_and_stops_when_reprogrammed),
        T(the_count_can_be_latched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
