// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run: the loop that one CPU lives in, and how others ask something of it.
 */
#pragma once

#include "cpu/soft/soft.h"

/* Run until a request to stop, a triple fault or a failure. *e is filled for CPU_EXIT_FAILED. */
enum cpu_exit run_cpu(struct vcpu *v, struct err *e);

/* Must the loop look around before the next instruction? */
static inline bool run_is_interrupted(const struct vcpu *v)
{
    return v->request || v->halted || v->shadow || v->rflags & FL_TF || (v->ask_intc && v->rflags & FL_IF) ||
           (v->nmi_pending && !v->nmi_masked) || vcpu_watched(v);
}

/* Any thread: ask something of a CPU and wake it if it halts. */
void request(struct vcpu *v, uint32_t bits);
