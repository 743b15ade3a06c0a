/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step_enter: in and out of a piece of native guest code. All registers but the vectors are exchanged, RSP too:
 * host signals come on their own stack meanwhile (hostsig.c).
 *
 * void step_enter(struct vcpu *v, const void *code): flags in and out by scratch[1]; the code ends with
 * jmp *gs:scratch[2].
 */
#include "cpu/soft/enter.inc"

    .text
    .globl step_enter
    .hidden step_enter
    .type step_enter, @function
step_enter:
    enter_c_stack
    mov %rsi, SCRATCH(0)
    lea leave(%rip), %rax
    mov %rax, SCRATCH(2)
    pushq SCRATCH(1)
    popfq
    load_guest
    mov GPR(9), %r9
    mov GPR(10), %r10
    mov GPR(11), %r11
    jmp *SCRATCH(0)

leave:
    mov %r9, GPR(9)
    mov %r10, GPR(10)
    mov %r11, GPR(11)
    save_guest
    pushfq
    popq SCRATCH(1)
    leave_c_stack
    .size step_enter, . - step_enter
    .section .note.GNU-stack, "", @progbits
