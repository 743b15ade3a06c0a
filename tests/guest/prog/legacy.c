// SPDX-License-Identifier: GPL-2.0-or-later
/* legacy: 32-bit protected mode: privileges, gates, 2-level and PAE paging, 16-bit and real-mode code, the
 * instructions that 64-bit mode lacks. */
#include "lib.h"

#define ALL "eax", "ecx", "edx", "memory", "cc"

static void decimal(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 65536; i += 37) {
        uint32_t a = i, f;
#define ADJUST(insn)                                                                                         \
    a = i;                                                                                                   \
    __asm__ volatile("add $0x35, %b0; " insn "; pushf; pop %1" : "+a"(a), "=r"(f) : : "cc");                 \
    sum = sum * 31 + a + (f & 0x55)
        ADJUST("daa");
        ADJUST("das");
#undef ADJUST
#define ADJUST(insn)                                                                                         \
    a = i;                                                                                                   \
    __asm__ volatile("add $0x35, %b0; " insn "; pushf; pop %1" : "+a"(a), "=r"(f) : : "cc");                 \
    sum = sum * 31 + a + (f & 0x11)
        ADJUST("aaa");
        ADJUST("aas");
#undef ADJUST
#define ADJUST(insn)                                                                                         \
    a = i;                                                                                                   \
    __asm__ volatile(insn "; pushf; pop %1" : "+a"(a), "=r"(f) : : "cc");                                    \
    sum = sum * 31 + a + (f & 0xc4)
        ADJUST("aam");
        ADJUST("aad");
        ADJUST("aam $7");
    }
    say("decimal %x\n", sum);
    TRY("aam 0", "aam $0", : : : ALL);
    TRY("into", "mov $0x7fffffff, %%eax; inc %%eax; into", : : : ALL);
    TRY("into without of", "xor %%eax, %%eax; into", : : : ALL);
    static const int32_t range[2] = {-5, 100};
    TRY("bound inside", "mov $-5, %%eax; bound %%eax, %0", : : "m"(range) : ALL);
    TRY("bound outside", "mov $101, %%eax; bound %%eax, %0", : : "m"(range) : ALL);
    uint32_t a, b;
    __asm__ volatile("stc; .byte 0xd6; movzx %%al, %0; clc; .byte 0xd6; movzx %%al, %1"
                     : "=c"(a), "=d"(b)
                     :
                     : "eax", "cc");
    say("salc %x %x\n", a, b);
    __asm__ volatile("mov %%esp, %%edx; pusha; mov 12(%%esp), %0; sub %%edx, %0; movl $0x77, 28(%%esp); "
                     "popa; mov %%eax, %1"
                     : "=&c"(a), "=&b"(b)
                     :
                     : "eax", "edx", "memory");
    say("pusha esp %x, popa eax %x\n", a, b);
    __asm__ volatile("mov $0x12345678, %%eax; incw %%ax; dec %%ah; .byte 0x40; mov %%eax, %0"
                     : "=r"(a)
                     :
                     : "eax", "cc");
    say("inc %x\n", a);
    __asm__ volatile("movl $0xcafe, 0x9c100; movl $0x10, 0x9c104; lfs 0x9c100, %0; mov %%fs, %1"
                     : "=r"(a), "=r"(b)
                     :
                     : "memory");
    say("lfs %x %x\n", a, b);
    __asm__ volatile("mov $0x9c100, %%ebx; mov $4, %%al; xlat; movzx %%al, %0"
                     : "=r"(a)
                     :
                     : "eax", "ebx", "memory");
    say("xlat %x\n", a);
}

