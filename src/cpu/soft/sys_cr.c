// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sys_cr: control and debug registers, XCR0, and the TLB and caches.
 *
 * Source: Intel SDM vol. 2B, MOV (to and from control and debug registers), LMSW, SMSW; vol. 3A, 2.5, 4.10.4
 * (what a write invalidates), 17.2 (debug registers); vol. 2C, XSETBV.
 */
#include "cpu/soft/state.h"
#include "cpu/soft/sys.h"

static _Noreturn void refuse(struct vcpu *v)
{
    soft_fault_code(v, EXC_GP, 0);
}

static void write_cr0(struct vcpu *v, uint64_t val)
{
    uint64_t old = v->cr0;
    if (val >> 32 || (val & CR0_PG && !(val & CR0_PE)) || (val & CR0_NW && !(val & CR0_CD)))
        refuse(v);
    val = (val & (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)) |
          CR0_ET;
    bool enable = val & CR0_PG && !(old & CR0_PG), disable = !(val & CR0_PG) && old & CR0_PG;
    if (enable && v->efer & EFER_LME && (!(v->cr4 & CR4_PAE) || v->seg[SEG_CS].attr & ATTR_L))
        refuse(v);
    if (disable && v->mode & MODE_LONG64)
        refuse(v);
    v->cr0 = val;
    if (enable && v->efer & EFER_LME)
        v->efer |= EFER_LMA;
    if (disable)
        v->efer &= ~(uint64_t)EFER_LMA;
    if ((val ^ old) & (CR0_PG | CR0_PE | CR0_WP))
        mmu_flush(v, true);
    mode_update(v);
}

static void write_cr3(struct vcpu *v, uint64_t val)
{
    if (long_mode(v) && val >> CPUID_PHYS_BITS)
        refuse(v);
    v->cr3 = val;
    mmu_flush(v, false);
}

static void write_cr4(struct vcpu *v, uint64_t val)
{
    if (val & ~(uint64_t)CR4_GUEST || (long_mode(v) && !(val & CR4_PAE)))
        refuse(v);
    uint64_t changed = val ^ v->cr4;
    v->cr4 = val;
    if (changed & (CR4_PGE | CR4_PAE | CR4_PSE | CR4_SMEP))
        mmu_flush(v, true);
    mode_update(v);
}

static void write_cr8(struct vcpu *v, uint64_t val)
{
    const struct cpu_intc *intc = v->soft->intc;
    if (val > 15)
        refuse(v);
    if (!intc)
        return;
    vec_save(v);
    intc->tpr_write(intc->ctx, v->index, (uint8_t)val);
    v->ask_intc = true;
}

static uint64_t read_cr8(struct vcpu *v)
{
    const struct cpu_intc *intc = v->soft->intc;
    if (!intc)
        return 0;
    vec_save(v);
    return intc->tpr_read(intc->ctx, v->index);
}

static void write_cr(struct vcpu *v, unsigned n, uint64_t val)
{
    switch (n) {
    case 0:
        write_cr0(v, val);
        break;
    case 2:
        v->cr2 = val;
        break;
    case 3:
        write_cr3(v, val);
        break;
    case 4:
        write_cr4(v, val);
        break;
    case 8:
        write_cr8(v, val);
        break;
    default:
        soft_fault(v, EXC_UD);
    }
}

static uint64_t read_cr(struct vcpu *v, unsigned n)
{
    switch (n) {
    case 0:
        return v->cr0;
    case 2:
        return v->cr2;
    case 3:
        return v->cr3;
    case 4:
        return v->cr4;
    case 8:
        return read_cr8(v);
    default:
        soft_fault(v, EXC_UD);
    }
}

static unsigned wide(const struct vcpu *v)
{
    return v->mode & MODE_LONG64 ? 8 : 4;
}

/* These take registers only: mod of ModRM is ignored. */
static unsigned gpr_of(const ZydisDecodedOperand *op)
{
    unsigned bytes, shift;
    return operand_gpr(op->reg.value, &bytes, &shift) & 15;
}

bool sys_mov_cr(struct vcpu *v, const struct insn *i)
{
    const ZydisDecodedOperand *to = &i->ops[0], *from = &i->ops[1];
    sys_need_cpl0(v);
    if (to->reg.value >= ZYDIS_REGISTER_CR0 && to->reg.value <= ZYDIS_REGISTER_CR15)
        write_cr(v, (unsigned)to->reg.value - ZYDIS_REGISTER_CR0, gpr_read(v, gpr_of(from), wide(v)));
    else
        gpr_write(v, gpr_of(to), wide(v), read_cr(v, (unsigned)from->reg.value - ZYDIS_REGISTER_CR0));
    return sys_done(v, i);
}

