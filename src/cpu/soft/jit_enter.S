/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jit_enter: in and out of translated code. Guest registers are the host's but for r9..r11, RSP too: host
 * signals come on their own stack meanwhile (hostsig.c). Offsets are asserted in state.c, scratch slots are
 * named in jit.h. Nothing here changes guest flags but by popfq.
 */
#define GPR(n)     %gs:(8 * n)
#define RIP        %gs:0x80
#define HOST_RSP   %gs:0x98
#define SCRATCH(n) %gs:(0xa8 + 8 * n)
#define S_CODE   0
#define S_INFO   1
#define S_FLAGS  2
#define S_RETURN 3
#define S_SLOW   4

.macro function name
    .globl \name
    .hidden \name
    .type \name, @function
\name:
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
    pushfq
    popq SCRATCH(S_FLAGS)
    cld
.endm

    .text
/* unsigned jit_enter(struct vcpu *v, uint64_t code, uint64_t flags): r9 is RIP in the code. */
function jit_enter
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    push %rdi
    mov %rsp, HOST_RSP
    mov %rsi, SCRATCH(S_CODE)
    push %rdx
    popfq
    mov RIP, %r9
    load_guest
    jmp *SCRATCH(S_CODE)

/* r10 holds what the dispatcher wants to know; r9 is the target of an indirect jump. */
function jit_exit_link
    mov %r10, SCRATCH(S_INFO)
    mov $1, %r10d
    jmp leave
function jit_exit_jump
    mov %r9, RIP
    mov %r10, SCRATCH(S_INFO)
    mov $2, %r10d
    jmp leave
function jit_exit_step
    mov %r10, SCRATCH(S_INFO)
    mov $3, %r10d
    jmp leave
function jit_exit_poll
    mov %r10, SCRATCH(S_INFO)
    mov $4, %r10d
    jmp leave
function jit_exit_vec
    mov %r10, SCRATCH(S_INFO)
    mov $5, %r10d
leave:
    save_guest
    mov %r10d, %eax
return:
    pop %rdi
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

/* A memory access that the TLB does not know: r9 address, r10 where to go on, r11 what it is (jit.c). On goes
 * it with the host address in r9, or the stepper gets the instruction. */
function jit_slow
    mov %r10, SCRATCH(S_RETURN)
    mov %r11, SCRATCH(S_SLOW)
    save_guest
    mov (%rsp), %rdi
    mov %r9, %rsi
    mov %r11, %rdx
    call jit_memory
    test %rax, %rax
    jz step
    mov %rax, %r9
    pushq SCRATCH(S_FLAGS)
    popfq
    load_guest
    jmp *SCRATCH(S_RETURN)
step:
    mov SCRATCH(S_SLOW), %rcx
    mov %ecx, %edx
    and $0xfff, %edx
    mov %rdx, SCRATCH(S_INFO)
    mov $3, %eax
    mov $6, %edx
    test %ecx, %ecx /* bit 31: of a group */
    cmovs %edx, %eax
    jmp return
    .section .note.GNU-stack, "", @progbits
