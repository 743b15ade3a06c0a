// SPDX-License-Identifier: GPL-2.0-or-later
/* strict32: what processors in software (QEMU's) leave out of 32-bit mode: segment limits and types; task
 * switches. */
#include "lib.h"

#define ALL "eax", "ecx", "edx", "memory", "cc"

static void descriptors(void)
{
    descriptor(0x40, 0x004093000000000full | (uint64_t)0x9c000 << 16); /* data, 16 bytes at 9c000 */
    descriptor(0x48, 0x0040970000000fffull);                           /* expand-down: above fff */
    descriptor(0x50, 0x004091000000ffffull);                           /* read-only */
    descriptor(0x58, 0x004099000000ffffull);                           /* execute-only */
    descriptor(0x60, 0x004013000000ffffull);                           /* absent */
    descriptor(0x68, 0x0040f3000000ffffull);                           /* DPL 3 */
}

static void limits(void)
{
    TRY("last byte", "mov $0x40, %%eax; mov %%eax, %%fs; movb $1, %%fs:15", : : : ALL);
    TRY("beyond", "movb $1, %%fs:16", : : : ALL);
    TRY("word across the limit", "movw $1, %%fs:15", : : : ALL);
    TRY("dword wraps", "mov $-2, %%eax; mov %%fs:(%%eax), %%ecx", : : : ALL);
    say("written %x\n", *(uint8_t *)0x9c00f);
    TRY("expand-down inside", "mov $0x48, %%eax; mov %%eax, %%fs; mov %%fs:0x9c000, %%eax", : : : ALL);
    TRY("expand-down below", "mov %%fs:0xfff, %%eax", : : : ALL);
    TRY("read-only",
        "mov $0x50, %%eax; mov %%eax, %%fs; mov %%fs:0x10, %%ecx; movb $1, %%fs:0x10", : : : ALL);
    TRY("execute-only", "mov $0x58, %%eax; mov %%eax, %%fs", : : : ALL);
    TRY("absent", "mov $0x60, %%eax; mov %%eax, %%fs", : : : ALL);
    TRY("absent stack", "mov $0x60, %%eax; mov %%eax, %%ss", : : : ALL);
    TRY("stack of dpl 3", "mov $0x68, %%eax; mov %%eax, %%ss", : : : ALL);
    TRY("null read", "xor %%eax, %%eax; mov %%eax, %%fs; mov %%fs:0, %%eax", : : : ALL);
    TRY("string beyond",
        "mov $0x40, %%eax; push %%es; mov %%eax, %%es; mov $12, %%edi; mov $8, %%ecx; cld; rep stosb", : : : "edi",
        ALL);
    say("edi %lx ecx %lx\n", trap.f.rdi, trap.f.rcx);
    __asm__ volatile("mov %0, %%es; mov %0, %%ds" : : "r"(0x10));
    uint32_t w;
    __asm__ volatile("mov $0x40, %%eax; mov %%eax, %%gs; lsl %%eax, %0" : "=r"(w) : : "eax");
    say("lsl %x\n", w);
    uint8_t ok;
    __asm__ volatile("verw %w1; setz %0" : "=q"(ok) : "r"(0x50) : "cc");
    say("verw read-only %u\n", ok);
    uint32_t sel = 0x41;
    __asm__ volatile("arpl %w2, %w0; setz %1" : "+r"(sel), "=q"(ok) : "r"(3) : "cc");
    say("arpl %x %u\n", sel, ok);
}

/* ---- tasks ---- */

static struct {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi,
        es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, map;
} other __attribute__((aligned(128)));

uint32_t task_seen[4];
void task_main(void);
__asm__("task_main: pushf; pop task_seen; mov %eax, task_seen+4; str %ecx; mov %ecx, task_seen+8; mov %esp, "
        "task_seen+12; inc %eax\n"
        "iret; add $0x100, %eax; iret; jmp task_main\n");

static void tasks(void)
{
    other.eip = (uint32_t)task_main;
    other.eflags = 2;
    other.eax = 0xa5;
    other.esp = 0x8e000;
    other.cs = 8;
    other.es = other.ss = other.ds = 0x10;
    other.map = 0x68;
    uint32_t base = (uint32_t)&other;
    descriptor(0x78, 0x67 | (uint64_t)(base & 0xffffff) << 16 | 0x89ull << 40 | (uint64_t)(base >> 24) << 56);
    descriptor(0x80, 0x78ull << 16 | 0x85ull << 40); /* task gate */
    __asm__ volatile("lcall $0x78, $0" : : : ALL);
    say("task: flags %x eax %x tr %x esp %x, left eax %x\n", task_seen[0] & 0x4000, task_seen[1],
        task_seen[2], task_seen[3], other.eax);
    __asm__ volatile("lcall $0x80, $0" : : : ALL);
    say("again by gate: eax %x, link %x\n", other.eax, other.link & 0xffff);
    uint32_t cr0 = READ_CR(0);
    say("ts %x\n", cr0 >> 3 & 1);
    __asm__ volatile("clts");
    TRY("busy task", "mov $0x28, %%eax; ltr %%ax", : : : ALL);
}

int main(void)
{
    descriptors();
    limits();
    tasks();
    return 0;
}