/* 16-bit code and addresses in protected mode, then real mode and back. */
extern uint8_t real_code[];
__asm__(
    ".code16\n"
    "real_code:\n" /* called from 32-bit code by far call to selector 30 */
    "mov $0x1234, %ax; add $0xf000, %ax; mov $0xffff, %bx; lea 2(%bx), %cx; movzx %cx, %ecx\n"
    "mov %eax, sixteen; mov %ecx, sixteen + 4\n"
    "mov $0x38, %ax; mov %ax, %ss; mov %ax, %ds; mov %ax, %es\n"
    "mov %cr0, %eax; and $~1, %eax; mov %eax, %cr0; ljmp $0, $1f\n"
    "1: xor %ax, %ax; mov %ax, %ds; mov %ax, %es; mov %ax, %ss\n"
    "mov %esp, save_esp; mov $0x7f00, %sp\n"
    "lidtl real_idt\n"
    "movw $handler, 0x60 * 4; movw $0, 0x60 * 4 + 2\n"
    "movw $divide, 0; movw $0, 2\n"
    "mov $7, %ax; int $0x60; mov %ax, sixteen + 8\n"
    "xor %cx, %cx; div %cx\n"
    "divided: mov %ax, sixteen + 12\n"
    "mov $0xffff, %ax; mov %ax, %es; mov $0x10, %bx; movl %es:(%bx), %eax; mov %eax, sixteen + 16\n" /* 100000
                                                                                                      */
    "pushfl; popl sixteen + 20\n"
    "mov $0xfffe, %di; mov $0x9000, %ax; mov %ax, %es; mov $4, %cx; mov $0xab, %al; cld; rep stosb\n" /* wraps
                                                                                                       */
    "mov %di, sixteen + 24\n"
    "call 2f; 2: pop %ax; sub $2b, %ax; mov %ax, sixteen + 28\n"
    "mov save_esp, %esp\n"
    "lidtl idt_pointer\n"
    "mov %cr0, %eax; or $1, %eax; mov %eax, %cr0; ljmpl $8, $3f\n"
    "handler: inc %ax; iret\n"
    "divide: mov %sp, %bp; movw $divided, (%bp); mov $0x55, %ax; iret\n"
    ".code32\n"
    "3: mov $0x10, %eax; mov %eax, %ds; mov %eax, %es; mov %eax, %ss\n"
    "ret\n"
    "real_idt: .word 0x3ff; .long 0\n");
uint32_t sixteen[8];
uint32_t save_esp;

static void real_mode(void)
{
    *(uint32_t *)0x100000 = 0xfeedface;
    __asm__ volatile("push %%ebx; push %%ebp; push %%esi; push %%edi; push $1f; ljmp $0x30, $real_code\n"
                     "1: pop %%edi; pop %%esi; pop %%ebp; pop %%ebx"
                     :
                     :
                     : ALL);
    say("16-bit %x %x, int %x, div %x, a20 %x, flags %x, di %x, call %x\n", sixteen[0], sixteen[1],
        sixteen[2], sixteen[3], sixteen[4], sixteen[5] & 0x3f02, sixteen[6], sixteen[7]);
    say("wrapped %x %x\n", *(uint16_t *)0x9fffe, *(uint16_t *)0x90000);
}

/* ---- privileges ---- */

static uint32_t seen[8];
void gate_target(void);
__asm__("gate_target: mov %cs, %eax; mov %eax, %ss:gate_seen; mov %esp, %ss:gate_seen+4; mov (%esp), %eax; "
        "mov %eax, %ss:gate_seen+8;"
        "mov 4(%esp), %eax; mov %eax, %ss:gate_seen+12; mov 8(%esp), %eax; mov %eax, %ss:gate_seen+16; mov "
        "12(%esp), %eax;"
        "mov %eax, %ss:gate_seen+20; mov 20(%esp), %eax; mov %eax, %ss:gate_seen+24; lret $8\n");
uint32_t gate_seen[8];

static void user_code(void)
{
    uint32_t esp, after;
    __asm__ volatile("mov %%esp, %0; push $0x11; push $0x22; lcall $0x70, $0; mov %%esp, %1"
                     : "=&S"(esp), "=D"(after)
                     :
                     : "eax", "memory");
    say("call gate: cs %x esp %x ret cs %x params %x %x outer ss %x, balance %x\n", gate_seen[0],
        gate_seen[1], gate_seen[3], gate_seen[4], gate_seen[5], gate_seen[6], esp - after);
    TRY("user kernel segment", "mov $0x10, %%eax; mov %%eax, %%fs", : : : ALL);
    TRY("user conforming null", "xor %%eax, %%eax; mov %%eax, %%ss", : : : ALL);
    TRY("user in", "in $0x60, %%al", : : : ALL);
    TRY("user in allowed", "in $0xf8, %%al", : : : ALL);
    TRY("user in of 4 allowed", "in $0xf8, %%eax", : : : ALL);
    TRY("user in half allowed", "mov $0xfc, %%edx; in %%dx, %%ax", : : : ALL);
    TRY("user int 0x41", "int $0x41", : : : ALL);
    TRY("user far jmp to kernel", "ljmp $8, $0x8000", : : : ALL);
    TRY("user jmp through gate", "ljmp $0x70, $0", : : : ALL);
    TRY("user cli", "cli", : : : ALL);
    TRY("user pushf popf",
        "pushf; orl $0x3200, (%%esp); popf; pushf; pop %%eax; and $0x3200, %%eax; ud2", : : : ALL);
    say("flags %lx\n", trap.f.rax);
    __asm__ volatile("sysenter_from: mov $1f, %%edx; mov %%esp, %%ecx; sysenter\n1:" : : : ALL);
    say("sysenter: cs %x ss %x esp %x\n", seen[0], seen[1], seen[2]);
}

