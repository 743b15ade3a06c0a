// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * seg: descriptors and segment registers.
 *
 * Source: Intel SDM vol. 3A, 3.4 (segments), 5.5 to 5.7 (privilege), vol. 2B MOV (to segment registers), LTR,
 * LLDT. A null selector clears FS and GS bases, as on Intel's processors.
 */
#include "cpu/soft/seg.h"

bool desc_find(struct vcpu *v, uint16_t sel, struct desc *ret)
{
    uint64_t base = v->gdt.base;
    uint32_t limit = v->gdt.limit;
    if (sel_is_null(sel))
        return false;
    if (sel & 4) {
        if (v->seg[SEG_LDTR].unusable)
            return false;
        base = v->seg[SEG_LDTR].base;
        limit = v->seg[SEG_LDTR].limit;
    }
    if ((sel | 7u) > limit)
        return false;
    ret->sel = sel;
    ret->va = base + (sel & ~7u);
    if (!long_mode(v))
        ret->va &= 0xffffffff;
    mmu_read_sys(v, ret->va, &ret->raw, sizeof(ret->raw));
    return true;
}

void desc_read(struct vcpu *v, uint16_t sel, unsigned vector, unsigned ext, struct desc *ret)
{
    if (!desc_find(v, sel, ret))
        soft_fault_code(v, vector, (sel & ~3u) | ext);
}

uint64_t desc_read_high(struct vcpu *v, const struct desc *d)
{
    uint64_t high;
    uint32_t limit = d->sel & 4 ? v->seg[SEG_LDTR].limit : v->gdt.limit;
    if ((d->sel | 15u) > limit && (d->sel & ~7u) + 15 > limit)
        soft_fault_code(v, EXC_GP, d->sel & ~3u);
    mmu_read_sys(v, d->va + 8, &high, sizeof(high));
    return high;
}

struct seg desc_seg(const struct desc *d)
{
    struct seg s = {
        .sel = d->sel,
        .attr = desc_attr(d),
        .base = (d->raw >> 16 & 0xffffff) | (d->raw >> 56 << 24),
        .limit = (uint32_t)((d->raw & 0xffff) | (d->raw >> 48 & 15) << 16),
    };
    if (s.attr & ATTR_G)
        s.limit = s.limit << 12 | 0xfff;
    return s;
}

void desc_set_accessed(struct vcpu *v, struct desc *d)
{
    if (d->raw >> 40 & TYPE_ACCESSED)
        return;
    d->raw |= (uint64_t)TYPE_ACCESSED << 40;
    uint8_t access = (uint8_t)(d->raw >> 40);
    mmu_write_sys(v, d->va + 5, &access, 1);
}

void seg_set_real(struct vcpu *v, unsigned seg, uint16_t sel)
{
    struct seg *s = &v->seg[seg];
    s->sel = sel;
    s->base = (uint64_t)sel << 4;
    s->unusable = false;
    if (v->rflags & FL_VM && v->cr0 & CR0_PE) {
        s->limit = 0xffff;
        s->attr = ATTR_P | ATTR_DPL | ATTR_S | TYPE_WRITE | TYPE_ACCESSED;
    }
    mode_update(v);
}

static void set_null(struct vcpu *v, unsigned seg, uint16_t sel)
{
    v->seg[seg] = (struct seg){.sel = sel, .unusable = true};
    mode_update(v);
}

void seg_null_ss(struct vcpu *v, unsigned cpl, uint16_t sel)
{
    v->seg[SEG_SS] = (struct seg){
        .sel = sel,
        .unusable = true,
        .attr = (uint16_t)(cpl << 5 | ATTR_S | TYPE_WRITE | TYPE_ACCESSED | ATTR_DB),
        .limit = 0xffffffff,
    };
}

void seg_check_ss(struct vcpu *v, uint16_t sel, unsigned cpl, unsigned vector, unsigned ext, struct desc *ret)
{
    uint32_t error = (sel & ~3u) | ext;
    desc_read(v, sel, vector, ext, ret);
    uint16_t attr = desc_attr(ret);
    if ((sel & 3u) != cpl || desc_dpl(ret) != cpl)
        soft_fault_code(v, vector, error);
    if ((attr & (ATTR_S | TYPE_CODE | TYPE_WRITE)) != (ATTR_S | TYPE_WRITE))
        soft_fault_code(v, vector, error);
    if (!desc_present(ret))
        soft_fault_code(v, EXC_SS, error);
}

