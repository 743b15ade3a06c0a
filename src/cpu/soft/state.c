// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state: a CPU's state as the KVM UAPI structures have it, in and out; and the state after reset.
 *
 * Source: Linux Documentation/virt/kvm/api.rst; Intel SDM vol. 3A, 9.1.1 (reset), vol. 1, 13.4 (XSAVE area).
 * set checks all of it first: a snapshot is hostile input.
 * Threads: while the CPU is not running.
 */
#include "cpu/soft/state.h"

#include "cpu/soft/arch.h"
#include "cpu/soft/copy.h"

/* What translated code and its generators rely on. */
_Static_assert(VCPU_OFF(rip) == 0x80 && VCPU_OFF(rflags) == 0x88 && VCPU_OFF(request) == 0x90, "head");
_Static_assert(VCPU_OFF(mode) == 0x94 && VCPU_OFF(host_rsp) == 0x98 && VCPU_OFF(page_va) == 0xa0, "head");
_Static_assert(VCPU_OFF(scratch) == 0xa8 && VCPU_OFF(seg_base) == 0xe8, "head");
_Static_assert(VCPU_OFF(host_tsc_offset) == 0x128 && VCPU_OFF(vec_live) == 0x130, "head");
_Static_assert(VCPU_OFF(tlb) == 0x1c0 && sizeof(struct tlb) == 0x40000, "TLB");
_Static_assert(VCPU_OFF(jcache) == 0x1c0 + 0x80000, "jump cache");

/* XSAVE area. */
#define FCW         0
#define MXCSR       24
#define MXCSR_MASK  28
#define XSTATE_BV   512
#define XCOMP_BV    520
#define HEADER_REST 528
#define HEADER_END  576

#define PAT_RESET 0x0007040600070406ull

/* ---- after reset ---- */

static void set_seg(struct vcpu *v, unsigned i, uint16_t sel, uint64_t base, uint16_t attr)
{
    v->seg[i] = (struct seg){.sel = sel, .base = base, .limit = 0xffff, .attr = attr};
}

static void reset_vectors(struct vcpu *v)
{
    static const uint16_t fcw = 0x37f;
    static const uint32_t mxcsr = 0x1f80;
    v->vec_live = 0;
    zero_bytes(v->xsave, sizeof(v->xsave));
    copy_bytes(v->xsave + FCW, &fcw, sizeof(fcw));
    copy_bytes(v->xsave + MXCSR, &mxcsr, sizeof(mxcsr));
}

/* The TSC goes on, and the local APIC is not ours. */
void state_reset(struct vcpu *v)
{
    uint32_t signature[4];
    cpuid_lookup(&v->cpuid, 1, 0, signature);
    zero_bytes(v->gpr, sizeof(v->gpr));
    v->gpr[RDX] = signature[0];
    v->rip = 0xfff0;
    v->rflags = 2;
    for (unsigned i = 0; i <= SEG_GS; i++)
        set_seg(v, i, 0, 0, ATTR_P | ATTR_S | TYPE_WRITE | TYPE_ACCESSED);
    set_seg(v, SEG_CS, 0xf000, 0xffff0000, ATTR_P | ATTR_S | TYPE_CODE | TYPE_READ | TYPE_ACCESSED);
    set_seg(v, SEG_LDTR, 0, 0, ATTR_P | SYS_LDT);
    set_seg(v, SEG_TR, 0, 0, ATTR_P | SYS_TSS32_BUSY);
    v->gdt.base = v->idt.base = 0;
    v->gdt.limit = v->idt.limit = 0xffff;
    v->cr0 = CR0_CD | CR0_NW | CR0_ET;
    v->cr2 = v->cr3 = v->cr4 = v->efer = 0;
    v->xcr0 = XCR0_X87;
    zero_bytes(v->dr, sizeof(v->dr));
    v->dr[6] = DR6_FIXED;
    v->dr[7] = DR7_FIXED;
    v->star = v->lstar = v->cstar = v->sfmask = v->kernel_gs_base = 0;
    v->sysenter_cs = v->sysenter_esp = v->sysenter_eip = 0;
    v->pat = PAT_RESET;
    v->misc_enable = 1; /* fast strings */
    v->tsc_aux = v->spec_ctrl = v->mtrr_def = 0;
    zero_bytes(v->mtrr_phys, sizeof(v->mtrr_phys));
    zero_bytes(v->mtrr_fixed, sizeof(v->mtrr_fixed));
    v->pv_system_time = v->pv_wall_clock = 0;
    v->shadow = v->nmi_masked = v->nmi_pending = v->halted = v->ask_intc = v->injected = false;
    reset_vectors(v);
    apic_base_changed(v);
    mode_update(v);
    mmu_flush(v, true);
}

