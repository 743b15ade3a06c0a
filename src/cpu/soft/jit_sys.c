// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jit_sys: privileged instructions that are so frequent that the dispatcher runs them at once, without the
 * stepper's fetch and decode.
 */
#include "cpu/soft/jit.h"

unsigned jit_sys_op(const struct insn *i, uint32_t mode)
{
    (void)i, (void)mode;
    return 0;
}

bool jit_sys_run(struct vcpu *v, unsigned op, unsigned len)
{
    (void)v, (void)op, (void)len;
    return false;
}
