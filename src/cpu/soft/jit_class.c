// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_class: what the translator makes of an instruction: copy it, write it as something else, or leave it to
 * the stepper.
 */
#include "cpu/soft/jit_tr.h"

static const ZydisDecodedOperand *memory_of(const struct insn *i)
{
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_MEMORY && i->ops[n].mem.type == ZYDIS_MEMOP_TYPE_MEM &&
            i->ops[n].encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM)
            return &i->ops[n];
    return NULL;
}

static bool hidden_memory(const struct insn *i)
{
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_MEMORY && i->ops[n].mem.type != ZYDIS_MEMOP_TYPE_AGEN &&
            i->ops[n].encoding != ZYDIS_OPERAND_ENCODING_MODRM_RM)
            return true;
    return false;
}

static void note_registers(struct item *it)
{
    unsigned bytes, shift;
    for (unsigned n = 0; n < it->i.z.operand_count; n++) {
        const ZydisDecodedOperand *op = &it->i.ops[n];
        if (op->type != ZYDIS_OPERAND_TYPE_REGISTER)
            continue;
        unsigned reg = operand_gpr(op->reg.value, &bytes, &shift);
        if (reg < R9 || reg > R11)
            continue;
        uint8_t bit = (uint8_t)(1u << (reg - R9));
        it->spilled |= bit;
        if (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
            it->written |= bit;
        if (op->actions != ZYDIS_OPERAND_ACTION_WRITE || bytes < 4)
            it->read |= bit;
    }
}

/* LEA's address registers. */
static void note_address(struct item *it, const ZydisDecodedOperand *op)
{
    unsigned bytes, shift;
    const ZydisRegister regs[] = {op->mem.base, op->mem.index};
    for (unsigned n = 0; n < 2; n++) {
        unsigned reg = operand_gpr(regs[n], &bytes, &shift);
        if (reg >= R9 && reg <= R11) {
            it->spilled |= (uint8_t)(1u << (reg - R9));
            it->read |= (uint8_t)(1u << (reg - R9));
        }
    }
}

static bool high_byte(const struct insn *i)
{
    unsigned bytes, shift;
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_REGISTER &&
            operand_gpr(i->ops[n].reg.value, &bytes, &shift) < 16 && shift)
            return true;
    return false;
}

static bool unit_ready(enum vec_need need, uint32_t mode)
{
    switch (need) {
    case NEED_NONE:
        return true;
    case NEED_X87:
    case NEED_MMX:
        return mode & MODE_X87;
    case NEED_SSE:
        return mode & MODE_SSE;
    case NEED_AVX:
        return mode & MODE_AVX;
    default:
        return false;
    }
}

/* Ordinary ones that are not: masked accesses, what would show the host's addresses, spinning. */
static bool awkward(const struct insn *i)
{
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_VMASKMOVPS:
    case ZYDIS_MNEMONIC_VMASKMOVPD:
    case ZYDIS_MNEMONIC_VPMASKMOVD:
    case ZYDIS_MNEMONIC_VPMASKMOVQ:
    case ZYDIS_MNEMONIC_FXSAVE:
    case ZYDIS_MNEMONIC_FXSAVE64:
    case ZYDIS_MNEMONIC_FXRSTOR:
    case ZYDIS_MNEMONIC_FXRSTOR64:
    case ZYDIS_MNEMONIC_FNSAVE:
    case ZYDIS_MNEMONIC_FRSTOR:
    case ZYDIS_MNEMONIC_FNSTENV:
    case ZYDIS_MNEMONIC_FLDENV:
    case ZYDIS_MNEMONIC_CLFLUSH:
    case ZYDIS_MNEMONIC_CLFLUSHOPT:
    case ZYDIS_MNEMONIC_CLWB:
    case ZYDIS_MNEMONIC_RDSSPD:
    case ZYDIS_MNEMONIC_RDSSPQ:
        return true;
    case ZYDIS_MNEMONIC_PAUSE: /* with REX.B it is XCHG r8, rax, whatever the decoder says */
        return !(i->z.attributes & ZYDIS_ATTRIB_HAS_REX);
    default:
        return false;
    }
}

