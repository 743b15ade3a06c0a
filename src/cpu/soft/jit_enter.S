/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jit_enter: in and out of translated code. As step_enter.S, but r9, r10 and r11 stay in memory: they are the
 * translator's. Offsets are asserted in jit.c.
 *
 * void jit_enter(struct vcpu *v, const void *code): flags in and out by scratch[1].
 * Code leaves by a jump to jit_leave_entry, or to jit_miss_entry for a helper after which it goes on at
 * jit_retry with undefined flags.
 */
#define GPR(n)    %gs:(8 * n)
#define HOST_RSP  %gs:0x98
#define FLAGS     %gs:(0xa8 + 8)
#define SELF      %gs:0x138
#define RETRY     %gs:0x150
#define TMP(n)    %gs:(0x160 + 8 * n)

    .macro save_guest
    mov %rax, GPR(0)
    mov %rcx, GPR(1)
    mov %rdx, GPR(2)
    mov %rbx, GPR(3)
    mov %rsp, GPR(4)
    mov %rbp, GPR(5)
    mov %rsi, GPR(6)
    mov %rdi, GPR(7)
    mov %r8, GPR(8)
    mov %r12, GPR(12)
    mov %r13, GPR(13)
    mov %r14, GPR(14)
    mov %r15, GPR(15)
    mov HOST_RSP, %rsp
    .endm

    .macro load_guest
    mov GPR(0), %rax
    mov GPR(1), %rcx
    mov GPR(2), %rdx
    mov GPR(3), %rbx
    mov GPR(4), %rsp
    mov GPR(5), %rbp
    mov GPR(6), %rsi
    mov GPR(7), %rdi
    mov GPR(8), %r8
    mov GPR(12), %r12
    mov GPR(13), %r13
    mov GPR(14), %r14
    mov GPR(15), %r15
    .endm

    .text
    .globl jit_enter, jit_leave_entry, jit_miss_entry
    .hidden jit_enter, jit_leave_entry, jit_miss_entry
    .type jit_enter, @function
jit_enter:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, HOST_RSP
    mov %rsi, %r11
    pushq FLAGS
    popfq
    load_guest
    jmp *%r11

jit_leave_entry:
    save_guest
    pushfq
    popq FLAGS
leave:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

jit_miss_entry:
    mov %r9, TMP(0)
    mov %r10, TMP(1)
    mov %r11, TMP(2)
    save_guest
    mov SELF, %rdi
    sub $8, %rsp
    call jit_slow
    add $8, %rsp
    test %eax, %eax
    jz leave
    load_guest
    jmp *RETRY
    .size jit_enter, . - jit_enter
    .section .note.GNU-stack, "", @progbits
