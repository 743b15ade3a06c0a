// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rtc: wall-clock time, an alarm, a periodic interrupt, 114 bytes of memory.
 *
 * Source: Motorola MC146818A data sheet, "Address map", "Interrupts", "Update cycle".
 * Modelled: time in BCD or binary, 24 or 12 hours, update-ended, alarm and periodic interrupts, century byte
 * 0x32. Left out: daylight saving, the square wave. The time is the host's plus what the guest set (in UTC).
 * Threads: board lock held.
 */
#include "dev/rtc.h"

#include <string.h>
#include <time.h>

enum {
    SECONDS,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR,
    A,
    B,
    C,
    D
};
#define CENTURY 0x32

#define A_UIP  0x80
#define A_RATE 0x0f
#define B_SET  0x80
#define B_PIE  0x40
#define B_AIE  0x20
#define B_UIE  0x10
#define B_DM   0x04 /* binary, not BCD */
#define B_24   0x02
#define C_IRQF 0x80
#define C_PF   0x40
#define C_AF   0x20
#define C_UF   0x10
#define D_VRT  0x80

#define SECOND_NS 1000000000ll

struct rtc {
    /* saved */
    uint8_t index;
    uint8_t ram[128];   /* registers A..C and alarms too; the time itself is computed */
    uint64_t offset_ns; /* guest's clock minus the host's, two's complement */
    /* wiring */
    struct irq irq;
    const struct clock *clock;
    struct clock_timer second, periodic;
    struct bus *io;
};

static void sync_irq(struct rtc *r)
{
    uint8_t causes = r->ram[C] & r->ram[B] & (C_PF | C_AF | C_UF);
    r->ram[C] = (uint8_t)((r->ram[C] & 0x7f) | (causes ? C_IRQF : 0));
    irq_set(&r->irq, causes != 0);
}

static int64_t guest_ns(const struct rtc *r)
{
    return r->clock->realtime_ns(r->clock->ctx) + (int64_t)r->offset_ns;
}

static struct tm guest_time(const struct rtc *r)
{
    int64_t ns = guest_ns(r);
    time_t t = (time_t)(ns >= 0 ? ns / SECOND_NS : -1 - (-1 - ns) / SECOND_NS);
    struct tm tm;
    gmtime_r(&t, &tm);
    return tm;
}

static uint8_t encode(const struct rtc *r, int v)
{
    return (uint8_t)(r->ram[B] & B_DM ? v : (v / 10 % 10) << 4 | v % 10);
}