bool sys_mov_dr(struct vcpu *v, const struct insn *i)
{
    const ZydisDecodedOperand *to = &i->ops[0], *from = &i->ops[1];
    bool write = to->reg.value >= ZYDIS_REGISTER_DR0 && to->reg.value <= ZYDIS_REGISTER_DR15;
    unsigned n = (unsigned)(write ? to : from)->reg.value - ZYDIS_REGISTER_DR0;
    if (n > 7 || ((n == 4 || n == 5) && v->cr4 & CR4_DE))
        soft_fault(v, EXC_UD);
    sys_need_cpl0(v);
    if (v->dr[7] & DR7_GD) {
        soft_debug_fault(v, DR6_BD);
    }
    if (n == 4 || n == 5)
        n += 2;
    if (!write) {
        gpr_write(v, gpr_of(to), wide(v), v->dr[n]);
        return sys_done(v, i);
    }
    uint64_t val = gpr_read(v, gpr_of(from), wide(v));
    if (n >= 6 && val >> 32)
        refuse(v);
    v->dr[n] = n == 6 ? val | DR6_FIXED : n == 7 ? val | DR7_FIXED : val;
    return sys_done(v, i);
}

bool sys_clts(struct vcpu *v, const struct insn *i)
{
    sys_need_cpl0(v);
    v->cr0 &= ~(uint64_t)CR0_TS;
    mode_update(v);
    return sys_done(v, i);
}

bool sys_lmsw(struct vcpu *v, const struct insn *i)
{
    const uint64_t mask = CR0_PE | CR0_MP | CR0_EM | CR0_TS;
    sys_need_cpl0(v);
    uint64_t val = operand_read(v, i, &i->ops[0], 2) & mask;
    write_cr0(v, (v->cr0 & ~(mask & ~(uint64_t)CR0_PE)) | val); /* PE cannot be cleared */
    return sys_done(v, i);
}

bool sys_smsw(struct vcpu *v, const struct insn *i)
{
    if (v->cr4 & CR4_UMIP)
        sys_need_cpl0(v);
    bool memory = i->ops[0].type == ZYDIS_OPERAND_TYPE_MEMORY;
    operand_write(v, i, &i->ops[0], memory ? 2 : i->op_bytes, v->cr0);
    return sys_done(v, i);
}

bool xcr0_valid(const struct vcpu *v, uint64_t val)
{
    return !(val & ~v->soft->xsave_mask) && val & XCR0_X87 && (!(val & XCR0_AVX) || val & XCR0_SSE);
}

bool sys_xsetbv(struct vcpu *v, const struct insn *i)
{
    if (!(v->cr4 & CR4_OSXSAVE))
        soft_fault(v, EXC_UD);
    sys_need_cpl0(v);
    uint64_t val = gpr_read(v, RAX, 4) | v->gpr[RDX] << 32;
    if (gpr_read(v, RCX, 4) || !xcr0_valid(v, val))
        refuse(v);
    v->xcr0 = val;
    mode_update(v);
    return sys_done(v, i);
}

/* XINUSE is what a save of the registers would find. */
static uint64_t in_use(struct vcpu *v)
{
    uint64_t val;
    vec_save(v);
    copy_bytes(&val, v->xsave + 512, sizeof(val));
    return val & v->xcr0;
}

bool sys_xgetbv(struct vcpu *v, const struct insn *i)
{
    if (!(v->cr4 & CR4_OSXSAVE))
        soft_fault(v, EXC_UD);
    uint64_t which = gpr_read(v, RCX, 4);
    if (which > 1)
        refuse(v);
    uint64_t val = which ? in_use(v) : v->xcr0;
    gpr_write(v, RAX, 4, val);
    gpr_write(v, RDX, 4, val >> 32);
    return sys_done(v, i);
}

bool sys_invlpg(struct vcpu *v, const struct insn *i)
{
    sys_need_cpl0(v);
    unsigned seg = operand_seg(i->ops[0].mem.segment);
    uint64_t va = operand_offset(v, i, &i->ops[0]);
    if (!(v->mode & MODE_LONG64))
        va = (va + v->seg[seg].base) & 0xffffffff;
    else if (seg == SEG_FS || seg == SEG_GS)
        va += v->seg[seg].base;
    mmu_flush_page(v, va);
    return sys_done(v, i);
}

/* Guest memory is coherent: nothing to write back. */
bool sys_cache(struct vcpu *v, const struct insn *i)
{
    sys_need_cpl0(v);
    return sys_done(v, i);
}
