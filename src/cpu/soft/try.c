// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * try: faults of the guest as non-local exits. Every C helper may raise one; only the run loop, the delivery
 * of exceptions (double faults) and probes catch them. Vectors stay where they are: __builtin_longjmp moves
 * rsp, rbp and rip only.
 */
#include "cpu/soft/soft.h"

/* Not inlined: setjmp and longjmp may not meet in one function, and nothing here lives in registers. */
__attribute__((noinline)) bool soft_try(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg), void *arg)
{
    struct fault_env env;
    env.outer = v->fault_env;
    v->fault_env = &env;
    if (__builtin_setjmp(env.regs)) {
        return false; /* unwind() has restored fault_env */
    }
    fn(v, arg);
    v->fault_env = env.outer;
    return true;
}

static _Noreturn __attribute__((noinline)) void unwind(struct vcpu *v)
{
    struct fault_env *env = v->fault_env;
    BUG_ON(!env);
    v->fault_env = env->outer;
    __builtin_longjmp(env->regs, 1);
}

void soft_fault_again(struct vcpu *v)
{
    unwind(v);
}

void soft_fault(struct vcpu *v, unsigned vector)
{
    v->exc.vector = (uint8_t)vector;
    v->exc.has_error = false;
    v->exc.error = 0;
    v->exc.addr = 0;
    unwind(v);
}

void soft_fault_code(struct vcpu *v, unsigned vector, uint32_t error)
{
    v->exc.vector = (uint8_t)vector;
    v->exc.has_error = true;
    v->exc.error = error;
    v->exc.addr = 0;
    unwind(v);
}

void soft_page_fault(struct vcpu *v, uint64_t va, uint32_t error)
{
    v->exc.vector = EXC_PF;
    v->exc.has_error = true;
    v->exc.error = error;
    v->exc.addr = va;
    unwind(v);
}