void on_sysenter(void);
__asm__("on_sysenter: mov %cs, %eax; mov %eax, %ss:enter_seen; mov %ss, %eax; mov %eax, %ss:enter_seen+4; "
        "mov %esp, %ss:enter_seen+8; sysexit\n");
uint32_t enter_seen[4];

static void privileges(void)
{
    uint32_t to = (uint32_t)gate_target;
    descriptor(0x70, (to & 0xffff) | 8ull << 16 | 2ull << 32 | 0xecull << 40 | (uint64_t)(to >> 16) << 48);
    tss[0x68 + 0xf8 / 8] = 0xf0; /* ports f8..fb */
    wrmsr(0x174, 8);
    wrmsr(0x175, 0x8f000);
    wrmsr(0x176, (uint32_t)on_sysenter);
    run_user(user_code);
    memcpy(seen, enter_seen, sizeof(enter_seen));
    say("sysenter: cs %x ss %x esp %x\n", seen[0], seen[1], seen[2]);
}

/* ---- paging ---- */

static volatile uint32_t *const pd = (uint32_t *)0x300000, *const pt = (uint32_t *)0x301000;

static void two_level(void)
{
    memset((void *)0x300000, 0, 0x2000);
    for (unsigned i = 0; i < 4; i++)
        pd[i] = i << 22 | 0x87; /* 4 MiB pages */
    pd[0x100] = 0x301007;
    pt[0] = 0x400007;
    pt[1] = 0x401005;
    pt[2] = 0x402003;
    WRITE_CR(4, READ_CR(4) | 0x10);
    WRITE_CR(3, 0x300000);
    WRITE_CR(0, READ_CR(0) | 0x80010000);
    *(volatile uint32_t *)0x40000000 = 0x22;
    say("2-level: %x pte %x pde %x\n", *(uint32_t *)0x400000, pt[0], pd[0x100]);
    TRY("read-only", "mov %%eax, 0x40001000", : : : ALL);
    TRY("absent", "mov 0x40003000, %%eax", : : : ALL);
    TRY("absent table", "mov 0x50000000, %%eax", : : : ALL);
    say("4 MiB: %x\n", pd[1]);
    WRITE_CR(0, READ_CR(0) & 0x7fffffff);
}

static void pae(void)
{
    volatile uint64_t *pdpt = (uint64_t *)0x310000, *dir = (uint64_t *)0x311000, *high = (uint64_t *)0x312000,
                      *table = (uint64_t *)0x313000;
    memset((void *)0x310000, 0, 0x4000);
    pdpt[0] = 0x311001;
    pdpt[1] = 0x312001;
    for (unsigned i = 0; i < 8; i++)
        dir[i] = (uint64_t)i << 21 | 0x87;
    high[0] = 0x313007;
    table[0] = 0x400007;
    table[1] = 0x401007 | 1ull << 63;
    *(uint8_t *)0x401000 = 0xc3;
    *(uint8_t *)0x400010 = 0xc3;
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 0x800);
    WRITE_CR(4, READ_CR(4) | 0x20);
    WRITE_CR(3, 0x310000);
    WRITE_CR(0, READ_CR(0) | 0x80010000);
    *(volatile uint32_t *)0x40000000 = 0x33;
    say("pae: %x pte %x pde %x\n", *(uint32_t *)0x400000, (uint32_t)table[0], (uint32_t)high[0]);
    TRY("run", "mov $0x40000010, %%eax; call *%%eax", : : : ALL);
    TRY("nx", "mov $0x40001000, %%eax; call *%%eax", : : : ALL);
    TRY("read nx", "mov 0x40001000, %%eax", : : : ALL);
    TRY("absent", "mov 0x80000000, %%eax", : : : ALL);
    WRITE_CR(0, READ_CR(0) & 0x7fffffff);
    WRITE_CR(4, READ_CR(4) & ~0x20ul);
    memset((void *)0x310000, 0, 0x1000); /* are PDPTEs marked as used? */
}

int main(void)
{
    decimal();
    real_mode();
    privileges();
    two_level();
    pae();
    return 0;
}
