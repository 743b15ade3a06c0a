// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * arch: bits of control registers, page tables, descriptors, and the numbers of MSRs.
 * Source: Intel SDM vol. 3A, 2.5 (control registers), 3.4.5 (descriptors), 4 (paging), vol. 4 (MSRs); AMD APM
 * vol. 2, 3.1.
 */
#pragma once

#define CR0_PE (1u << 0)
#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_ET (1u << 4)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)

#define CR4_VME        (1u << 0)
#define CR4_PVI        (1u << 1)
#define CR4_TSD        (1u << 2)
#define CR4_DE         (1u << 3)
#define CR4_PSE        (1u << 4)
#define CR4_PAE        (1u << 5)
#define CR4_MCE        (1u << 6)
#define CR4_PGE        (1u << 7)
#define CR4_PCE        (1u << 8)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP       (1u << 11)
#define CR4_FSGSBASE   (1u << 16)
#define CR4_OSXSAVE    (1u << 18)
#define CR4_SMEP       (1u << 20)
/* What the CPU shown by cpuid.c has; others fault when set. */
#define CR4_GUEST                                                                                            \
    (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_OSFXSR |   \
     CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_OSXSAVE | CR4_SMEP)

#define EFER_SCE   (1u << 0)
#define EFER_LME   (1u << 8)
#define EFER_LMA   (1u << 10)
#define EFER_NXE   (1u << 11)
#define EFER_FFXSR (1u << 14)

#define XCR0_X87 (1u << 0)
#define XCR0_SSE (1u << 1)
#define XCR0_AVX (1u << 2)

#define DR6_FIXED 0xffff0ff0u
#define DR6_BS    (1u << 14)
#define DR6_BD    (1u << 13)
#define DR7_FIXED 0x400u
#define DR7_GD    (1u << 13)

#define PTE_P  (1ull << 0)
#define PTE_W  (1ull << 1)
#define PTE_U  (1ull << 2)
#define PTE_A  (1ull << 5)
#define PTE_D  (1ull << 6)
#define PTE_PS (1ull << 7)
#define PTE_G  (1ull << 8)
#define PTE_NX (1ull << 63)

/* Page fault error code. */
#define PF_P    (1u << 0)
#define PF_W    (1u << 1)
#define PF_U    (1u << 2)
#define PF_RSVD (1u << 3)
#define PF_I    (1u << 4)

/* struct seg's attr. */
#define ATTR_TYPE     0x000fu
#define ATTR_S        0x0010u /* code or data */
#define ATTR_DPL      0x0060u
#define ATTR_P        0x0080u
#define ATTR_AVL      0x1000u
#define ATTR_L        0x2000u
#define ATTR_DB       0x4000u
#define ATTR_G        0x8000u
#define TYPE_ACCESSED 1u
#define TYPE_WRITE    2u /* data */
#define TYPE_READ     2u /* code */
#define TYPE_DOWN     4u /* data */
#define TYPE_CONFORM  4u /* code */
#define TYPE_CODE     8u

/* System descriptor types. */
enum {
    SYS_TSS16 = 1,
    SYS_LDT = 2,
    SYS_TSS16_BUSY = 3,
    SYS_CALL16 = 4,
    SYS_TASK_GATE = 5,
    SYS_INT16 = 6,
    SYS_TRAP16 = 7,
    SYS_TSS32 = 9,
    SYS_TSS32_BUSY = 11,
    SYS_CALL32 = 12,
    SYS_INT32 = 14,
    SYS_TRAP32 = 15
};
