// SPDX-License-Identifier: GPL-2.0-or-later
/* system: ways between privileges and code sizes: syscall, sysret, iret, far transfers, call gates, IST,
 * swapgs. */
#include "lib.h"

#define ALL "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "memory", "cc"

word seen[8];

void on_syscall(void);
__asm__("on_syscall:\n"
        "mov %rcx, seen; mov %r11, seen+8; mov %rsp, seen+16; pushf; pop seen+24; mov %cs, seen+32; mov %ss, "
        "seen+40\n"
        "mov seen+16, %rsp; sysretq\n");
void on_syscall32(void);
__asm__("on_syscall32:\n"
        "mov %rcx, seen; mov %r11, seen+8; mov %cs, seen+32; mov %ss, seen+40; sysretl\n");

static void user_syscall(void)
{
    word flags, cs, ss;
    __asm__ volatile("stc; std; mov $0x77, %%eax; syscall; pushf; cld; pop %0; mov %%cs, %1; mov %%ss, %2"
                     : "=b"(flags), "=d"(cs), "=S"(ss)
                     :
                     : "rax", "rcx", "r11", "memory", "cc");
    say("back: flags %lx cs %lx ss %lx\n", flags, cs, ss);
    say("handler: r11 %lx flags %lx cs %lx ss %lx\n", seen[1], seen[3] & 0x700, seen[4], seen[5]);
}

/* 32-bit code at CPL 3 by iret, and back by int 0x80. */
extern uint8_t compat_code[], compat_return[];
__asm__(".code32\n"
        "compat_code:\n"
        "mov $0x12345678, %eax; inc %eax; push %eax; pop %ebx; lea 4(%esp), %ecx; mov %cs, %edx\n"
        "movl $0xffffffff, %esi; add $2, %esi\n" /* wraps at 32 bits */
        "mov $0x9c000, %edi; mov %eax, -4(%edi); pusha; popa\n"
        "syscall\n"
        "mov %cs, %ebp\n"
        "int $0x81\n"
        ".code64\n");

static struct frame last;
word kernel_rsp;
static void back(struct frame *f)
{
    memcpy(&last, f, sizeof(last));
    f->rip = (word)compat_return;
    f->cs = 8;
    f->ss = 0x10;
    f->rsp = kernel_rsp;
    f->flags = 2;
}

static void compat(void)
{
    wrmsr(0xc0000083, (word)on_syscall32);
    on_interrupt = back;
    __asm__ volatile("mov $0x23, %%eax; mov %%eax, %%ds; mov %%eax, %%es; push %%rbp; mov %%rsp, kernel_rsp; "
                     "push $0x23; push $0x8b000; push $2; push $0x1b; "
                     "push $compat_code;"
                     "iretq\ncompat_return: pop %%rbp"
                     :
                     :
                     : ALL, "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15");
    on_interrupt = 0;
    say("compat: eax %lx ebx %lx ecx %lx edx %lx esi %lx ebp %lx esp %lx stored %x\n", last.rax, last.rbx,
        last.rcx, last.rdx, last.rsi, last.rbp, last.rsp, *(uint32_t *)(0x9c000 - 4));
    say("syscall from compat: cs %lx ss %lx\n", seen[4], seen[5]);
}

/* Far transfers within the kernel: to 32-bit code and back; a call gate from user mode. */
static void far_transfers(void)
{
    word a, b;
    __asm__ volatile("mov %%rsp, %%rbx; push $0x30; push $1f; lretq\n"
                     ".code32\n"
                     "1: mov $0xffffffff, %%eax; inc %%eax; mov %%cs, %%edx; ljmp $8, $2f\n"
                     ".code64\n"
                     "2: mov %%rbx, %%rsp"
                     : "=a"(a), "=d"(b)
                     :
                     : "rbx", "memory", "cc");
    say("far: eax %lx cs %lx\n", a, b);
    static struct {
        uint32_t off;
        uint16_t sel;
    } __attribute__((packed)) target;
    __asm__ volatile("movl $1f, %1; movw $8, 4+%1; mov %%rsp, %%rbx; lcall *%1; jmp 2f\n"
                     "1: mov (%%rsp), %%eax; mov 4(%%rsp), %%edx; sub $2f, %%eax; lretl\n"
                     "2: sub %%rsp, %%rbx"
                     : "=a"(a), "+m"(target), "=d"(b), "=b"(seen[7])
                     :
                     : "memory", "cc");
    say("far call: from %lx, cs %lx, balance %lx\n", a, b, seen[7]);
}

void gate_target(void);
__asm__(
    "gate_target: mov %cs, seen; mov %rsp, seen+8; mov (%rsp), %rax; mov %rax, seen+16; mov 8(%rsp), %rax;"
    "mov %rax, seen+24; mov 16(%rsp), %rax; mov %rax, seen+32; mov 24(%rsp), %rax; mov %rax, seen+40;"
    "mov %ss, seen+48; lretq\n");
static const struct {
    uint32_t off;
    uint16_t sel;
} __attribute__((packed)) through = {0, 0x48};

static void user_gate(void)
{
    word rsp, at;
    __asm__ volatile("mov %%rsp, %0; mov $1f, %1; lcall *%2\n1:"
                     : "=&r"(rsp), "=&r"(at)
                     : "m"(through)
                     : "rax", "memory");
    say("gate: cs %lx rsp %lx ss %lx, return %lx cs %lx rsp %lx ss %lx\n", seen[0], seen[1], seen[6],
        seen[2] - at, seen[3], seen[4] - rsp, seen[5]);
}

