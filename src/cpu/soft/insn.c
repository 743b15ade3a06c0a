// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * insn: Zydis' answer boiled down. Features that CPUID hides and that live in hint space (MPX, CLDEMOTE)
 * decode as the NOPs they are without them.
 */
#include "cpu/soft/insn.h"

#include "cpu/soft/vcpu.h"

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

bool insn_decode(uint32_t mode, const uint8_t *bytes, unsigned len, struct insn *ret, bool *ret_need_more)
{
    ZydisDecoder d;
    init(&d, mode);
    ZyanStatus status = ZydisDecoderDecodeFull(&d, bytes, len, &ret->z, ret->ops);
    *ret_need_more = status == ZYDIS_STATUS_NO_MORE_DATA || status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG;
    if (!ZYAN_SUCCESS(status))
        return false;
    ret->len = ret->z.length;
    for (unsigned n = 0; n < ret->len; n++)
        ret->bytes[n] = bytes[n];
    ret->mnemonic = (uint16_t)ret->z.mnemonic;
    ret->op_bytes = ret->z.operand_width / 8;
    ret->addr_bytes = ret->z.address_width / 8;
    ret->stack_bytes = ret->z.stack_width / 8;
    return true;
}