/* ---- out ---- */

static void get_seg(const struct seg *s, struct kvm_segment *ret)
{
    *ret = (struct kvm_segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->sel,
        .type = s->attr & ATTR_TYPE,
        .s = !!(s->attr & ATTR_S),
        .dpl = (s->attr & ATTR_DPL) >> 5,
        .present = !!(s->attr & ATTR_P),
        .avl = !!(s->attr & ATTR_AVL),
        .l = !!(s->attr & ATTR_L),
        .db = !!(s->attr & ATTR_DB),
        .g = !!(s->attr & ATTR_G),
        .unusable = s->unusable,
    };
}

static void get_regs(const struct vcpu *v, struct kvm_regs *r)
{
    r->rax = v->gpr[RAX], r->rbx = v->gpr[RBX], r->rcx = v->gpr[RCX], r->rdx = v->gpr[RDX];
    r->rsi = v->gpr[RSI], r->rdi = v->gpr[RDI], r->rsp = v->gpr[RSP], r->rbp = v->gpr[RBP];
    r->r8 = v->gpr[R8], r->r9 = v->gpr[R9], r->r10 = v->gpr[R10], r->r11 = v->gpr[R11];
    r->r12 = v->gpr[R12], r->r13 = v->gpr[R13], r->r14 = v->gpr[R14], r->r15 = v->gpr[R15];
    r->rip = v->rip;
    r->rflags = v->rflags;
}

static void get_sregs(const struct vcpu *v, struct kvm_sregs *s)
{
    const struct cpu_intc *intc = v->soft->intc;
    get_seg(&v->seg[SEG_CS], &s->cs);
    get_seg(&v->seg[SEG_DS], &s->ds);
    get_seg(&v->seg[SEG_ES], &s->es);
    get_seg(&v->seg[SEG_FS], &s->fs);
    get_seg(&v->seg[SEG_GS], &s->gs);
    get_seg(&v->seg[SEG_SS], &s->ss);
    get_seg(&v->seg[SEG_TR], &s->tr);
    get_seg(&v->seg[SEG_LDTR], &s->ldt);
    s->gdt.base = v->gdt.base, s->gdt.limit = v->gdt.limit;
    s->idt.base = v->idt.base, s->idt.limit = v->idt.limit;
    s->cr0 = v->cr0, s->cr2 = v->cr2, s->cr3 = v->cr3, s->cr4 = v->cr4;
    s->efer = v->efer;
    if (intc) {
        s->cr8 = intc->tpr_read(intc->ctx, v->index);
        s->apic_base = intc->base_read(intc->ctx, v->index);
    }
}

static void get_events(const struct vcpu *v, struct kvm_vcpu_events *ev)
{
    if (v->injected) {
        ev->exception.injected = 1;
        ev->exception.nr = v->exc.vector;
        ev->exception.has_error_code = v->exc.has_error;
        ev->exception.error_code = v->exc.error;
    }
    ev->interrupt.shadow = v->shadow ? KVM_X86_SHADOW_INT_STI : 0;
    ev->nmi.masked = v->nmi_masked;
    ev->nmi.pending = v->nmi_pending;
    ev->sipi_vector = v->sipi_vector;
    ev->flags =
        KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SIPI_VECTOR;
}

