// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * task: hardware task switches of 32-bit protected mode.
 *
 * Source: Intel SDM vol. 3A, 7.2 (TSS), 7.3 (task switching), table 7-1.
 * Modelled: 32-bit TSSs, jmp, call, iret, events. Left out: 16-bit TSSs (#TS), the debug trap bit.
 * Deviation: a segment that is wrong in the new task raises #TS there with all registers loaded already.
 */
#include "cpu/soft/seg.h"
#include "cpu/soft/state.h"

struct tss32 {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2;
    uint32_t cr3, eip, eflags, gpr[8], sel[6], ldt, trap;
};
_Static_assert(sizeof(struct tss32) == 104, "layout");

#define TSS_SAVED_FROM offsetof(struct tss32, eip)
#define TSS_SAVED_TO   offsetof(struct tss32, ldt)

static void set_busy(struct vcpu *v, const struct desc *d, bool busy)
{
    uint8_t access = (uint8_t)(d->raw >> 40);
    access = (uint8_t)(busy ? access | 2 : access & ~2);
    mmu_write_sys(v, d->va + 5, &access, 1);
}

static void save(struct vcpu *v, uint64_t rip, uint64_t flags)
{
    struct tss32 t;
    t.eip = (uint32_t)rip;
    t.eflags = (uint32_t)flags;
    for (unsigned i = 0; i < 8; i++)
        t.gpr[i] = (uint32_t)v->gpr[i];
    for (unsigned i = 0; i < 6; i++)
        t.sel[i] = v->seg[i].sel;
    mmu_write_sys(v, v->seg[SEG_TR].base + TSS_SAVED_FROM, &t.eip, TSS_SAVED_TO - TSS_SAVED_FROM);
}

static void load_ldt(struct vcpu *v, uint16_t sel)
{
    struct desc d;
    v->seg[SEG_LDTR] = (struct seg){.sel = sel, .unusable = true};
    if (sel_is_null(sel))
        return;
    desc_read(v, sel, EXC_TS, 0, &d);
    if (sel & 4 || desc_system(&d) != SYS_LDT || !desc_present(&d))
        soft_fault_code(v, EXC_TS, sel & ~3u);
    v->seg[SEG_LDTR] = desc_seg(&d);
}

static void load_segments(struct vcpu *v, const struct tss32 *t)
{
    static const uint8_t data[] = {SEG_DS, SEG_ES, SEG_FS, SEG_GS};
    if (v->rflags & FL_VM) {
        for (unsigned i = 0; i < 6; i++)
            seg_set_real(v, i, (uint16_t)t->sel[i]);
        return;
    }
    uint16_t cs_sel = (uint16_t)t->sel[SEG_CS];
    struct desc cs, ss;
    unsigned cpl = cs_sel & 3;
    desc_read(v, cs_sel, EXC_TS, 0, &cs);
    if (!desc_is_code(&cs))
        soft_fault_code(v, EXC_TS, cs_sel & ~3u);
    if (!desc_present(&cs))
        soft_fault_code(v, EXC_NP, cs_sel & ~3u);
    seg_check_ss(v, (uint16_t)t->sel[SEG_SS], cpl, EXC_TS, 0, &ss);
    desc_set_accessed(v, &ss);
    desc_set_accessed(v, &cs);
    v->seg[SEG_SS] = desc_seg(&ss);
    seg_commit_cs(v, &cs, cpl, t->eip);
    for (unsigned i = 0; i < sizeof(data); i++)
        seg_load(v, data[i], (uint16_t)t->sel[data[i]]);
}

static void load(struct vcpu *v, const struct tss32 *t, const struct desc *d, bool nested)
{
    v->seg[SEG_TR] = desc_seg(d);
    v->seg[SEG_TR].attr |= 2;
    if (v->cr0 & CR0_PG && v->cr3 != t->cr3) {
        v->cr3 = t->cr3;
        mmu_flush(v, false);
    }
    v->rflags = (t->eflags & FL_GUEST) | (nested ? FL_NT : 0) | 2;
    for (unsigned i = 0; i < 8; i++)
        v->gpr[i] = t->gpr[i];
    v->rip = t->eip;
    v->cr0 |= CR0_TS;
    mode_update(v);
    load_ldt(v, (uint16_t)t->ldt);
    load_segments(v, t);
}

void task_switch(struct vcpu *v, uint16_t sel, enum task_switch why, uint64_t next_rip, bool has_error,
                 uint32_t error)
{
    struct desc d, old;
    struct tss32 t;
    unsigned want = why == TASK_IRET ? SYS_TSS32_BUSY : SYS_TSS32;
    unsigned vector = why == TASK_IRET ? EXC_TS : EXC_GP;
    if (sel & 4)
        soft_fault_code(v, vector, sel & ~3u);
    desc_read(v, sel, vector, 0, &d);
    if (desc_system(&d) != want)
        soft_fault_code(v, vector, sel & ~3u);
    if (!desc_present(&d))
        soft_fault_code(v, EXC_NP, sel & ~3u);
    struct seg tr = desc_seg(&d);
    if (tr.limit < sizeof(t) - 1 || !(v->seg[SEG_TR].attr & 8) || v->seg[SEG_TR].limit < sizeof(t) - 1)
        soft_fault_code(v, EXC_TS, sel & ~3u);
    mmu_read_sys(v, tr.base, &t, sizeof(t));
    desc_read(v, v->seg[SEG_TR].sel, EXC_TS, 0, &old);
    bool nests = why == TASK_CALL || why == TASK_EVENT;
    uint64_t flags = why == TASK_IRET ? v->rflags & ~(uint64_t)FL_NT : v->rflags;
    save(v, next_rip, flags);
    if (nests) {
        uint16_t back = v->seg[SEG_TR].sel;
        mmu_write_sys(v, tr.base, &back, sizeof(back));
    } else {
        set_busy(v, &old, false);
    }
    if (why != TASK_IRET)
        set_busy(v, &d, true);
    load(v, &t, &d, nests);
    if (has_error) {
        struct stack s = stack_now(v);
        stack_push(v, &s, error, 4);
        stack_commit(v, &s);
    }
}
