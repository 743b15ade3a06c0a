/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step_enter: in and out of a piece of native guest code. All registers but the vectors are exchanged, RSP too:
 * host signals come on their own stack meanwhile (hostsig.c). Offsets are asserted in state.c.
 *
 * void step_enter(struct vcpu *v, const void *code): flags in and out by scratch[1]; the code ends with
 * jmp *gs:scratch[2].
 */
#define GPR(n)     %gs:(8 * n)
#define HOST_RSP   %gs:0x98
#define SCRATCH(n) %gs:(0xa8 + 8 * n)

    .text
    .globl step_enter
    .hidden step_enter
    .type step_enter, @function
step_enter:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, HOST_RSP
    mov %rsi, SCRATCH(0)
    lea leave(%rip), %rax
    mov %rax, SCRATCH(2)
    pushq SCRATCH(1)
    popfq
    mov GPR(0), %rax
    mov GPR(1), %rcx
    mov GPR(2), %rdx
    mov GPR(3), %rbx
    mov GPR(4), %rsp
    mov GPR(5), %rbp
    mov GPR(6), %rsi
    mov GPR(7), %rdi
    mov GPR(8), %r8
    mov GPR(9), %r9
    mov GPR(10), %r10
    mov GPR(11), %r11
    mov GPR(12), %r12
    mov GPR(13), %r13
    mov GPR(14), %r14
    mov GPR(15), %r15
    jmp *SCRATCH(0)

leave:
    mov %rax, GPR(0)
    mov %rcx, GPR(1)
    mov %rdx, GPR(2)
    mov %rbx, GPR(3)
    mov %rsp, GPR(4)
    mov %rbp, GPR(5)
    mov %rsi, GPR(6)
    mov %rdi, GPR(7)
    mov %r8, GPR(8)
    mov %r9, GPR(9)
    mov %r10, GPR(10)
    mov %r11, GPR(11)
    mov %r12, GPR(12)
    mov %r13, GPR(13)
    mov %r14, GPR(14)
    mov %r15, GPR(15)
    mov HOST_RSP, %rsp
    pushfq
    popq SCRATCH(1)
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
    .size step_enter, . - step_enter
    .section .note.GNU-stack, "", @progbits