int state_get(struct vcpu *v, struct cpu_state *ret, struct err *e)
{
    (void)e;
    vec_save(v);
    zero_bytes(ret, sizeof(*ret));
    get_regs(v, &ret->regs);
    get_sregs(v, &ret->sregs);
    copy_bytes(&ret->xsave, v->xsave, sizeof(v->xsave));
    ret->xcrs.nr_xcrs = 1;
    ret->xcrs.xcrs[0].value = v->xcr0;
    get_events(v, &ret->events);
    copy_bytes(ret->debugregs.db, v->dr, sizeof(ret->debugregs.db));
    ret->debugregs.dr6 = v->dr[6];
    ret->debugregs.dr7 = v->dr[7];
    ret->mp_state.mp_state = v->wait_sipi ? KVM_MP_STATE_INIT_RECEIVED
                             : v->halted  ? KVM_MP_STATE_HALTED
                                          : KVM_MP_STATE_RUNNABLE;
    if (v->soft->intc)
        v->soft->intc->state_get(v->soft->intc->ctx, v->index, &ret->lapic);
    unsigned nr;
    const uint32_t *list = msr_saved(&nr);
    for (unsigned i = 0; i < nr; i++) {
        uint64_t val;
        if (msr_read(v, list[i], &val))
            ret->msrs[ret->nr_msrs++] = (struct kvm_msr_entry){.index = list[i], .data = val};
    }
    return 0;
}

/* ---- in ---- */

static uint64_t load64(const void *area, unsigned off)
{
    uint64_t val;
    copy_bytes(&val, (const uint8_t *)area + off, sizeof(val));
    return val;
}

static bool xsave_ok(const struct vcpu *v, const void *area)
{
    uint32_t mxcsr;
    copy_bytes(&mxcsr, (const uint8_t *)area + MXCSR, sizeof(mxcsr));
    if (load64(area, XSTATE_BV) & ~v->soft->xsave_mask || mxcsr & 0xffff0000)
        return false;
    for (unsigned off = XCOMP_BV; off < HEADER_END; off += 8)
        if (load64(area, off))
            return false;
    return true;
}

static bool xcr0_ok(const struct vcpu *v, const struct kvm_xcrs *x)
{
    uint64_t val = x->xcrs[0].value;
    return x->nr_xcrs == 1 && x->xcrs[0].xcr == 0 && xcr0_valid(v, val);
}

static const char *sregs_wrong(const struct kvm_sregs *s)
{
    if (s->cr0 >> 32 || (s->cr0 & CR0_PG && !(s->cr0 & CR0_PE)))
        return "CR0";
    if (s->cr4 & ~(uint64_t)CR4_GUEST)
        return "CR4";
    bool lma = s->efer & EFER_LMA, want = s->efer & EFER_LME && s->cr0 & CR0_PG;
    if (s->efer & ~(uint64_t)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_FFXSR) || lma != want)
        return "EFER";
    if (lma && !(s->cr4 & CR4_PAE))
        return "CR4.PAE";
    if (s->cr8 > 15)
        return "CR8";
    return NULL;
}

static void set_one_seg(struct seg *s, const struct kvm_segment *k)
{
    *s = (struct seg){
        .base = k->base,
        .limit = k->limit,
        .sel = k->selector,
        .unusable = k->unusable,
        .attr = (uint16_t)((k->type & 15) | (k->s & 1) << 4 | (k->dpl & 3) << 5 | (k->present & 1) << 7 |
                           (k->avl & 1) << 12 | (k->l & 1) << 13 | (k->db & 1) << 14 | (k->g & 1) << 15),
    };
}

static void set_regs(struct vcpu *v, const struct kvm_regs *r)
{
    v->gpr[RAX] = r->rax, v->gpr[RBX] = r->rbx, v->gpr[RCX] = r->rcx, v->gpr[RDX] = r->rdx;
    v->gpr[RSI] = r->rsi, v->gpr[RDI] = r->rdi, v->gpr[RSP] = r->rsp, v->gpr[RBP] = r->rbp;
    v->gpr[R8] = r->r8, v->gpr[R9] = r->r9, v->gpr[R10] = r->r10, v->gpr[R11] = r->r11;
    v->gpr[R12] = r->r12, v->gpr[R13] = r->r13, v->gpr[R14] = r->r14, v->gpr[R15] = r->r15;
    v->rip = r->rip;
    v->rflags = (r->rflags & FL_GUEST) | 2;
}