static enum kind plain_kind(struct item *it, uint32_t mode)
{
    const struct insn *i = &it->i;
    it->need = native_need(i);
    if (!unit_ready(it->need, mode) || awkward(i) || string_handler(i) || rare_handler(i) || hidden_memory(i))
        return K_STEP;
    it->mem = memory_of(i);
    note_registers(it);
    if (!it->mem)
        return K_PLAIN;
    it->writes = it->mem->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
    bool bits = i->mnemonic == ZYDIS_MNEMONIC_BT || i->mnemonic == ZYDIS_MNEMONIC_BTS ||
                i->mnemonic == ZYDIS_MNEMONIC_BTR || i->mnemonic == ZYDIS_MNEMONIC_BTC;
    if (high_byte(i) || !it->mem->size || !mem_fits(it, it->mem) || (bits && i->op_bytes == 2))
        return K_STEP;
    return K_PLAIN;
}

static enum kind lea_kind(struct item *it)
{
    note_registers(it);
    const ZydisDecodedOperand *op = &it->i.ops[1];
    if (op->mem.base == ZYDIS_REGISTER_RIP)
        return it->i.op_bytes == 8 && mem_fits(it, op) ? K_LEA_RIP : K_STEP;
    if (op->mem.base == ZYDIS_REGISTER_EIP)
        return K_STEP;
    note_address(it, op);
    return K_PLAIN;
}

static bool in_register(const ZydisDecodedOperand *op)
{
    unsigned bytes, shift;
    return op->type == ZYDIS_OPERAND_TYPE_REGISTER && operand_gpr(op->reg.value, &bytes, &shift) < 16;
}

/* Target or value in a register, memory or immediate, 64-bit. */
static enum kind with_operand(struct item *it, enum kind kind)
{
    const ZydisDecodedOperand *op = &it->i.ops[0];
    if (it->i.z.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE)
        return K_STEP;
    if (op->type == ZYDIS_OPERAND_TYPE_MEMORY) {
        it->mem = op;
        return op->size == 64 && op->encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM && mem_fits(it, op) ? kind
                                                                                                     : K_STEP;
    }
    return op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE || in_register(op) ? kind : K_STEP;
}

static enum kind pop_kind(const struct item *it)
{
    return in_register(&it->i.ops[0]) && !(it->i.z.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE) ? K_POP
                                                                                              : K_STEP;
}

static enum kind flow_kind(struct item *it)
{
    const struct insn *i = &it->i;
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_JMP:
        return i->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ? K_STEP : with_operand(it, K_JMP);
    case ZYDIS_MNEMONIC_CALL:
        return i->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ? K_STEP : with_operand(it, K_CALL);
    case ZYDIS_MNEMONIC_RET:
        return i->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ||
                       i->z.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE
                   ? K_STEP
                   : K_RET;
    case ZYDIS_MNEMONIC_LOOP:
    case ZYDIS_MNEMONIC_LOOPE:
    case ZYDIS_MNEMONIC_LOOPNE:
    case ZYDIS_MNEMONIC_JRCXZ:
        return i->addr_bytes == 8 ? K_LOOP : K_STEP;
    case ZYDIS_MNEMONIC_PUSH:
        return with_operand(it, K_PUSH);
    case ZYDIS_MNEMONIC_POP:
        return pop_kind(it);
    case ZYDIS_MNEMONIC_LEAVE:
        return i->z.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE ? K_STEP : K_LEAVE;
    case ZYDIS_MNEMONIC_LEA:
        return lea_kind(it);
    case ZYDIS_MNEMONIC_CLD:
    case ZYDIS_MNEMONIC_STD:
        return K_PLAIN;
    default:
        if (i->z.meta.category == ZYDIS_CATEGORY_COND_BR)
            return i->z.opcode != 0xe3 ? K_JCC : K_STEP;
        return awkward(i) || i->mnemonic == ZYDIS_MNEMONIC_ENTER ? K_STEP : K_NOTHING;
    }
}

/* A jump with a 16-bit target, or one that wraps. */
static bool odd_jump(const struct item *it)
{
    const ZydisDecodedInstruction *z = &it->i.z;
    int64_t to = it->off + it->i.len + z->raw.imm[0].value.s;
    return z->raw.imm[0].is_relative && (to != (int32_t)to || z->attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE);
}

void classify(struct item *it, uint32_t mode)
{
    if (sys_handles(&it->i) || odd_jump(it))
        it->kind = K_STEP;
    else if (flow_handler(&it->i))
        it->kind = flow_kind(it);
    else
        it->kind = plain_kind(it, mode);
}
