// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * operand: registers and memory as an instruction names them. Nothing here calls Zydis: guest vectors may be
 * live.
 */
#pragma once

#include "cpu/soft/insn.h"
#include "cpu/soft/soft.h"

/* Number of a general register; *ret_shift is 8 for AH, CH, DH, BH. 16 for what is none (rip too). */
unsigned operand_gpr(ZydisRegister r, unsigned *ret_bytes, unsigned *ret_shift);
unsigned operand_seg(ZydisRegister r); /* SEG_*, of ES..GS */

uint64_t gpr_read(const struct vcpu *v, unsigned reg, unsigned bytes);
void gpr_write(struct vcpu *v, unsigned reg, unsigned bytes, uint64_t val); /* 4 bytes clear the upper half */

/* Offset in its segment, cut to the address size; linear address with all checks. */
uint64_t operand_offset(const struct vcpu *v, const struct insn *i, const ZydisDecodedOperand *op);
uint64_t operand_linear(struct vcpu *v, const struct insn *i, const ZydisDecodedOperand *op, unsigned size,
                        enum access access);
/* Register, memory or immediate of `bytes` bytes (up to 8). Faults. */
uint64_t operand_read(struct vcpu *v, const struct insn *i, const ZydisDecodedOperand *op, unsigned bytes);
void operand_write(struct vcpu *v, const struct insn *i, const ZydisDecodedOperand *op, unsigned bytes,
                   uint64_t val);
