// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pvclock: KVM's clock as guests read it from memory: a TSC value, the time then, and how to scale.
 *
 * Time is a linear function of the guest's TSC, the same on all CPUs, 0 at power on; it stands while the
 * machine is paused because the TSC does. So a page once written stays right. Source: Linux
 * Documentation/virt/kvm/x86/msr.rst, MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_WALL_CLOCK_NEW.
 */
#include <time.h>

#include "cpu/soft/copy.h"

struct time_info {
    uint32_t version; /* odd while it is written */
    uint32_t pad0;
    uint64_t tsc_timestamp;
    uint64_t system_time_ns;
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags;
    uint8_t pad[2];
};
_Static_assert(sizeof(struct time_info) == 32, "ABI");
#define TSC_STABLE (1u << 0)

struct wall_clock {
    uint32_t version, sec, nsec;
};

struct scale {
    uint32_t mul;
    int8_t shift;
};

/* ns = (tsc << shift) * mul >> 32, mul as large as 32 bits allow. */
static struct scale scale_of(uint64_t tsc_khz)
{
    uint64_t hz = tsc_khz * 1000, ns = 1000000000;
    int shift = 0;
    while (hz > 2 * ns || hz >> 32) {
        hz >>= 1;
        shift--;
    }
    while (hz <= ns) {
        hz <<= 1;
        shift++;
    }
    return (struct scale){.mul = (uint32_t)((ns << 32) / hz), .shift = (int8_t)shift};
}

static uint64_t apply(struct scale s, uint64_t tsc)
{
    tsc = s.shift < 0 ? tsc >> -s.shift : tsc << s.shift;
    return (uint64_t)(((unsigned __int128)tsc * s.mul) >> 32);
}

/* Of the machine, not of a CPU whose TSC was written. */
static uint64_t machine_tsc(const struct soft *s)
{
    return __builtin_ia32_rdtsc() + s->tsc_offset;
}

void pvclock_update(struct vcpu *v)
{
    struct soft *s = v->soft;
    struct time_info *t = (struct time_info *)soft_ram(s, v->pv_system_time & ~1ull, sizeof(*t));
    if (!(v->pv_system_time & 1) || !t)
        return;
    struct scale scale = scale_of(s->tsc_khz);
    uint64_t tsc = machine_tsc(s);
    uint32_t version = (t->version + 1) | 1;
    __atomic_store_n(&t->version, version, __ATOMIC_SEQ_CST);
    t->tsc_timestamp = tsc + (v->host_tsc_offset - s->tsc_offset);
    t->system_time_ns = apply(scale, tsc);
    t->tsc_to_system_mul = scale.mul;
    t->tsc_shift = scale.shift;
    t->flags = TSC_STABLE;
    __atomic_store_n(&t->version, version + 1, __ATOMIC_SEQ_CST);
}

void pvclock_wall_clock(struct vcpu *v)
{
    struct soft *s = v->soft;
    struct wall_clock *w = (struct wall_clock *)soft_ram(s, v->pv_wall_clock, sizeof(*w));
    if (!w)
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    ns -= apply(scale_of(s->tsc_khz), machine_tsc(s));
    uint32_t version = (w->version + 1) | 1;
    __atomic_store_n(&w->version, version, __ATOMIC_SEQ_CST);
    w->sec = (uint32_t)(ns / 1000000000);
    w->nsec = (uint32_t)(ns % 1000000000);
    __atomic_store_n(&w->version, version + 1, __ATOMIC_SEQ_CST);
}
