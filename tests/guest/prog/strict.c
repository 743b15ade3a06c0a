// SPDX-License-Identifier: GPL-2.0-or-later
/* strict: exceptions that the manuals promise and processors in software (QEMU's) do not raise. */
#include "apic.h"

#define ALL          "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "memory", "cc"
#define NONCANONICAL "0x8000000000000000"

#define HOLE "0x3ff0000"

/* Reserved bits of page tables; the window is at 16 MiB. */
static void reserved(void)
{
    volatile uint64_t *pd = (uint64_t *)0x102000, *pt = (uint64_t *)0x10c000;
    pd[8] = 0x10c007;
    pt[0] = 0x205003 | 1ul << 51;
    pd[9] = 0x402083;
    TRY("reserved", "mov 0x1000000, %%eax", : : : ALL);
    TRY("reserved write", "mov %%eax, 0x1000000", : : : ALL);
    TRY("2 MiB reserved", "mov 0x1200000, %%eax", : : : ALL);
}

static void user_code(void)
{
    TRY("user int of dpl 0", "int $0x40", : : : ALL);
    TRY("user int", "int $0x54", : : : ALL);
}

static const float zero = 0, one = 1;
static const uint32_t trapping = 0x1d00, lax = 0x1f80; /* divide by zero unmasked */

static volatile unsigned taken;
static void take(struct frame *f)
{
    taken = (unsigned)f->vector;
    apic_write(APIC_EOI, 0);
}

static void priority(void)
{
    on_interrupt = take;
    apic_on();
    apic_write(APIC_SELF, 0x61);
    WRITE_CR(8, 6);
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    say("cr8 6: %x tpr %lx\n", taken, (word)apic_read(APIC_TPR));
    WRITE_CR(8, 5);
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    say("cr8 5: %x\n", taken);
    on_interrupt = 0;
}

int main(void)
{
    tss_rsp(4, 0x90000); /* IST1: stacks are tried too */
    gate(12, stubs + 12 * 16, 0x8e, 1);
    gate(14, stubs + 14 * 16, 0x8e, 1);
    gate(0x51, stubs, 0x0e, 0);
    gate(0x52, stubs, 0x8c, 0);
    gate(0x53, stubs, 0x8e, 0);
    gate(13, stubs + 13 * 16, 0x8e, 1);
    TRY("lock on mov", ".byte 0xf0, 0x89, 0x00", : : : ALL);
    TRY("sse4a when hidden", ".byte 0xf2, 0x0f, 0x79, 0xc1", : : : ALL);
    TRY("non-canonical stack", "mov $" NONCANONICAL ", %%rbp; mov (%%rbp), %%rbx", : : : ALL, "rbp");
    TRY("non-canonical push", "mov $" NONCANONICAL ", %%rsp; push %%rax", : : : ALL);
    TRY("null stack selector", "mov $3, %%eax; mov %%eax, %%ss", : : : ALL);
    TRY("non-canonical write", "mov $0x7fffffffffff, %%rax; mov %%rbx, (%%rax)", : : : ALL);
    TRY("wrmsr lstar non-canonical",
        "mov $0xc0000082, %%ecx; xor %%eax, %%eax; mov $0x80000000, %%edx; wrmsr", : : : ALL);
    TRY("cr4 reserved", "mov %%cr4, %%rax; bts $31, %%rax; mov %%rax, %%cr4", : : : ALL);
    TRY("cr4.pae cleared", "mov %%cr4, %%rax; btr $5, %%rax; mov %%rax, %%cr4", : : : ALL);
    TRY("cr3 reserved", "mov %%cr3, %%rax; bts $55, %%rax; mov %%rax, %%cr3", : : : ALL);
    TRY("cr8 reserved", "mov $16, %%eax; mov %%rax, %%cr8", : : : ALL);
    TRY("efer reserved", "mov $0xc0000080, %%ecx; rdmsr; bts $1, %%eax; wrmsr", : : : ALL);
    TRY("efer.lme cleared", "mov $0xc0000080, %%ecx; rdmsr; btr $8, %%eax; wrmsr", : : : ALL);
    TRY("cr0.pg without pe", "mov %%cr0, %%rax; and $~1, %%rax; mov %%rax, %%cr0", : : : ALL);
    TRY("jmp far beyond", "mov $0x7fffffffffff, %%rax; jmp *%%rax", : : : ALL);
    TRY("jmp non-canonical", "mov $" NONCANONICAL ", %%rax; jmp *%%rax", : : : ALL);
    TRY("int1", ".byte 0xf1", : : : ALL);
    TRY("add to a hole", "addl $1, " HOLE, : : : ALL);
    TRY("cmpxchg of a hole", "lock cmpxchg %%ebx, " HOLE, : : : ALL);
    TRY("xchg with a hole", "mov $5, %%eax; xchg %%eax, " HOLE, : : : ALL);
    TRY("division of sse", "ldmxcsr %0; movss %1, %%xmm0; divss %2, %%xmm0; ldmxcsr %3", : : "m"(trapping),
        "m"(one), "m"(zero), "m"(lax) : ALL);
    TRY("ldmxcsr reserved", "ldmxcsr %0", : : "m"((uint32_t){0x10000}) : ALL);
    TRY("int of an absent gate", "int $0x51", : : : ALL);
    TRY("int of a bad gate", "int $0x52", : : : ALL);
    __asm__ volatile("ldmxcsr %0" : : "m"(lax));
    static const uint16_t x87_trapping = 0x37b;
    TRY("division of x87", "fninit; fldcw %0; fld1; fldz; fdivrp; fwait", : : "m"(x87_trapping) : ALL);
    TRY("later x87", "fld1", : : : ALL);
    __asm__ volatile("fninit");
    reserved();
    priority();
    WRITE_CR(4, READ_CR(4) | 1 << 16);
    TRY("wrgsbase non-canonical", "mov $1, %%rax; shl $60, %%rax; wrgsbase %%rax", : : : ALL);
    run_user(user_code);
    return 0;
}
