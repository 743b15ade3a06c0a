// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe_guest: what the throw-away machine runs, at 0x3000, in 64-bit mode, ring 0, paging on.
 * It tells each stage that it got through on port 0x80 and ends with HLT. Position independent.
 */
	.section .rodata
	.globl probe_guest, probe_guest_end, probe_guest_int3
	.balign 16
probe_guest:
	mov	$1, %al			/* 1: code runs */
	out	%al, $0x80
	mov	$50000, %ecx		/* 2: ring 0 at speed, interrupt flag included */
1:	cli
	pushfq
	pop	%rdx
	dec	%ecx
	jnz	1b
	mov	$2, %al
	out	%al, $0x80
	lea	0x4000, %rdi		/* 3: CMPXCHG16B */
	xor	%eax, %eax
	xor	%edx, %edx
	mov	$0x1234, %ebx
	mov	$0x5678, %ecx
	lock cmpxchg16b (%rdi)
	jnz	dead
	cmpq	$0x5678, 8(%rdi)
	jne	dead
	mov	$3, %al
	out	%al, $0x80
	lea	0x5000, %rdi		/* 4: XSAVE and XRSTOR of x87 and SSE state */
	mov	$3, %eax
	xor	%edx, %edx
	xsave64	(%rdi)
	xrstor64 (%rdi)
	mov	$4, %al
	out	%al, $0x80
	int3				/* 5: an exception, through the IDT, on a stack */
	cmp	$5, %al
	jne	dead
	out	%al, $0x80
	mov	$0x175, %ecx		/* 6: an MSR keeps what is written */
	mov	$0xcafe, %eax
	xor	%edx, %edx
	wrmsr
	xor	%eax, %eax
	rdmsr
	cmp	$0xcafe, %eax
	jne	dead
	mov	$6, %al
	out	%al, $0x80
	hlt
dead:	mov	$0xff, %al
	out	%al, $0x80
	hlt
probe_guest_int3:
	mov	$5, %al
	iretq
probe_guest_end:
	.section .note.GNU-stack, "", @progbits
