// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pit: three counters at 1.193182 MHz; channel 0 interrupts, channel 2 can be watched through port 0x61.
 *
 * Source: Intel 8254 data sheet, "Mode Definitions", "Read-Back Command"; IBM PC/AT Technical Reference, port
 * 0x61. Modelled: modes 0, 2, 3 (1, 4, 5 count like 0), latches, read-back, gate of channel 2. Left out: BCD
 * counting. A counter is a pure function of the time since it was loaded; only channel 0 arms a timer.
 * Threads: board lock held.
 */
#include "dev/pit.h"

#define PIT_HZ 1193182ull

enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };

struct pit {
    /* saved, by channel */
    uint64_t loaded_ns[3];
    uint32_t initial[3]; /* 1..65536 */
    uint16_t latched[3];
    uint8_t mode[3], access[3], low[3], status[3];
    bool count_latched[3], status_latched[3], write_high[3], read_high[3], null_count[3];
    bool gate, speaker; /* port 0x61 bits 0 and 1 */
    /* wiring */
    struct irq irq;
    const struct clock *clock;
    struct clock_timer timer;
    struct bus *io;
};

static uint64_t ticks_since_load(const struct pit *p, unsigned ch)
{
    unsigned __int128 ns = clock_now(p->clock) - p->loaded_ns[ch];
    return (uint64_t)(ns * PIT_HZ / 1000000000u);
}

static uint64_t ns_of(uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * 1000000000u / PIT_HZ) + 1;
}

static bool periodic(const struct pit *p, unsigned ch)
{
    return p->mode[ch] == 2 || p->mode[ch] == 3;
}

static uint16_t count(const struct pit *p, unsigned ch)
{
    uint64_t t = ticks_since_load(p, ch), n = p->initial[ch];
    if (p->mode[ch] == 3) /* counts by two */
        return (uint16_t)(n - 2 * t % n);
    return (uint16_t)(periodic(p, ch) ? n - t % n : n - t);
}

static bool output(const struct pit *p, unsigned ch)
{
    uint64_t t = ticks_since_load(p, ch), n = p->initial[ch];
    switch (p->mode[ch]) {
    case 2:
        return t % n != n - 1;
    case 3:
        return t % n < (n + 1) / 2;
    default:
        return !p->null_count[ch] && t >= n;
    }
}

/* ---- channel 0's interrupt: the output falls and rises; low again it would take back what the PIC has
 * latched ---- */

static void arm(struct pit *p)
{
    if (p->null_count[0]) {
        clock_timer_stop(&p->timer);
        return;
    }
    uint64_t t = ticks_since_load(p, 0), n = p->initial[0];
    if (!periodic(p, 0) && t >= n) {
        clock_timer_stop(&p->timer);
        return;
    }
    clock_timer_arm(&p->timer, p->loaded_ns[0] + ns_of(periodic(p, 0) ? (t / n + 1) * n : n));
}

static void fire(void *ctx)
{
    struct pit *p = ctx;
    irq_set(&p->irq, false);
    irq_set(&p->irq, true);
    if (periodic(p, 0))
        arm(p);
}

/* ---- registers ---- */

static void load(struct pit *p, unsigned ch, uint16_t val)
{
    p->initial[ch] = val ? val : 0x10000;
    p->loaded_ns[ch] = clock_now(p->clock);
    p->null_count[ch] = false;
    if (ch == 0)
        arm(p);
}

static void latch_count(struct pit *p, unsigned ch)
{
    if (p->count_latched[ch])
        return;
    p->latched[ch] = count(p, ch);
    p->count_latched[ch] = true;
}

static void latch_status(struct pit *p, unsigned ch)
{
    if (p->status_latched[ch])
        return;
    p->status[ch] =
        (uint8_t)(output(p, ch) << 7 | p->null_count[ch] << 6 | p->access[ch] << 4 | p->mode[ch] << 1);
    p->status_latched[ch] = true;
}

static void write_control(struct pit *p, uint8_t val)
{
    unsigned ch = val >> 6;
    if (ch == 3) { /* read-back */
        for (ch = 0; ch < 3; ch++) {
            if (!(val >> (ch + 1) & 1))
                continue;
            if (!(val & 0x20))
                latch_count(p, ch);
            if (!(val & 0x10))
                latch_status(p, ch);
        }
        return;
    }
    if ((val >> 4 & 3) == ACCESS_LATCH) {
        latch_count(p, ch);
        return;
    }
    p->access[ch] = val >> 4 & 3;
    p->mode[ch] = val >> 1 & 7;
    if (p->mode[ch] > 5)
        p->mode[ch] &= 3;
    p->write_high[ch] = p->read_high[ch] = p->count_latched[ch] = p->status_latched[ch] = false;
    p->null_count[ch] = true;
    if (ch == 0) {
        irq_set(&p->irq, false);
        arm(p);
    }
}

