// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sys_table: descriptor table registers, and instructions that look at descriptors.
 *
 * Source: Intel SDM vol. 2: LGDT/LIDT, SGDT, SIDT, SLDT, STR, LLDT, LTR, LAR, LSL, VERR/VERW, ARPL; vol.
 * 3A, 2.5 (UMIP).
 */
#include "cpu/soft/sys.h"

static void need_protected(struct vcpu *v)
{
    if (real_like(v))
        soft_fault(v, EXC_UD);
}

static void need_umip(struct vcpu *v)
{
    if (v->cr4 & CR4_UMIP && v->cr0 & CR0_PE)
        sys_need_cpl0(v);
}

static void load_table(struct vcpu *v, const struct insn *i, uint64_t *base, uint16_t *limit)
{
    sys_need_cpl0(v);
    unsigned bytes = v->mode & MODE_LONG64 ? 8 : 4;
    uint64_t va = operand_linear(v, i, &i->ops[0], 2 + bytes, ACCESS_READ), b = 0;
    uint16_t l;
    mmu_read(v, va, &l, 2);
    mmu_read(v, va + 2, &b, bytes);
    if (bytes == 8 && !va_canonical(b))
        soft_fault_code(v, EXC_GP, 0);
    if (bytes == 4 && i->op_bytes == 2)
        b &= 0xffffff;
    *base = b;
    *limit = l;
}

static void store_table(struct vcpu *v, const struct insn *i, uint64_t base, uint16_t limit)
{
    need_umip(v);
    uint8_t image[10];
    unsigned bytes = v->mode & MODE_LONG64 ? 8 : 4;
    copy_bytes(image, &limit, 2);
    copy_bytes(image + 2, &base, 8);
    mmu_write(v, operand_linear(v, i, &i->ops[0], 2 + bytes, ACCESS_WRITE), image, 2 + bytes);
}

bool sys_lgdt(struct vcpu *v, const struct insn *i)
{
    load_table(v, i, &v->gdt.base, &v->gdt.limit);
    return sys_done(v, i);
}

bool sys_lidt(struct vcpu *v, const struct insn *i)
{
    load_table(v, i, &v->idt.base, &v->idt.limit);
    return sys_done(v, i);
}

bool sys_sgdt(struct vcpu *v, const struct insn *i)
{
    store_table(v, i, v->gdt.base, v->gdt.limit);
    return sys_done(v, i);
}

bool sys_sidt(struct vcpu *v, const struct insn *i)
{
    store_table(v, i, v->idt.base, v->idt.limit);
    return sys_done(v, i);
}

bool sys_lldt(struct vcpu *v, const struct insn *i)
{
    need_protected(v);
    sys_need_cpl0(v);
    seg_lldt(v, (uint16_t)operand_read(v, i, &i->ops[0], 2));
    return sys_done(v, i);
}

bool sys_ltr(struct vcpu *v, const struct insn *i)
{
    need_protected(v);
    sys_need_cpl0(v);
    seg_ltr(v, (uint16_t)operand_read(v, i, &i->ops[0], 2));
    return sys_done(v, i);
}

static bool store_selector(struct vcpu *v, const struct insn *i, unsigned seg)
{
    need_protected(v);
    need_umip(v);
    bool memory = i->ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY;
    operand_write(v, i, &i->ops[0], memory ? 2 : i->op_bytes, v->seg[seg].sel);
    return sys_done(v, i);
}

bool sys_sldt(struct vcpu *v, const struct insn *i)
{
    return store_selector(v, i, SEG_LDTR);
}

bool sys_str(struct vcpu *v, const struct insn *i)
{
    return store_selector(v, i, SEG_TR);
}

static bool visible(const struct vcpu *v, const struct desc *d)
{
    if (desc_is_code(d) && desc_conforms(d))
        return true;
    return desc_dpl(d) >= vcpu_cpl(v) && desc_dpl(d) >= (d->sel & 3u);
}

/* System descriptors that LAR, and of them those that LSL, may look at. */
static bool system_valid(const struct vcpu *v, unsigned type, bool limit)
{
    bool segment = type == SYS_LDT || type == SYS_TSS32 || type == SYS_TSS32_BUSY;
    bool old_segment = type == SYS_TSS16 || type == SYS_TSS16_BUSY;
    if (segment || (old_segment && !long_mode(v)))
        return true;
    return !limit && (type == SYS_CALL32 || (!long_mode(v) && (type == SYS_CALL16 || type == SYS_TASK_GATE)));
}

static bool answer(struct vcpu *v, const struct insn *i, bool yes)
{
    v->rflags = yes ? v->rflags | FL_ZF : v->rflags & ~(uint64_t)FL_ZF;
    return sys_done(v, i);
}

static bool look(struct vcpu *v, const struct insn *i, bool limit)
{
    need_protected(v);
    struct desc d;
    uint16_t sel = (uint16_t)operand_read(v, i, &i->ops[1], 2);
    if (!desc_find(v, sel, &d) || !visible(v, &d))
        return answer(v, i, false);
    if (!(desc_attr(&d) & ATTR_S) && !system_valid(v, desc_system(&d), limit))
        return answer(v, i, false);
    uint64_t val = limit ? desc_seg(&d).limit : d.raw >> 32 & 0x00ffff00;
    operand_write(v, i, &i->ops[0], i->op_bytes, val);
    return answer(v, i, true);
}

bool sys_lar(struct vcpu *v, const struct insn *i)
{
    return look(v, i, false);
}

bool sys_lsl(struct vcpu *v, const struct insn *i)
{
    return look(v, i, true);
}

static bool verify(struct vcpu *v, const struct insn *i, bool write)
{
    need_protected(v);
    struct desc d;
    uint16_t sel = (uint16_t)operand_read(v, i, &i->ops[0], 2);
    bool ok = desc_find(v, sel, &d) && desc_attr(&d) & ATTR_S && visible(v, &d);
    if (ok && write)
        ok = !desc_is_code(&d) && desc_attr(&d) & TYPE_WRITE;
    else if (ok && desc_is_code(&d))
        ok = desc_attr(&d) & TYPE_READ;
    return answer(v, i, ok);
}

bool sys_verr(struct vcpu *v, const struct insn *i)
{
    return verify(v, i, false);
}

bool sys_verw(struct vcpu *v, const struct insn *i)
{
    return verify(v, i, true);
}

bool sys_arpl(struct vcpu *v, const struct insn *i)
{
    need_protected(v);
    uint64_t to = operand_read(v, i, &i->ops[0], 2), from = operand_read(v, i, &i->ops[1], 2);
    bool lower = (to & 3) < (from & 3);
    if (lower)
        operand_write(v, i, &i->ops[0], 2, (to & ~3ull) | (from & 3));
    return answer(v, i, lower);
}
