/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * start: from real mode at 0:8000 to main() in 64-bit mode, or (BITS32) 32-bit protected mode without paging.
 *
 *   1000..6fff  text the program prints (length first)    7000..  start of further CPUs
 *   8000..      the program    80000  stack    88000  stack of interrupts from user mode    8c000 user stack
 *   90000, 98000..  stacks of IST1, further CPUs           100000..  page tables    200000..  free
 */
#ifdef BITS32
#define SEL_CODE32 0x08
#else
#define SEL_CODE32 0x30
#endif
    .code16
    .section .start, "ax"
    .globl _start
_start:
    cli
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x8000, %sp
    lgdtl gdt_pointer
    mov %cr0, %eax
    or $1, %eax
    mov %eax, %cr0
    ljmpl $SEL_CODE32, $protected

    .code32
protected:
    mov $0x10, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x80000, %esp
    mov $__bss_start, %edi
    mov $__bss_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    rep stosb
#ifdef BITS32
    call setup
    call main
    push %eax
    call leave
#else
    /* 16 MiB of 4 KiB pages, identity, and the upper half's last GiB alike. */
    mov $0x100000, %edi
    mov $0xb000 / 4, %ecx
    rep stosl
    movl $0x101007, 0x100000
    movl $0x102007, 0x101000
    movl $0x101007, 0x100ff8
    movl $0x102007, 0x101ff0
    mov $0x102000, %edi
    mov $0x103007, %eax
    mov $8, %ecx
1:  mov %eax, (%edi)
    add $8, %edi
    add $0x1000, %eax
    loop 1b
    mov $0x103000, %edi
    mov $0x7, %eax
    mov $4096, %ecx
1:  mov %eax, (%edi)
    add $8, %edi
    add $0x1000, %eax
    loop 1b
    call enter_long
    .code64
    call setup
    call main
    mov %eax, %edi
    call leave

/* Called in 32-bit code, returns in 64-bit code. */
    .code32
    .globl enter_long
enter_long:
    pop %ebx
    mov %cr4, %eax
    or $0x620, %eax /* PAE, OSFXSR, OSXMMEXCPT */
    mov %eax, %cr4
    mov $0x100000, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx
    rdmsr
    or $0x901, %eax /* SCE, LME, NXE */
    wrmsr
    mov %cr0, %eax
    and $~0x4, %eax
    or $0x80010022, %eax /* PG, WP, NE, MP */
    mov %eax, %cr0
    ljmpl $0x08, $1f
    .code64
1:  mov %ebx, %ebx
    jmp *%rbx
#endif

    .data
    .balign 16
    .globl gdt, gdt_pointer
gdt:
    .quad 0
#ifdef BITS32
    .quad 0x00cf9b000000ffff /* 08 code */
    .quad 0x00cf93000000ffff /* 10 data */
    .quad 0x00cffb000000ffff /* 18 user code */
    .quad 0x00cff3000000ffff /* 20 user data */
    .quad 0                  /* 28 TSS */
    .quad 0x00009b000000ffff /* 30 16-bit code, base 0 */
    .quad 0x000093000000ffff /* 38 16-bit data, base 0 */
#else
    .quad 0x00af9b000000ffff /* 08 code */
    .quad 0x00cf93000000ffff /* 10 data */
    .quad 0x00cffb000000ffff /* 18 user code, 32 bit */
    .quad 0x00cff3000000ffff /* 20 user data */
    .quad 0x00affb000000ffff /* 28 user code */
    .quad 0x00cf9b000000ffff /* 30 code, 32 bit */
    .quad 0, 0               /* 38 TSS */
#endif
    .fill 24, 8, 0 /* the programs' own, from selector 40 or 48 on */
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .quad gdt

    .text
    .macro stub vector
    .balign 16
    .if \vector == 8 || (\vector >= 10 && \vector <= 14) || \vector == 17
    .else
    push $0
    .endif
    push $\vector
    jmp common
    .endm
    .balign 16
    .globl stubs
stubs:
    .set n, 0
    .rept 256
    stub n
    .set n, n + 1
    .endr

#ifdef BITS32
common:
    pusha
    push %ds
    push %es
    mov $0x10, %eax
    mov %eax, %ds
    mov %eax, %es
    lea 8(%esp), %eax
    push %eax
    cld
    call on_trap
    add $4, %esp
    pop %es
    pop %ds
    popa
    add $8, %esp
    iret
#else
common:
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, %rdi
    cld
    call on_trap
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rbp
    pop %rbx
    pop %rdx
    pop %rcx
    pop %rax
    add $16, %rsp
    iretq
#endif
    .section .note.GNU-stack, "", @progbits
