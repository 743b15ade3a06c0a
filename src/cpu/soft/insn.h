// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * insn: one decoded instruction: what the stepper and the translator need of Zydis' answer, and the
 * bit positions for re-encoding it by patching.
 */
#pragma once

#include <Zydis/Zydis.h>
#include <stdbool.h>
#include <stdint.h>

struct insn {
    uint8_t bytes[15];
    uint8_t len;
    uint16_t mnemonic;  /* ZydisMnemonic */
    uint8_t op_bytes;   /* effective operand size: 2, 4, 8 (1 for byte forms is in ops) */
    uint8_t addr_bytes; /* 2, 4, 8 */
    uint8_t stack_bytes;
    ZydisDecodedInstruction z;
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT]; /* explicit and hidden */
};

/* Its bytes; 16 are written. */
static inline void insn_copy(uint8_t *to, const struct insn *i)
{
    typedef uint64_t loose __attribute__((aligned(1), may_alias));
    *(loose *)(void *)to = *(const loose *)(const void *)i->bytes;
    *(loose *)(void *)(to + 8) = *(const loose *)(const void *)(i->bytes + 8);
}

/* mode: MODE_LONG64, MODE_CODE32 as in vcpu.h. false: not a valid instruction (#UD), or longer than
 * len, which may be all the 15 bytes that one can have (*ret_need_more). Calls Zydis: guest vectors must be
 * saved. */
bool insn_decode(uint32_t mode, const uint8_t *bytes, unsigned len, struct insn *ret, bool *ret_need_more);
