// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_decode: see jit_decode.h.
 *
 * Flags: an instruction kills what it sets whatever happens; shifts and rotates by a count that may be 0 kill
 * nothing. Flags that an instruction leaves undefined count as killed. Source: Intel SDM vol. 1, appendix A.
 */
#include "cpu/soft/jit_decode.h"

#include "cpu/soft/step.h"

#define LOOK_AHEAD 6

static bool is_shift(const struct insn *i)
{
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_SHL:
    case ZYDIS_MNEMONIC_SHR:
    case ZYDIS_MNEMONIC_SAR:
    case ZYDIS_MNEMONIC_SHLD:
    case ZYDIS_MNEMONIC_SHRD:
    case ZYDIS_MNEMONIC_ROL:
    case ZYDIS_MNEMONIC_ROR:
    case ZYDIS_MNEMONIC_RCL:
    case ZYDIS_MNEMONIC_RCR:
        return true;
    default:
        return false;
    }
}

static bool by_fixed_count(const struct insn *i)
{
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
            return i->ops[n].imm.value.u & 31;
    return i->z.opcode == 0xd0 || i->z.opcode == 0xd1;
}

static void note_flags(struct guest_insn *g)
{
    const ZydisAccessedFlags *f = g->insn.z.cpu_flags;
    if (!f)
        return;
    g->tested = f->tested & FL_ARITH;
    g->killed = g->modified = (f->modified | f->set_0 | f->set_1 | f->undefined) & FL_ARITH;
    if (is_shift(&g->insn) && !by_fixed_count(&g->insn))
        g->killed = 0;
}

static uint16_t scratch_bit(ZydisRegister r)
{
    unsigned bytes, shift, n = operand_gpr(r, &bytes, &shift);
    if (n < R9 || n > R11)
        return 0;
    return (uint16_t)(1u << n);
}

static bool addresses(const ZydisDecodedOperand *op)
{
    return op->type == ZYDIS_OPERAND_TYPE_MEMORY && (op->encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM ||
                                                     op->encoding == ZYDIS_OPERAND_ENCODING_DISP16_32_64);
}

/* false: an operand that only the stepper can handle. */
static bool note_operands(struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    for (unsigned n = 0; n < i->z.operand_count; n++) {
        const ZydisDecodedOperand *op = &i->ops[n];
        if (op->type == ZYDIS_OPERAND_TYPE_REGISTER) {
            uint16_t bit = scratch_bit(op->reg.value);
            g->uses |= bit;
            if (op->actions != ZYDIS_OPERAND_ACTION_WRITE || op->size < 32 ||
                i->mnemonic == ZYDIS_MNEMONIC_BSF ||
                i->mnemonic == ZYDIS_MNEMONIC_BSR) /* which leave it alone if there is no bit */
                g->loads |= bit;
            if (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
                g->sets |= bit;
        } else if (op->type == ZYDIS_OPERAND_TYPE_MEMORY) {
            if (!addresses(op)) {
                if (op->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN)
                    continue; /* the stack; string instructions are sorted out by mnemonic */
                return false;
            }
            if (g->has_mem)
                return false;
            g->has_mem = true;
            g->mem = (uint8_t)n;
            g->mem_bytes = op->size / 8;
            g->writes = op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
            g->address_uses |= scratch_bit(op->mem.base) | scratch_bit(op->mem.index);
            if (op->mem.type == ZYDIS_MEMOP_TYPE_VSIB)
                return false;
        }
    }
    return true;
}

/* XOR and SUB of a register with itself ask nothing of it. */
static void note_idiom(struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    if ((i->mnemonic == ZYDIS_MNEMONIC_XOR || i->mnemonic == ZYDIS_MNEMONIC_SUB) &&
        i->ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER && i->ops[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
        i->ops[0].reg.value == i->ops[1].reg.value && i->ops[0].size >= 32)
        g->loads = 0;
}

static bool has_high_byte(const struct insn *i)
{
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_REGISTER && i->ops[n].reg.value >= ZYDIS_REGISTER_AH &&
            i->ops[n].reg.value <= ZYDIS_REGISTER_BH)
            return true;
    return false;
}

/* It can be turned into the low byte for a moment, if nothing else of the instruction is in that register. */
static bool note_high_byte(struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    unsigned bytes, shift, high = 0, same = 0, reg = 0;
    if (!has_high_byte(i))
        return true;
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_REGISTER &&
            i->ops[n].encoding == ZYDIS_OPERAND_ENCODING_MODRM_REG) {
            reg = operand_gpr(i->ops[n].reg.value, &bytes, &shift);
            high += shift == 8;
        }
    for (unsigned n = 0; n < i->z.operand_count; n++)
        if (i->ops[n].type == ZYDIS_OPERAND_TYPE_REGISTER)
            same += operand_gpr(i->ops[n].reg.value, &bytes, &shift) == reg;
    g->high = true;
    return high == 1 && same == 1;
}

