// SPDX-License-Identifier: GPL-2.0-or-later
/* micro_aml: the compiled DSDT, as iasl wrote it, inside the program. */
	.section .rodata
	.globl micro_aml, micro_aml_end
	.balign 16
micro_aml:
	.incbin MICRO_AML
micro_aml_end:
	.section .note.GNU-stack, "", @progbits