static void load_ss(struct vcpu *v, uint16_t sel)
{
    unsigned cpl = vcpu_cpl(v);
    if (sel_is_null(sel)) {
        if (!(v->mode & MODE_LONG64) || cpl == 3 || (sel & 3u) != cpl)
            soft_fault_code(v, EXC_GP, 0);
        seg_null_ss(v, cpl, sel);
        mode_update(v);
        return;
    }
    struct desc d;
    seg_check_ss(v, sel, cpl, EXC_GP, 0, &d);
    desc_set_accessed(v, &d);
    v->seg[SEG_SS] = desc_seg(&d);
    mode_update(v);
}

void seg_load(struct vcpu *v, unsigned seg, uint16_t sel)
{
    if (real_like(v)) {
        seg_set_real(v, seg, sel);
        return;
    }
    if (seg == SEG_SS) {
        load_ss(v, sel);
        return;
    }
    if (sel_is_null(sel)) {
        set_null(v, seg, sel);
        return;
    }
    struct desc d;
    desc_read(v, sel, EXC_GP, 0, &d);
    uint16_t attr = desc_attr(&d);
    bool code = attr & TYPE_CODE;
    unsigned cpl = vcpu_cpl(v), rpl = sel & 3;
    if (!(attr & ATTR_S) || (code && !(attr & TYPE_READ)))
        soft_fault_code(v, EXC_GP, sel & ~3u);
    if (!(code && desc_conforms(&d)) && (rpl > desc_dpl(&d) || cpl > desc_dpl(&d)))
        soft_fault_code(v, EXC_GP, sel & ~3u);
    if (!desc_present(&d))
        soft_fault_code(v, EXC_NP, sel & ~3u);
    desc_set_accessed(v, &d);
    v->seg[seg] = desc_seg(&d);
    mode_update(v);
}

/* Segments of an inner privilege must not stay when control returns outwards. Source: Intel SDM vol. 2B, RET.
 */
void seg_drop_inner(struct vcpu *v, unsigned cpl)
{
    static const uint8_t data[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};
    for (unsigned i = 0; i < sizeof(data); i++) {
        struct seg *s = &v->seg[data[i]];
        bool conforming = (s->attr & (TYPE_CODE | TYPE_CONFORM)) == (TYPE_CODE | TYPE_CONFORM);
        if (!s->unusable && !conforming && (s->attr & ATTR_DPL) >> 5 < cpl)
            *s = (struct seg){.unusable = true};
    }
}

/* A system segment that LLDT or LTR loads, of one of two types. */
static void read_system(struct vcpu *v, uint16_t sel, unsigned type, unsigned type16, struct desc *d,
                        struct seg *ret)
{
    if (sel & 4)
        soft_fault_code(v, EXC_GP, sel & ~3u);
    desc_read(v, sel, EXC_GP, 0, d);
    unsigned is = desc_system(d);
    if (is != type && (is != type16 || long_mode(v)))
        soft_fault_code(v, EXC_GP, sel & ~3u);
    if (!desc_present(d))
        soft_fault_code(v, EXC_NP, sel & ~3u);
    *ret = desc_seg(d);
    if (long_mode(v)) {
        ret->base |= desc_read_high(v, d) << 32;
        if (!va_canonical(ret->base))
            soft_fault_code(v, EXC_GP, sel & ~3u);
    }
}

void seg_lldt(struct vcpu *v, uint16_t sel)
{
    struct desc d;
    struct seg s = {.sel = sel, .unusable = true};
    if (!sel_is_null(sel))
        read_system(v, sel, SYS_LDT, SYS_LDT, &d, &s);
    v->seg[SEG_LDTR] = s;
    v->seg_base[SEG_LDTR] = s.base;
}

void seg_ltr(struct vcpu *v, uint16_t sel)
{
    struct desc d;
    struct seg s;
    if (sel_is_null(sel))
        soft_fault_code(v, EXC_GP, 0);
    read_system(v, sel, SYS_TSS32, SYS_TSS16, &d, &s);
    uint8_t busy = (uint8_t)(d.raw >> 40 | 2);
    mmu_write_sys(v, d.va + 5, &busy, 1);
    s.attr |= 2;
    v->seg[SEG_TR] = s;
    v->seg_base[SEG_TR] = s.base;
}
