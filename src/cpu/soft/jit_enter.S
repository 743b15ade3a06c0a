/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jit_enter: in and out of translated code. r9, r10 and r11 stay in memory: they are the translator's. Offsets are
 * asserted in jit.c.
 *
 * void jit_enter(struct vcpu *v, const void *code): code is a block's entry; flags in by jit_flags, out by
 * scratch[1], both as LAHF and SETO AL leave them in AX.
 * Code leaves by a jump to jit_leave_entry, or to jit_miss_entry for a helper after which it goes on at
 * jit_retry with r9 to r11 as they were and undefined flags (or at another block's entry), or to jit_call_entry for one that says which block's
 * entry is next.
 */
#include "cpu/soft/enter.inc"

#define RIP    %gs:0x80
#define SELF   %gs:0x138
#define RETRY  %gs:0x150
#define TMP(n) %gs:(0x160 + 8 * n)

    .text
    .globl jit_enter, jit_leave_entry, jit_miss_entry, jit_call_entry
    .hidden jit_enter, jit_leave_entry, jit_miss_entry, jit_call_entry
    .type jit_enter, @function
jit_enter:
    enter_c_stack
    mov %rsi, %r11
    mov RIP, %r9
    load_guest
    jmp *%r11

jit_leave_entry:
    mov %rax, GPR(0)
    lahf
    seto %al
    mov %rax, SCRATCH(1)
    mov GPR(0), %rax
    save_guest
leave:
    leave_c_stack

jit_miss_entry:
    mov %r9, TMP(0)
    mov %r10, TMP(1)
    mov %r11, TMP(2)
    save_guest
    mov SELF, %rdi
    sub $8, %rsp
    call jit_slow
    add $8, %rsp
    cmp $1, %eax
    jb leave
    mov RIP, %r9
    load_guest
    ja 1f
    mov TMP(0), %r9
    mov TMP(1), %r10
    mov TMP(2), %r11
1:  jmp *RETRY

jit_call_entry:
    save_guest
    mov SELF, %rdi
    sub $8, %rsp
    call jit_call
    add $8, %rsp
    mov %rsp, HOST_RSP /* step_enter uses it, too */
    mov %rax, %r11
    test %rax, %rax
    jz leave
    mov RIP, %r9
    load_guest
    jmp *%r11
    .size jit_enter, . - jit_enter
    .section .note.GNU-stack, "", @progbits