static void call_gate(void)
{
    word to = (word)gate_target;
    descriptor(0x48, (to & 0xffff) | 8ull << 16 | 0xecull << 40 | (to >> 16 & 0xffff) << 48);
    descriptor(0x50, to >> 32);
    run_user(user_gate);
    descriptor(0x48, gdt[0x48 / 8] & ~(0x60ull << 40)); /* DPL 0 */
    TRY("gate by kernel", "mov %%rsp, %%rbx; lcall *%0; mov %%rbx, %%rsp", : : "m"(through) : ALL);
    descriptor(0x48, gdt[0x48 / 8] & ~(0x80ull << 40));
    TRY("absent gate", "lcall *%0", : : "m"(through) : ALL);
}

static void stacks(void)
{
    tss_rsp(4, 0x90000);
    gate(0x41, stubs + 0x41 * 16, 0x8e, 1);
    TRY("interrupt on IST1", "int $0x41", : : : ALL);
    say("ss %lx rsp here %x\n", trap.f.ss, (unsigned)(trap.f.rsp >> 12));
    gate(0x42, stubs + 0x42 * 16, 0x8f, 0);
    TRY("trap gate", "int $0x42", : : : ALL);
    TRY("iret to same", "mov %%rsp, %%rax; mov %%ss, %%ecx; push %%rcx; push %%rax; pushf; push $8; push $1f; iretq; 1: ud2", : : : ALL);
    TRY("iret with nt", "pushf; orl $0x4000, (%%rsp); popf; iretq", : : : ALL);
    __asm__ volatile("pushf; andl $~0x4000, (%rsp); popf");
    TRY("iret to null cs", "push $0x10; push %%rsp; pushf; push $0; push $0; iretq", : : : ALL);
    TRY("iret to data", "push $0x10; push %%rsp; pushf; push $0x10; push $0; iretq", : : : ALL);
    /* A double fault: the page fault handler's stack is not there. */
    tss_rsp(5, 0x3ff0000);
    gate(14, stubs + 14 * 16, 0x8e, 2);
    gate(8, stubs + 8 * 16, 0x8e, 1);
    TRY("double fault", "mov 0x3ff0123, %%eax", : : : ALL);
    gate(14, stubs + 14 * 16, 0x8e, 0);
}

static void segment_bases(void)
{
    wrmsr(0xc0000100, 0x9c000);
    wrmsr(0xc0000101, 0x9c100);
    wrmsr(0xc0000102, 0xffffffff80000000ul + 0x9c200);
    *(uint32_t *)0x9c010 = 0xf5;
    *(uint32_t *)0x9c110 = 0x65;
    *(uint32_t *)0x9c210 = 0xc5;
    uint32_t a, b, c;
    __asm__ volatile("mov %%fs:0x10, %0; mov %%gs:0x10, %1; swapgs; mov %%gs:0x10, %2"
                     : "=r"(a), "=r"(b), "=r"(c));
    say("fs %x gs %x, swapped %x\n", a, b, c);
    say("gs base %lx, kernel's %lx\n", (word)rdmsr(0xc0000101), (word)rdmsr(0xc0000102));
    __asm__ volatile("swapgs; mov %0, %%fs; mov %%fs, %1" : : "r"(0x10), "m"(seen));
    say("fs base after a selector %lx\n", (word)rdmsr(0xc0000100));
    WRITE_CR(4, READ_CR(4) | 1 << 16);
    word r;
    __asm__ volatile("wrfsbase %1; rdgsbase %0" : "=r"(r) : "r"(0x123456789aul));
    say("fs %lx gs %lx\n", (word)rdmsr(0xc0000100), r);
}

static void flags(void)
{
    word f;
    __asm__ volatile("pushf; pop %0" : "=r"(f));
    say("flags %lx\n", f & 0xff00);
    __asm__ volatile("push $0x247ed5; popf; pushf; pop %0; push $2; popf" : "=r"(f));
    say("all %lx\n", f & ~0x100ul);
    __asm__ volatile("mov $0xd5, %%ah; sahf; lahf; movzbl %%ah, %k0" : "=b"(f) : : "rax");
    say("ah %lx\n", f);
    uint32_t sel = 0x28, limit = 0, rights = 0, ok;
    __asm__ volatile("lsl %3, %0; lar %3, %1; setz %b2" : "=r"(limit), "=r"(rights), "=&q"(ok) : "r"(sel));
    say("lsl %x lar %x\n", limit, rights & 0xf0ff00);
    __asm__ volatile("xor %0, %0; verr %w1; setz %b0" : "=&q"(ok) : "r"(0x28));
    say("verr %x", ok);
    __asm__ volatile("xor %0, %0; verw %w1; setz %b0" : "=&q"(ok) : "r"(0x28));
    say(" verw %x", ok);
    __asm__ volatile("xor %0, %0; verr %w1; setz %b0" : "=&q"(ok) : "r"(0x38));
    say(" of a tss %x", ok);
    __asm__ volatile("mov $0, %0; lar %1, %0; setz %b0" : "=&q"(ok) : "r"(0x1230));
    say(" lar beyond %x\n", ok);
    uint16_t tr, ldt;
    __asm__ volatile("str %0; sldt %1" : "=r"(tr), "=r"(ldt));
    say("tr %x ldt %x\n", tr, ldt);
}

int main(void)
{
    flags();
    wrmsr(0xc0000081, 0x001b000800000000ul);
    wrmsr(0xc0000082, (word)on_syscall);
    wrmsr(0xc0000084, 0x401);
    run_user(user_syscall);
    gate(0x81, stubs + 0x81 * 16, 0xee, 0);
    compat();
    far_transfers();
    call_gate();
    stacks();
    segment_bases();
    return 0;
}
