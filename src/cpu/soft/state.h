// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state: what putting a CPU's state in and out needs of the other parts.
 */
#pragma once

#include "cpu/soft/soft.h"

/* RFLAGS bits that exist. */
#define FL_GUEST (FL_ARITH | FL_TF | FL_IF | FL_DF | FL_IOPL | FL_NT | FL_RF | FL_VM | FL_AC | FL_ID)

/* The MSRs that make up the state, in the order in which they can be set. */
const uint32_t *msr_saved(unsigned *ret_nr);
/* The same as msr_write, also of what a guest may not write; unknown ones are left out. */
void msr_restore(struct vcpu *v, uint32_t msr, uint64_t val);

bool xcr0_valid(const struct vcpu *v, uint64_t val);
/* IA32_APIC_BASE changed, or may have: find the page of the registers again. */
void apic_base_changed(struct vcpu *v);
