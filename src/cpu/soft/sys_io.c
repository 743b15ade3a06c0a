// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sys_io: ports.
 *
 * Source: Intel SDM vol. 2: IN, OUT, INS, OUTS, REP; vol. 1, 19.5.2 (I/O permission bitmap).
 * A repeated form moves one element a turn and looks for requests in between, as if it were interrupted
 * there.
 */
#include "cpu/soft/sys.h"

static void need_port(struct vcpu *v, uint16_t port, unsigned bytes)
{
    if (!(v->cr0 & CR0_PE) || (!sys_vm86(v) && vcpu_cpl(v) <= sys_iopl(v)))
        return;
    const struct seg *tr = &v->seg[SEG_TR];
    uint16_t map, bits;
    if (tr->unusable || !(tr->attr & 8) || tr->limit < 0x67)
        soft_fault_code(v, EXC_GP, 0);
    mmu_read_sys(v, tr->base + 0x66, &map, 2);
    uint32_t at = map + port / 8u;
    if (at + 1 > tr->limit)
        soft_fault_code(v, EXC_GP, 0);
    mmu_read_sys(v, tr->base + at, &bits, 2);
    if (bits >> (port & 7) & ((1u << bytes) - 1))
        soft_fault_code(v, EXC_GP, 0);
}

static uint16_t port_of(const struct vcpu *v, const ZydisDecodedOperand *op)
{
    return (uint16_t)(op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? op->imm.value.u & 0xff : v->gpr[RDX]);
}

bool sys_in(struct vcpu *v, const struct insn *i)
{
    unsigned bytes = i->ops[0].size / 8;
    uint16_t port = port_of(v, &i->ops[1]);
    need_port(v, port, bytes);
    gpr_write(v, RAX, bytes, soft_io_read(v, port, bytes));
    return sys_done(v, i);
}

bool sys_out(struct vcpu *v, const struct insn *i)
{
    unsigned bytes = i->ops[1].size / 8;
    uint16_t port = port_of(v, &i->ops[0]);
    need_port(v, port, bytes);
    soft_io_write(v, port, bytes, gpr_read(v, RAX, bytes));
    return sys_done(v, i);
}

static void step_index(struct vcpu *v, const struct insn *i, unsigned reg, unsigned bytes)
{
    uint64_t by = v->rflags & FL_DF ? -(uint64_t)bytes : bytes;
    gpr_write(v, reg, i->addr_bytes, v->gpr[reg] + by);
}

/* One element a turn; true: the instruction is over. */
static bool turn(struct vcpu *v, const struct insn *i, bool repeats)
{
    if (!repeats)
        return true;
    gpr_write(v, RCX, i->addr_bytes, v->gpr[RCX] - 1);
    return !gpr_read(v, RCX, i->addr_bytes);
}

static bool repeats(const struct insn *i)
{
    return i->z.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE);
}

static unsigned element(const struct insn *i)
{
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_INSB:
    case ZYDIS_MNEMONIC_OUTSB:
        return 1;
    case ZYDIS_MNEMONIC_INSW:
    case ZYDIS_MNEMONIC_OUTSW:
        return 2;
    default:
        return 4;
    }
}

static void in_one(struct vcpu *v, const struct insn *i, unsigned bytes)
{
    uint64_t va = mmu_linear(v, SEG_ES, gpr_read(v, RDI, i->addr_bytes), bytes, ACCESS_WRITE);
    mmu_probe_write(v, va, bytes);
    uint64_t val = soft_io_read(v, (uint16_t)v->gpr[RDX], bytes);
    mmu_write(v, va, &val, bytes);
    step_index(v, i, RDI, bytes);
}

static void out_one(struct vcpu *v, const struct insn *i, unsigned bytes)
{
    unsigned seg = SEG_DS;
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_MEMORY)
            seg = operand_seg(i->ops[n].mem.segment);
    uint64_t val = 0, va = mmu_linear(v, seg, gpr_read(v, RSI, i->addr_bytes), bytes, ACCESS_READ);
    mmu_read(v, va, &val, bytes);
    soft_io_write(v, (uint16_t)v->gpr[RDX], bytes, val);
    step_index(v, i, RSI, bytes);
}

static bool string(struct vcpu *v, const struct insn *i,
                   void (*one)(struct vcpu *, const struct insn *, unsigned))
{
    unsigned bytes = element(i);
    bool rep = repeats(i);
    need_port(v, (uint16_t)v->gpr[RDX], bytes);
    if (rep && !gpr_read(v, RCX, i->addr_bytes))
        return sys_done(v, i);
    do {
        one(v, i, bytes);
        if (turn(v, i, rep))
            return sys_done(v, i);
    } while (!v->request && !(v->rflags & FL_TF));
    return true; /* rip stays: the rest follows when the request has been served */
}

bool sys_ins(struct vcpu *v, const struct insn *i)
{
    return string(v, i, in_one);
}

bool sys_outs(struct vcpu *v, const struct insn *i)
{
    return string(v, i, out_one);
}