static int decode(const struct rtc *r, uint8_t v)
{
    return r->ram[B] & B_DM ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t encode_hours(const struct rtc *r, int h)
{
    if (r->ram[B] & B_24)
        return encode(r, h);
    return (uint8_t)(encode(r, (h + 11) % 12 + 1) | (h >= 12 ? 0x80 : 0));
}

static int decode_hours(const struct rtc *r, uint8_t v)
{
    if (r->ram[B] & B_24)
        return decode(r, v);
    return decode(r, v & 0x7f) % 12 + (v & 0x80 ? 12 : 0);
}

static uint8_t time_register(const struct rtc *r, uint8_t index)
{
    struct tm tm = guest_time(r);
    switch (index) {
    case SECONDS:
        return encode(r, tm.tm_sec);
    case MINUTES:
        return encode(r, tm.tm_min);
    case HOURS:
        return encode_hours(r, tm.tm_hour);
    case WEEKDAY:
        return encode(r, tm.tm_wday + 1);
    case DAY:
        return encode(r, tm.tm_mday);
    case MONTH:
        return encode(r, tm.tm_mon + 1);
    case YEAR:
        return encode(r, tm.tm_year % 100);
    default:
        return encode(r, (tm.tm_year + 1900) / 100);
    }
}

static bool is_time(uint8_t index)
{
    return index == SECONDS || index == MINUTES || index == HOURS || (index >= WEEKDAY && index <= YEAR) ||
           index == CENTURY;
}

/* One field of the time changes: the rest stays, the difference goes into the offset. */
static void set_time(struct rtc *r, uint8_t index, uint8_t val)
{
    struct tm tm = guest_time(r);
    int64_t before = guest_ns(r) / SECOND_NS, v = decode(r, val);
    switch (index) {
    case SECONDS:
        tm.tm_sec = (int)v;
        break;
    case MINUTES:
        tm.tm_min = (int)v;
        break;
    case HOURS:
        tm.tm_hour = decode_hours(r, val);
        break;
    case DAY:
        tm.tm_mday = (int)v;
        break;
    case MONTH:
        tm.tm_mon = (int)v - 1;
        break;
    case YEAR:
        tm.tm_year = tm.tm_year / 100 * 100 + (int)v;
        break;
    case CENTURY:
        tm.tm_year = (int)v * 100 - 1900 + tm.tm_year % 100;
        break;
    default:
        return; /* the weekday follows from the date */
    }
    r->offset_ns += (uint64_t)((timegm(&tm) - before) * SECOND_NS);
}

/* ---- interrupts ---- */

static uint64_t next_second(const struct rtc *r)
{
    int64_t into = guest_ns(r) % SECOND_NS;
    return clock_now(r->clock) + (uint64_t)(SECOND_NS - (into < 0 ? into + SECOND_NS : into));
}

static bool alarm_matches(const struct rtc *r)
{
    static const uint8_t pairs[][2] = {
        {SECONDS, SECONDS_ALARM}, {MINUTES, MINUTES_ALARM}, {HOURS, HOURS_ALARM}};
    for (unsigned i = 0; i < 3; i++) {
        uint8_t want = r->ram[pairs[i][1]];
        if ((want & 0xc0) != 0xc0 && want != time_register(r, pairs[i][0])) /* 11xxxxxx: any */
            return false;
    }
    return true;
}

static void second_passed(void *ctx)
{
    struct rtc *r = ctx;
    r->ram[C] |= C_UF;
    if (alarm_matches(r))
        r->ram[C] |= C_AF;
    sync_irq(r);
    clock_timer_arm(&r->second, next_second(r));
}

/* Rates 1 and 2 are those of 8 and 9 with the 32.768 kHz time base. */
static uint64_t period_ns(const struct rtc *r)
{
    unsigned rate = r->ram[A] & A_RATE;
    if (rate == 0)
        return 0;
    if (rate <= 2)
        rate += 7;
    return (1ull << (rate - 1)) * (uint64_t)SECOND_NS / 32768;
}

static void period_passed(void *ctx)
{
    struct rtc *r = ctx;
    r->ram[C] |= C_PF;
    sync_irq(r);
    clock_timer_arm(&r->periodic, clock_now(r->clock) + period_ns(r));
}

/* Timers run only while somebody asks for their interrupt: an idle guest stays idle. */
static void sync_timers(struct rtc *r)
{
    if (r->ram[B] & (B_UIE | B_AIE) && !(r->ram[B] & B_SET))
        clock_timer_arm(&r->second, next_second(r));
    else
        clock_timer_stop(&r->second);
    if ((r->ram[B] & B_PIE) && period_ns(r))
        clock_timer_arm(&r->periodic, clock_now(r->clock) + period_ns(r));
    else
        clock_timer_stop(&r->periodic);
}

/* ---- ports ---- */

static uint8_t read_c(struct rtc *r)
{
    uint8_t val = r->ram[C];
    r->ram[C] = 0;
    sync_irq(r);
    return val;
}

static uint64_t rtc_read(void *dev, uint64_t off, unsigned size)
{
    struct rtc *r = dev;
    (void)size;
    if (off == 0)
        return 0xff; /* the index is write-only */
    uint8_t i = r->index & 0x7f;
    if (i == C)
        return read_c(r);
    if (i == D)
        return D_VRT;
    return is_time(i) ? time_register(r, i) : r->ram[i];
}

static void rtc_write(void *dev, uint64_t off, unsigned size, uint64_t val)
{
    struct rtc *r = dev;
    (void)size;
    if (off == 0) {
        r->index = (uint8_t)val;
        return;
    }
    uint8_t i = r->index & 0x7f;
    if (is_time(i)) {
        set_time(r, i, (uint8_t)val);
    } else if (i == A) {
        r->ram[A] = (uint8_t)val & ~A_UIP;
    } else if (i != C && i != D) {
        r->ram[i] = (uint8_t)val;
    }
    if (i == A || i == B) {
        sync_timers(r);
        sync_irq(r);
    }
}

static const struct bus_ops ops = {rtc_read, rtc_write};

/* CMOS bytes that boot firmware reads. Source: Ralf Brown's interrupt list, "CMOS.LST". */
static void fill_memory_size(struct rtc *r, uint64_t bytes)
{
    uint64_t low = bytes < (3ull << 30) ? bytes : 3ull << 30;
    uint64_t ext_kib = low > (1 << 20) ? (low - (1 << 20)) >> 10 : 0;
    uint64_t above16 = low > (16 << 20) ? (low - (16 << 20)) >> 16 : 0;
    uint64_t high = (bytes - low) >> 16;
    uint16_t ext = (uint16_t)(ext_kib > 0xffff ? 0xffff : ext_kib);
    r->ram[0x15] = 640 & 0xff;
    r->ram[0x16] = 640 >> 8;
    r->ram[0x17] = r->ram[0x30] = (uint8_t)ext;
    r->ram[0x18] = r->ram[0x31] = (uint8_t)(ext >> 8);
    r->ram[0x34] = (uint8_t)above16;
    r->ram[0x35] = (uint8_t)(above16 >> 8);
    r->ram[0x5b] = (uint8_t)high;
    r->ram[0x5c] = (uint8_t)(high >> 8);
    r->ram[0x5d] = (uint8_t)(high >> 16);
}

int rtc_new(struct bus *io, const struct irq *irq, const struct clock *clock, uint64_t ram_bytes,
            struct rtc **ret, struct err *e)
{
    struct rtc *r = calloc(1, sizeof(*r));
    if (!r)
        return err_code(e, -ENOMEM, "real-time clock");
    r->irq = *irq;
    r->clock = clock;
    r->io = io;
    r->second = (struct clock_timer){.clock = clock, .fire = second_passed, .ctx = r};
    r->periodic = (struct clock_timer){.clock = clock, .fire = period_passed, .ctx = r};
    r->ram[A] = 0x26;
    r->ram[B] = B_24;
    fill_memory_size(r, ram_bytes);
    int rc = bus_attach(io, 0x70, 2, &ops, r, e);
    if (rc < 0) {
        free(r);
        return err_wrap(e, "real-time clock");
    }
    *ret = r;
    return 0;
}

void rtc_free(struct rtc *r)
{
    if (!r)
        return;
    bus_detach(r->io, 0x70);
    clock_timer_fini(&r->second);
    clock_timer_fini(&r->periodic);
    free(r);
}

static const struct state_field fields[] = {
    STATE(rtc, index, STATE_U8),
    STATE(rtc, ram, STATE_U8),
    STATE(rtc, offset_ns, STATE_U64),
};

static void loaded(void *obj)
{
    struct rtc *r = obj;
    r->irq.level = false;
    sync_timers(r);
    sync_irq(r);
}

const struct state_table rtc_state = {
    "rtc", 1, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct rtc), NULL, loaded};
