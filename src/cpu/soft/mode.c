// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mode: what translations depend on besides their bytes, boiled down to a few bits.
 */
#include "cpu/soft/arch.h"
#include "cpu/soft/copy.h"

/* Base 0 and every 32-bit offset allowed, for reading and (data) writing. */
static bool flat(const struct seg *s)
{
    if (s->unusable || s->base || s->limit != 0xffffffff)
        return false;
    uint16_t kind = s->attr & (TYPE_CODE | TYPE_DOWN | TYPE_WRITE);
    return kind == TYPE_WRITE;
}

static uint32_t segments(const struct vcpu *v, bool vm86)
{
    const struct seg *cs = &v->seg[SEG_CS];
    bool protected = v->cr0 & CR0_PE;
    uint32_t m = protected && !vm86 ? MODE_PE : 0;
    if (vm86 || (protected && (v->seg[SEG_SS].attr & ATTR_DPL) == ATTR_DPL))
        m |= MODE_USER;
    if (v->efer & EFER_LMA && cs->attr & ATTR_L)
        return m | MODE_LONG64 | MODE_FLAT;
    if (cs->attr & ATTR_DB)
        m |= MODE_CODE32;
    if (!cs->base && cs->limit == 0xffffffff && flat(&v->seg[SEG_DS]) && flat(&v->seg[SEG_ES]) &&
        flat(&v->seg[SEG_SS]))
        m |= MODE_FLAT;
    return m;
}

void mode_update(struct vcpu *v)
{
    uint32_t m = segments(v, v->cr0 & CR0_PE && v->rflags & FL_VM);
    if (!(v->cr0 & (CR0_EM | CR0_TS))) {
        m |= MODE_X87;
        if (v->cr4 & CR4_OSFXSR)
            m |= MODE_SSE;
    }
    if (v->cr4 & CR4_OSXSAVE && (v->xcr0 & (XCR0_SSE | XCR0_AVX)) == (XCR0_SSE | XCR0_AVX) &&
        !(v->cr0 & CR0_TS))
        m |= MODE_AVX;
    if ((v->mode ^ m) & ~MODE_USER) /* kernel and user code have a jump cache each */
        jit_jcache_clear(v);
    v->mode = m;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        v->seg_base[i] = v->seg[i].base;
}
