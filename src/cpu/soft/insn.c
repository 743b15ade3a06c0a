// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * insn: Zydis' answer boiled down. Features that CPUID hides and that live in hint space (MPX, CLDEMOTE)
 * decode as the NOPs they are without them.
 */
#include "cpu/soft/insn.h"

#include "cpu/soft/copy.h"

static void init(ZydisDecoder *d, uint32_t mode)
{
    if (mode & MODE_LONG64)
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    else if (mode & MODE_CODE32)
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
    else
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
    ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
    ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_CLDEMOTE, ZYAN_FALSE);
    ZydisDecoderEnableMode(d, ZYDIS_DECODER_MODE_WBNOINVD, ZYAN_FALSE);
}

/* mod 0 and SIB base 101b mean a displacement instead of a base, REX.B or not; with 32-bit addresses
 * Zydis 4.0 takes R13D. */
static void repair_base(struct insn *i)
{
    if (i->z.address_width != 32 || !i->z.raw.sib.offset || i->z.raw.modrm.mod != 0 || i->z.raw.sib.base != 5)
        return;
    for (unsigned n = 0; n < i->z.operand_count; n++) {
        ZydisDecodedOperand *op = &i->ops[n];
        if (op->type != ZYDIS_OPERAND_TYPE_MEMORY || op->encoding != ZYDIS_OPERAND_ENCODING_MODRM_RM)
            continue;
        op->mem.base = ZYDIS_REGISTER_NONE;
        op->mem.disp.has_displacement = ZYAN_TRUE;
        op->mem.disp.value = i->z.raw.disp.value;
    }
}

bool insn_decode(uint32_t mode, const uint8_t *bytes, unsigned len, struct insn *ret, bool *ret_need_more)
{
    ZydisDecoder d;
    init(&d, mode);
    copy_bytes(ret->bytes, bytes, len); /* another CPU may write them meanwhile */
    ZyanStatus status = ZydisDecoderDecodeFull(&d, ret->bytes, len, &ret->z, ret->ops);
    *ret_need_more = status == ZYDIS_STATUS_NO_MORE_DATA || status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG;
    if (!ZYAN_SUCCESS(status))
        return false;
    repair_base(ret);
    ret->len = ret->z.length;
    ret->mnemonic = (uint16_t)ret->z.mnemonic;
    ret->op_bytes = ret->z.operand_width / 8;
    ret->addr_bytes = ret->z.address_width / 8;
    ret->stack_bytes = ret->z.stack_width / 8;
    return true;
}