static bool vectors_allowed(struct guest_insn *g, uint32_t mode)
{
    switch (native_need(&g->insn)) {
    case NEED_NONE:
        return true;
    case NEED_X87:
    case NEED_MMX:
        g->vectors = true;
        return mode & MODE_X87;
    case NEED_SSE:
        g->vectors = true;
        return mode & MODE_SSE;
    case NEED_AVX:
        g->vectors = true;
        return mode & MODE_AVX;
    default:
        return false;
    }
}

/* RIP-relative: the displacement from the page's start, instead of the next instruction, must fit too.
 * EIP-relative is the stepper's. */
static bool fits_disp(const struct guest_insn *g)
{
    const ZydisDecodedOperand *op = &g->insn.ops[g->mem];
    if (op->mem.base == ZYDIS_REGISTER_EIP)
        return false;
    int64_t disp = op->mem.disp.value + g->off + g->insn.len;
    return op->mem.base != ZYDIS_REGISTER_RIP || disp == (int32_t)disp;
}

static bool memory_kind(struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    const ZydisDecodedOperand *op = &i->ops[g->mem];
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_LEA:
        g->has_mem = false;
        g->uses |= g->address_uses;
        g->loads |= g->address_uses;
        if (op->mem.base != ZYDIS_REGISTER_RIP)
            return true;
        g->kind = KIND_LEA_RIP;
        return i->op_bytes == 8 && i->addr_bytes == 8;
    case ZYDIS_MNEMONIC_NOP:
    case ZYDIS_MNEMONIC_PREFETCH:
    case ZYDIS_MNEMONIC_PREFETCHW:
    case ZYDIS_MNEMONIC_PREFETCHNTA:
    case ZYDIS_MNEMONIC_PREFETCHT0:
    case ZYDIS_MNEMONIC_PREFETCHT1:
    case ZYDIS_MNEMONIC_PREFETCHT2:
    case ZYDIS_MNEMONIC_PREFETCHWT1:
        g->kind = KIND_NOTHING;
        return true;
    case ZYDIS_MNEMONIC_BT:
    case ZYDIS_MNEMONIC_BTS:
    case ZYDIS_MNEMONIC_BTR:
    case ZYDIS_MNEMONIC_BTC:
        if (i->ops[1].type != ZYDIS_OPERAND_TYPE_REGISTER)
            break;
        g->kind = KIND_BIT;
        return i->op_bytes >= 4 && i->addr_bytes == 8 && op->mem.segment != ZYDIS_REGISTER_FS &&
               op->mem.segment != ZYDIS_REGISTER_GS;
    case ZYDIS_MNEMONIC_CLFLUSH:
    case ZYDIS_MNEMONIC_CLFLUSHOPT:
    case ZYDIS_MNEMONIC_CLWB:
    case ZYDIS_MNEMONIC_FXSAVE:
    case ZYDIS_MNEMONIC_FXSAVE64:
    case ZYDIS_MNEMONIC_FXRSTOR:
    case ZYDIS_MNEMONIC_FXRSTOR64:
    case ZYDIS_MNEMONIC_FNSAVE:
    case ZYDIS_MNEMONIC_FNSTENV:
        return false;
    default:
        break;
    }
    g->kind = KIND_MEM;
    return g->mem_bytes > 0 && g->mem_bytes <= 64 && note_high_byte(g);
}

static bool stack_kind(struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    g->kind = i->mnemonic == ZYDIS_MNEMONIC_PUSH ? KIND_PUSH : KIND_POP;
    bool segment = i->ops[0].type == ZYDIS_OPERAND_TYPE_REGISTER && scratch_bit(i->ops[0].reg.value) == 0 &&
                   !(i->ops[0].reg.value >= ZYDIS_REGISTER_RAX && i->ops[0].reg.value <= ZYDIS_REGISTER_R15);
    if (segment || (g->kind == KIND_POP && g->has_mem))
        return false;
    /* 66h would make it 2 bytes */
    return !(i->z.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE);
}

static bool jump_kind(struct guest_insn *g)
{
    const struct insn *i = &g->insn;
    const ZydisDecodedOperand *op = &i->ops[0];
    if (i->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR || i->z.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE)
        return false;
    if (i->mnemonic == ZYDIS_MNEMONIC_RET) {
        g->kind = KIND_RET;
        return true;
    }
    bool call = i->mnemonic == ZYDIS_MNEMONIC_CALL, jmp = i->mnemonic == ZYDIS_MNEMONIC_JMP;
    if (op->type != ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        g->kind = call ? KIND_CALL_TO : KIND_JMP_TO;
        return call || jmp;
    }
    if (i->mnemonic == ZYDIS_MNEMONIC_LOOP || i->mnemonic == ZYDIS_MNEMONIC_LOOPE ||
        i->mnemonic == ZYDIS_MNEMONIC_LOOPNE || i->mnemonic == ZYDIS_MNEMONIC_JECXZ ||
        i->mnemonic == ZYDIS_MNEMONIC_XBEGIN)
        return false;
    g->kind = call ? KIND_CALL : jmp ? KIND_JMP : i->mnemonic == ZYDIS_MNEMONIC_JRCXZ ? KIND_JRCXZ : KIND_JCC;
    int64_t to = (int64_t)g->off + i->len + op->imm.value.s;
    g->near_target = to >= 0 && to < (int64_t)RAM_PAGE;
    g->target = (uint16_t)to;
    g->target_disp = (int32_t)to;
    return to == (int32_t)to;
}

