// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stack: pushes and pops of far transfers, and where the TSS says inner stacks are.
 *
 * Source: Intel SDM vol. 3A, 5.8.5 (stack switching), 6.14.2 to 6.14.5 (64-bit mode, IST), 7.2.1, 7.7 (TSS).
 */
#include "cpu/soft/seg.h"

static uint64_t mask_of(const struct vcpu *v, const struct seg *ss)
{
    if (v->mode & MODE_LONG64)
        return UINT64_MAX;
    return ss->attr & ATTR_DB ? 0xffffffff : 0xffff;
}

struct stack stack_now(const struct vcpu *v)
{
    return (struct stack){
        .ss = v->seg[SEG_SS],
        .sp = v->gpr[RSP],
        .mask = mask_of(v, &v->seg[SEG_SS]),
        .flat = v->mode & MODE_LONG64,
        .sys = !(v->mode & MODE_USER),
    };
}

static uint64_t place(struct vcpu *v, const struct stack *s, uint64_t sp, unsigned bytes)
{
    if (s->flat) {
        if (!va_canonical(sp) || !va_canonical(sp + bytes - 1))
            soft_fault_code(v, EXC_SS, 0);
        return sp;
    }
    sp &= s->mask;
    bool down = s->ss.attr & TYPE_DOWN && !(s->ss.attr & TYPE_CODE);
    bool ok = down ? sp > s->ss.limit && sp + bytes - 1 <= s->mask : sp + bytes - 1 <= s->ss.limit;
    if (!ok)
        soft_fault_code(v, EXC_SS, 0);
    return (s->ss.base + sp) & 0xffffffff;
}

void stack_push(struct vcpu *v, struct stack *s, uint64_t val, unsigned bytes)
{
    uint64_t sp = s->sp - bytes, va = place(v, s, sp, bytes);
    if (s->sys)
        mmu_write_sys(v, va, &val, bytes);
    else
        mmu_write(v, va, &val, bytes);
    s->sp = sp;
}

void stack_probe(struct vcpu *v, const struct stack *s, unsigned bytes)
{
    mmu_probe_write(v, place(v, s, s->sp - bytes, bytes), bytes);
}

uint64_t stack_pop(struct vcpu *v, struct stack *s, unsigned bytes)
{
    uint64_t val = 0, va = place(v, s, s->sp, bytes);
    if (s->sys)
        mmu_read_sys(v, va, &val, bytes);
    else
        mmu_read(v, va, &val, bytes);
    s->sp += bytes;
    return val;
}

void stack_commit(struct vcpu *v, const struct stack *s)
{
    if (s->mask == 0xffff)
        v->gpr[RSP] = (v->gpr[RSP] & ~s->mask) | (s->sp & s->mask);
    else
        v->gpr[RSP] = s->sp & s->mask;
}

static void read_tss(struct vcpu *v, uint32_t off, void *buf, unsigned bytes, unsigned ext)
{
    const struct seg *tr = &v->seg[SEG_TR];
    if (tr->unusable || off + bytes - 1 > tr->limit)
        soft_fault_code(v, EXC_TS, (tr->sel & ~3u) | ext);
    mmu_read_sys(v, tr->base + off, buf, bytes);
}

struct stack tss_stack(struct vcpu *v, unsigned cpl, unsigned ext, struct desc *ret_ss)
{
    uint32_t esp = 0;
    uint16_t ss = 0;
    if (v->seg[SEG_TR].attr & 8) {
        read_tss(v, 4 + 8 * cpl, &esp, 4, ext);
        read_tss(v, 8 + 8 * cpl, &ss, 2, ext);
    } else {
        read_tss(v, 2 + 4 * cpl, &esp, 2, ext);
        read_tss(v, 4 + 4 * cpl, &ss, 2, ext);
    }
    seg_check_ss(v, ss, cpl, EXC_TS, ext, ret_ss);
    struct stack s = {.ss = desc_seg(ret_ss), .sp = esp, .sys = true};
    s.mask = s.ss.attr & ATTR_DB ? 0xffffffff : 0xffff;
    return s;
}

uint64_t tss_rsp(struct vcpu *v, unsigned slot, unsigned ext)
{
    uint64_t rsp;
    read_tss(v, 4 + 8 * slot, &rsp, 8, ext);
    return rsp;
}
