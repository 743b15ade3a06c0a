// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * debug: breakpoints of DR0..3. While any is enabled, every instruction runs by itself in the stepper, whose
 * accesses come by here.
 *
 * Source: Intel SDM vol. 3B, 17.2 (debug registers), 17.3.1 (conditions). Left out: I/O breakpoints.
 */
#include "cpu/soft/arch.h"
#include "cpu/soft/soft.h"

enum { ON_CODE, ON_WRITE, ON_IO, ON_ACCESS };

static bool enabled(const struct vcpu *v, unsigned n)
{
    return v->dr[7] >> 2 * n & 3;
}

static unsigned kind(const struct vcpu *v, unsigned n)
{
    return (unsigned)(v->dr[7] >> (16 + 4 * n) & 3);
}

static unsigned length(const struct vcpu *v, unsigned n)
{
    static const uint8_t bytes[] = {1, 2, 8, 4};
    return bytes[v->dr[7] >> (18 + 4 * n) & 3];
}

void debug_code(struct vcpu *v)
{
    uint64_t va = v->mode & MODE_LONG64 ? v->rip : (v->seg[SEG_CS].base + v->rip) & 0xffffffff;
    uint32_t hit = 0;
    for (unsigned n = 0; n < 4; n++)
        if (enabled(v, n) && kind(v, n) == ON_CODE && v->dr[n] == va)
            hit |= 1u << n;
    if (hit && !(v->rflags & FL_RF))
        soft_debug_fault(v, hit);
}

void debug_data(struct vcpu *v, uint64_t va, unsigned size, enum access access)
{
    for (unsigned n = 0; n < 4; n++) {
        uint64_t at = v->dr[n] & ~(uint64_t)(length(v, n) - 1);
        bool wanted = kind(v, n) == ON_ACCESS || (kind(v, n) == ON_WRITE && access == ACCESS_WRITE);
        if (enabled(v, n) && wanted && va < at + length(v, n) && at < va + size)
            v->db_bits |= 1u << n;
    }
}