static void set_sregs(struct vcpu *v, const struct kvm_sregs *s)
{
    set_one_seg(&v->seg[SEG_CS], &s->cs);
    set_one_seg(&v->seg[SEG_DS], &s->ds);
    set_one_seg(&v->seg[SEG_ES], &s->es);
    set_one_seg(&v->seg[SEG_FS], &s->fs);
    set_one_seg(&v->seg[SEG_GS], &s->gs);
    set_one_seg(&v->seg[SEG_SS], &s->ss);
    set_one_seg(&v->seg[SEG_TR], &s->tr);
    set_one_seg(&v->seg[SEG_LDTR], &s->ldt);
    v->gdt.base = s->gdt.base, v->gdt.limit = s->gdt.limit;
    v->idt.base = s->idt.base, v->idt.limit = s->idt.limit;
    v->cr0 = s->cr0 | CR0_ET, v->cr2 = s->cr2, v->cr3 = s->cr3, v->cr4 = s->cr4;
    v->efer = s->efer;
}

static void set_events(struct vcpu *v, const struct kvm_vcpu_events *ev, const __u64 bitmap[4])
{
    v->injected = ev->exception.injected || ev->interrupt.injected;
    if (ev->exception.injected) {
        v->exc.vector = ev->exception.nr & 31;
        v->exc.has_error = ev->exception.has_error_code;
        v->exc.error = ev->exception.error_code;
        v->exc.addr = v->cr2;
    } else if (ev->interrupt.injected) {
        v->exc.vector = ev->interrupt.nr;
        v->exc.has_error = false;
    }
    for (unsigned i = 0; i < 256 && !v->injected; i++)
        if (bitmap[i / 64] >> i % 64 & 1) {
            v->injected = true;
            v->exc.vector = (uint8_t)i;
            v->exc.has_error = false;
        }
    v->shadow = ev->interrupt.shadow;
    v->nmi_masked = ev->nmi.masked;
    v->nmi_pending = ev->nmi.pending || ev->nmi.injected;
    v->sipi_vector = (uint8_t)ev->sipi_vector;
}

static int check(const struct vcpu *v, const struct cpu_state *s, struct err *e)
{
    const char *wrong = sregs_wrong(&s->sregs);
    if (wrong)
        return err_set(e, -EINVAL, "state of cpu %u: %s", v->index, wrong);
    if (!xsave_ok(v, &s->xsave) || !xcr0_ok(v, &s->xcrs))
        return err_set(e, -EINVAL, "state of cpu %u: XSAVE area or XCR0", v->index);
    if (s->nr_msrs > sizeof(s->msrs) / sizeof(s->msrs[0]))
        return err_set(e, -EINVAL, "state of cpu %u: %u MSRs", v->index, s->nr_msrs);
    if (s->debugregs.dr6 >> 32 || s->debugregs.dr7 >> 32)
        return err_set(e, -EINVAL, "state of cpu %u: debug registers", v->index);
    return 0;
}

/* MSRs of features that this engine lacks may be in a state that kvm saved: what it refuses stays as it is.
 */
int state_set(struct vcpu *v, const struct cpu_state *s, struct err *e)
{
    const struct cpu_intc *intc = v->soft->intc;
    int r = check(v, s, e);
    if (r)
        return r;
    set_regs(v, &s->regs);
    set_sregs(v, &s->sregs);
    v->vec_live = 0;
    copy_bytes(v->xsave, &s->xsave, sizeof(v->xsave));
    v->xcr0 = s->xcrs.xcrs[0].value;
    set_events(v, &s->events, s->sregs.interrupt_bitmap);
    copy_bytes(v->dr, s->debugregs.db, sizeof(s->debugregs.db));
    v->dr[6] = s->debugregs.dr6 | DR6_FIXED;
    v->dr[7] = s->debugregs.dr7 | DR7_FIXED;
    v->halted = s->mp_state.mp_state == KVM_MP_STATE_HALTED;
    v->wait_sipi = s->mp_state.mp_state == KVM_MP_STATE_INIT_RECEIVED ||
                   s->mp_state.mp_state == KVM_MP_STATE_UNINITIALIZED;
    if (intc) {
        intc->base_write(intc->ctx, v->index, s->sregs.apic_base);
        intc->state_set(intc->ctx, v->index, &s->lapic);
        intc->tpr_write(intc->ctx, v->index, (uint8_t)s->sregs.cr8);
    }
    for (unsigned i = 0; i < s->nr_msrs; i++)
        msr_restore(v, s->msrs[i].index, s->msrs[i].data);
    apic_base_changed(v);
    v->ask_intc = true;
    mode_update(v);
    mmu_flush(v, true);
    return 0;
}