static void write_counter(struct pit *p, unsigned ch, uint8_t val)
{
    switch (p->access[ch]) {
    case ACCESS_LOW:
        load(p, ch, val);
        break;
    case ACCESS_HIGH:
        load(p, ch, (uint16_t)(val << 8));
        break;
    default:
        if (p->write_high[ch])
            load(p, ch, (uint16_t)(p->low[ch] | val << 8));
        else
            p->low[ch] = val;
        p->write_high[ch] = !p->write_high[ch];
    }
}

static uint8_t read_counter(struct pit *p, unsigned ch)
{
    if (p->status_latched[ch]) {
        p->status_latched[ch] = false;
        return p->status[ch];
    }
    uint16_t val = p->count_latched[ch] ? p->latched[ch] : count(p, ch);
    bool high = p->access[ch] == ACCESS_HIGH || (p->access[ch] == ACCESS_BOTH && p->read_high[ch]);
    if (p->access[ch] == ACCESS_BOTH)
        p->read_high[ch] = !p->read_high[ch];
    if (p->access[ch] != ACCESS_BOTH || high)
        p->count_latched[ch] = false;
    return (uint8_t)(high ? val >> 8 : val);
}

static uint64_t pit_read(void *dev, uint64_t off, unsigned size)
{
    (void)size;
    return off < 3 ? read_counter(dev, (unsigned)off) : 0xff;
}

static void pit_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    (void)size;
    if (off < 3)
        write_counter(dev, (unsigned)off, (uint8_t)val);
    else
        write_control(dev, (uint8_t)val);
}

static uint64_t gate_read(void *dev, uint64_t off, unsigned size)
{
    const struct pit *p = dev;
    (void)off, (void)size;
    uint64_t refresh = clock_now(p->clock) / 15085 & 1; /* toggles with each memory refresh */
    return (uint64_t)p->gate | (uint64_t)p->speaker << 1 | refresh << 4 |
           (uint64_t)(p->gate && output(p, 2)) << 5;
}

static void gate_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct pit *p = dev;
    (void)off, (void)size;
    bool gate = val & 1;
    if (gate && !p->gate)
        p->loaded_ns[2] = clock_now(p->clock); /* a rising gate starts it over */
    p->gate = gate;
    p->speaker = val >> 1 & 1;
}

static const struct bus_ops pit_ops = {pit_read, pit_write};
static const struct bus_ops gate_ops = {gate_read, gate_write};

int pit_new(struct bus *io, const struct irq *irq, const struct clock *clock, struct pit **ret, struct err *e)
{
    OWN(pit) p = calloc(1, sizeof(*p));
    if (!p)
        return err_code(e, -ENOMEM, "interval timer");
    p->irq = *irq;
    p->clock = clock;
    p->io = io;
    p->timer = (struct clock_timer){.clock = clock, .fire = fire, .ctx = p};
    for (unsigned ch = 0; ch < 3; ch++) {
        p->initial[ch] = 0x10000;
        p->access[ch] = ACCESS_BOTH;
        p->null_count[ch] = true;
    }
    int rc = bus_attach(io, 0x40, 4, &pit_ops, p, e);
    if (rc == 0)
        rc = bus_attach(io, 0x61, 1, &gate_ops, p, e);
    if (rc < 0)
        return err_wrap(e, "interval timer");
    *ret = take(p);
    return 0;
}

void pit_free(struct pit *p)
{
    if (!p)
        return;
    bus_detach(p->io, 0x40);
    bus_detach(p->io, 0x61);
    clock_timer_fini(&p->timer);
    free(p);
}

static const struct state_field fields[] = {
    STATE(pit, loaded_ns, STATE_U64),       STATE(pit, initial, STATE_U32),
    STATE(pit, latched, STATE_U16),         STATE(pit, mode, STATE_U8),
    STATE(pit, access, STATE_U8),           STATE(pit, low, STATE_U8),
    STATE(pit, status, STATE_U8),           STATE(pit, count_latched, STATE_BOOL),
    STATE(pit, status_latched, STATE_BOOL), STATE(pit, write_high, STATE_BOOL),
    STATE(pit, read_high, STATE_BOOL),      STATE(pit, null_count, STATE_BOOL),
    STATE(pit, gate, STATE_BOOL),           STATE(pit, speaker, STATE_BOOL),
};

static int check(const void *obj, struct err *e)
{
    const struct pit *p = obj;
    for (unsigned ch = 0; ch < 3; ch++)
        if (p->initial[ch] == 0 || p->initial[ch] > 0x10000 || p->mode[ch] > 5 || p->access[ch] > 3)
            return err_set(e, -EINVAL, "channel %u: count %u, mode %u", ch, p->initial[ch], p->mode[ch]);
    return 0;
}

static void loaded(void *obj)
{
    arm(obj);
}

const struct state_table pit_state = {
    "pit", 1, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct pit), check, loaded};