static bool classify(struct guest_insn *g, uint32_t mode)
{
    const struct insn *i = &g->insn;
    if (!note_operands(g) || (g->has_mem && !fits_disp(g)))
        return false;
    switch (i->z.meta.category) {
    case ZYDIS_CATEGORY_COND_BR:
    case ZYDIS_CATEGORY_UNCOND_BR:
    case ZYDIS_CATEGORY_CALL:
    case ZYDIS_CATEGORY_RET:
        return jump_kind(g);
    default:
        break;
    }
    if (i->mnemonic == ZYDIS_MNEMONIC_PUSH || i->mnemonic == ZYDIS_MNEMONIC_POP)
        return stack_kind(g);
    if (sys_owns(i) || string_handler(i) || rare_handler(i) || save_handler(i) || native_is_special(i))
        return false;
    if (i->mnemonic == ZYDIS_MNEMONIC_LEAVE) {
        g->kind = KIND_LEAVE;
        return !(i->z.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE);
    }
    g->kind = KIND_COPY;
    if (g->has_mem)
        return memory_kind(g) && vectors_allowed(g, mode);
    if (i->mnemonic == ZYDIS_MNEMONIC_ENTER || i->mnemonic == ZYDIS_MNEMONIC_CLD ||
        i->mnemonic == ZYDIS_MNEMONIC_STD)
        return false;
    return vectors_allowed(g, mode);
}

static bool decode(const struct decoder *d, const uint8_t *bytes, unsigned len, uint32_t mode,
                   struct insn *ret, bool *need_more)
{
    uint32_t key = 0;
    *need_more = false;
    if (d->forms && mode & MODE_LONG64 && insn_form_decode(d->forms, bytes, len, ret, &key))
        return true;
    if (d->v)
        vec_save(d->v);
    if (!insn_decode(mode, bytes, len, ret, need_more))
        return false;
    if (key)
        insn_form_learn(d->forms, key, ret);
    return true;
}

void jit_decode_at(const struct decoder *d, const uint8_t *bytes, unsigned room, unsigned off, uint32_t mode,
                   struct guest_insn *g)
{
    g->off = (uint16_t)off;
    g->has_mem = g->writes = g->vectors = g->near_target = g->loose = g->high = false;
    g->uses = g->loads = g->sets = g->address_uses = 0;
    g->groups[0] = g->groups[1] = NO_GROUP;
    g->tested = g->modified = g->killed = 0;
    g->live_in = g->live_out = FL_ARITH;
    g->insn.len = 0;
    g->kind = KIND_STEP;
    if (!decode(d, bytes, room < 15 ? room : 15, mode, &g->insn, &g->needs_more)) {
        g->insn.len = 0;
        return;
    }
    if (!classify(g, mode)) {
        g->kind = KIND_STEP;
        sys_classify(g, mode, bytes + g->insn.len, room - g->insn.len);
        return;
    }
    note_flags(g);
    note_idiom(g);
    g->faults = g->kind == KIND_MEM || g->vectors || g->insn.mnemonic == ZYDIS_MNEMONIC_DIV ||
                g->insn.mnemonic == ZYDIS_MNEMONIC_IDIV;
}

void jit_decode(const struct decoder *d, const uint8_t *page, unsigned off, uint32_t mode,
                struct guest_insn *ret)
{
    jit_decode_at(d, page + off, RAM_PAGE - off, off, mode, ret);
}

uint32_t jit_flags_wanted(const struct decoder *d, const uint8_t *page, unsigned off, uint32_t mode,
                          struct guest_insn *tmp, uint64_t *lines)
{
    uint32_t wanted = 0, open = FL_ARITH;
    for (unsigned n = 0; n < LOOK_AHEAD && open && off < RAM_PAGE; n++) {
        jit_decode(d, page, off, mode, tmp);
        if (tmp->kind == KIND_STEP)
            return wanted | open;
        *lines |= code_lines(off, tmp->insn.len);
        wanted |= tmp->tested & open;
        open &= ~tmp->killed;
        if (ends_block(tmp->kind)) {
            if (tmp->kind != KIND_JMP || !tmp->near_target)
                return wanted | open;
            off = tmp->target;
            continue;
        }
        off += tmp->insn.len;
    }
    return wanted | open;
}
