// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * insn_form: decoding without Zydis what Zydis has decoded before. Instructions with the same prefixes,
 * opcode and kind of operands differ in register numbers, displacement and immediate only: the first of a
 * form is kept, the others are made from it. For 64-bit code and the plain part of the instruction set.
 * Touches no vectors. Threads: one at a time.
 */
#pragma once

#include "cpu/soft/insn.h"

struct insn_forms;
#define INSN_FORMS_BYTES (1u << 20) /* zeros; touched as forms are learned */

/* Decode; false: not of a known form. *ret_key is what to learn it by if it is one that can be, else 0. */
bool insn_form_decode(const struct insn_forms *f, const uint8_t *bytes, unsigned len, struct insn *ret,
                      uint32_t *ret_key);
/* An instruction as insn_decode gave it. */
void insn_form_learn(struct insn_forms *f, uint32_t key, const struct insn *i);
