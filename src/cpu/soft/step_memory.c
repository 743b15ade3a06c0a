// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * step_memory: running what step_native.c prepared: on guest RAM, or on a bounce buffer for MMIO, page
 * crossings and pages with translated code; and in which order its faults come. Source: Intel SDM vol.
 * 3A, 6.9 (priorities), vol. 1, 8.7.
 */
#include "cpu/soft/step.h"

void step_enter(struct vcpu *v, const void *code);

static void enter(struct vcpu *v, const struct stepped *s)
{
    v->scratch[1] = (v->rflags & FL_ARITH) | 2;
    step_enter(v, s->code);
    v->rflags = (v->rflags & ~(uint64_t)FL_ARITH) | (v->scratch[1] & FL_ARITH);
}

/* BT and its kin with a bit number in a register reach beyond the operand. */
static uint64_t bit_displacement(const struct vcpu *v, const struct stepped *s)
{
    const struct insn *i = &s->insn;
    unsigned bytes, shift;
    if (i->mnemonic != ZYDIS_MNEMONIC_BT && i->mnemonic != ZYDIS_MNEMONIC_BTS &&
        i->mnemonic != ZYDIS_MNEMONIC_BTR && i->mnemonic != ZYDIS_MNEMONIC_BTC)
        return 0;
    if (i->ops[1].type != ZYDIS_OPERAND_TYPE_REGISTER)
        return 0;
    int64_t bit = (int64_t)v->gpr[operand_gpr(i->ops[1].reg.value, &bytes, &shift)];
    unsigned unused = 64 - 8 * bytes;
    bit = (int64_t)((uint64_t)bit << unused) >> unused;
    return (uint64_t)(bit >> (bytes == 8 ? 6 : bytes == 4 ? 5 : 4)) * bytes;
}

static void run_on(struct vcpu *v, const struct stepped *s, void *host, uint64_t displacement)
{
    v->scratch[STEP_SCRATCH_ADDR] = (uint64_t)(uintptr_t)host - displacement;
    if (s->need)
        vec_restore(v);
    enter(v, s);
}

/* The bounce buffer has the operand's alignment, so that alignment faults come as they would. */
static void run_bounced(struct vcpu *v, const struct stepped *s, uint64_t va, unsigned bytes,
                        uint64_t displacement)
{
    uint8_t *buf = stepper_of(v)->bounce + (va & 63);
    if (s->writes)
        mmu_probe_write(v, va, bytes);
    if (s->reads || s->x87) /* an x87 store that raises an exception stores nothing */
        mmu_read(v, va, buf, bytes);
    run_on(v, s, buf, displacement);
    zero_bytes(buf + s->hide_at, s->hide_bytes);
    if (s->writes)
        mmu_write(v, va, buf, bytes);
}

struct split {
    const struct stepped *s;
    uint64_t va, displacement;
};

static void run_split(struct vcpu *v, void *arg)
{
    const struct split *x = arg;
    run_bounced(v, x->s, x->va, x->s->mem_bytes, x->displacement);
}

/* A locked access across pages: all CPUs that use the same address cross there too and come here. */
static void run_locked(struct vcpu *v, const struct stepped *s, uint64_t va, uint64_t displacement)
{
    struct split x = {.s = s, .va = va, .displacement = displacement};
    while (atomic_flag_test_and_set_explicit(&v->soft->split_lock, memory_order_acquire))
        __builtin_ia32_pause();
    bool ok = soft_try(v, run_split, &x);
    atomic_flag_clear_explicit(&v->soft->split_lock, memory_order_release);
    if (!ok)
        soft_fault_again(v);
}

/* Translation of a vector operand, whose alignment is checked before its page: where there is no page, the
 * processor tells by running the instruction on one of ours that is not there either. */
struct placed {
    const struct stepped *s;
    uint64_t off, displacement;
    unsigned bytes;
    enum access access;
    uint64_t va;
    void *host;
};

static void find_host(struct vcpu *v, void *arg)
{
    struct placed *p = arg;
    const ZydisDecodedOperand *op = &p->s->insn.ops[p->s->mem_op];
    p->va = mmu_linear(v, operand_seg(op->mem.segment), p->off, p->bytes, p->access);
    p->host = mmu_host(v, p->va, p->bytes, p->access);
}

static void run_nowhere(struct vcpu *v, void *arg)
{
    const struct placed *p = arg;
    run_on(v, p->s, (void *)(uintptr_t)(64 + (p->off & 63)), p->displacement);
}

static void find_any_host(struct vcpu *v, struct placed *p)
{
    if (p->bytes < 16) {
        find_host(v, p);
        return;
    }
    if (soft_try(v, find_host, p))
        return;
    struct exception fault = v->exc;
    if (p->off & (p->bytes - 1) && !soft_try(v, run_nowhere, p) && v->exc.vector == EXC_GP)
        soft_fault_again(v);
    v->exc = fault;
    soft_fault_again(v);
}

void native_check_pending(struct vcpu *v)
{
    uint16_t status;
    vec_restore(v);
    __asm__ volatile("fnstsw %0" : "=m"(status));
    if (status & 0x80)
        soft_fault(v, EXC_MF);
}

/* A pending x87 exception comes before anything about the operand. */
static void check_pending_x87(struct vcpu *v, const struct stepped *s)
{
    switch (s->insn.mnemonic) {
    case ZYDIS_MNEMONIC_FNSTCW:
    case ZYDIS_MNEMONIC_FNSTSW:
    case ZYDIS_MNEMONIC_FNSTENV:
    case ZYDIS_MNEMONIC_FNSAVE:
        return;
    default:
        native_check_pending(v);
    }
}

static void run_memory(struct vcpu *v, const struct stepped *s)
{
    const struct insn *i = &s->insn;
    const ZydisDecodedOperand *op = &i->ops[s->mem_op];
    unsigned bytes = s->mem_bytes;
    if (s->x87)
        check_pending_x87(v, s);
    uint64_t displacement = bit_displacement(v, s), off = operand_offset(v, i, op) + displacement;
    enum access access = s->writes ? ACCESS_WRITE : ACCESS_READ;
    if (i->addr_bytes < 8)
        off &= i->addr_bytes == 4 ? 0xffffffff : 0xffff;
    struct placed p = {.s = s, .off = off, .displacement = displacement, .bytes = bytes, .access = access};
    if (s->masked && (!soft_try(v, find_host, &p) || !p.host)) {
        masked_move(v, i, off);
        return;
    }
    if (!s->masked)
        find_any_host(v, &p);
    uint64_t va = p.va;
    void *host = p.host;
    if (host && !s->hide_bytes) {
        run_on(v, s, host, displacement);
        return;
    }
    if (!(i->z.attributes & ZYDIS_ATTRIB_HAS_LOCK) && i->mnemonic != ZYDIS_MNEMONIC_XCHG) {
        run_bounced(v, s, va, bytes, displacement);
        return;
    }
    uint64_t code_gpa = UINT64_MAX;
    host = mmu_host_locked(v, va, bytes, &code_gpa);
    if (!host) {
        run_locked(v, s, va, displacement);
        return;
    }
    run_on(v, s, host, displacement);
    if (code_gpa != UINT64_MAX)
        smc_written(v->soft, v, code_gpa, bytes);
}

void native_run(struct vcpu *v, struct stepped *s)
{
    native_check_vectors(v, s->need);
    if (s->has_mem) {
        run_memory(v, s);
    } else {
        if (s->need)
            vec_restore(v);
        enter(v, s);
    }
    step_done(v, s);
}
