// SPDX-License-Identifier: GPL-2.0-or-later
/* fault: exceptions in 64-bit mode: which, with what error code, where, and with registers as before. */
#include "lib.h"

#define ALL "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "memory", "cc"

static uint8_t *const hole = (uint8_t *)0x3ff0000; /* not mapped */
#define HOLE         "0x3ff0000"
#define NONCANONICAL "0x8000000000000000"

static uint64_t pair[4] __attribute__((aligned(32))) = {0x1111, 0x2222, 0x3333, 0x4444};

static void divide(void)
{
    TRY("div by zero", "mov $7, %%eax; mov $9, %%edx; xor %%ecx, %%ecx; div %%ecx", : : : ALL);
    say("eax %lx edx %lx\n", trap.f.rax, trap.f.rdx);
    TRY("div overflow", "mov $7, %%eax; mov $9, %%edx; mov $9, %%ecx; div %%ecx", : : : ALL);
    TRY("div fits", "mov $7, %%eax; mov $8, %%edx; mov $9, %%ecx; div %%ecx", : : : ALL);
    TRY("idiv overflow", "mov $0x80000000, %%eax; mov $-1, %%edx; mov $-1, %%ecx; idiv %%ecx", : : : ALL);
    TRY("div byte", "mov $0x1234, %%eax; mov $1, %%cl; div %%cl", : : : ALL);
    TRY("div of memory", "mov $1, %%rax; mov $0x5555, %%rdx; divq %0", : : "m"(pair[0]) : ALL);
}

static void undefined(void)
{
    TRY("ud2", "ud2", : : : ALL);
    TRY("ud1", "ud1 %%eax, %%eax", : : : ALL);
    TRY("lock on a register", ".byte 0xf0, 0x01, 0xc0", : : : ALL);
    TRY("push cs in 64-bit", ".byte 0x0e", : : : ALL);
    TRY("aaa in 64-bit", ".byte 0x37", : : : ALL);
    TRY("mov to cs", ".byte 0x8e, 0xc8", : : : ALL);
    TRY("mov cr1", ".byte 0x0f, 0x20, 0xc8", : : : ALL);
    TRY("far jmp by register", ".byte 0xff, 0xe8", : : : ALL);
    TRY("avx without osxsave", "vxorps %%ymm0, %%ymm0, %%ymm0", : : : ALL);
    TRY("xgetbv without osxsave", "xor %%ecx, %%ecx; xgetbv", : : : ALL);
    TRY("rdfsbase without fsgsbase", "rdfsbase %%rax", : : : ALL);
    TRY("swapgs encoding at 32 bit", ".byte 0x0f, 0x01, 0xf8", : : : ALL); /* valid here */
    TRY("swapgs back", ".byte 0x0f, 0x01, 0xf8", : : : ALL);
    TRY("too long", ".fill 15, 1, 0x66; nop", : : : ALL);
    TRY("prefix and rex", ".byte 0x48, 0x66, 0x90", : : : ALL);
}

static void protection(void)
{
    TRY("non-canonical read", "mov $" NONCANONICAL ", %%rax; mov (%%rax), %%rbx", : : : ALL);
    TRY("bad selector", "mov $0x1238, %%eax; mov %%eax, %%ds", : : : ALL);
    TRY("system selector", "mov $0x38, %%eax; mov %%eax, %%es", : : : ALL);
    TRY("ldt selector without ldt", "mov $0x0c, %%eax; mov %%eax, %%fs", : : : ALL);
    TRY("wrmsr of an unknown", "mov $0x12345, %%ecx; xor %%eax, %%eax; xor %%edx, %%edx; wrmsr", : : : ALL);
    TRY("rdmsr of an unknown", "mov $0x12345, %%ecx; rdmsr", : : : ALL);
    TRY("unaligned movaps", "movaps 8+%0, %%xmm0", : : "m"(pair[0]) : ALL);
    TRY("unaligned movups", "movups 8+%0, %%xmm0", : : "m"(pair[0]) : ALL);
}

static void breakpoints(void)
{
    TRY("int3", "int3", : : : ALL);
    TRY("int 3", "int $3", : : : ALL);
    TRY("int 0x40", "int $0x40", : : : ALL);
    TRY("single step", "pushf; orl $0x100, (%%rsp); popf; nop; nop", : : : ALL);
    say("dr6 %x\n", (unsigned)({
                        word val;
                        __asm__ volatile("mov %%dr6, %0" : "=r"(val));
                        val;
                    }) & 0x6000);
    TRY("single step over mov ss",
        "mov %%ss, %%ecx; pushf; orl $0x100, (%%rsp); popf; mov %%ecx, %%ss; nop; nop", : : : ALL);
    TRY("single step of a rep",
        "mov $3, %%ecx; mov $0x9c000, %%edi; pushf; orl $0x100, (%%rsp); popf; rep stosb", : : : ALL);
    say("ecx %lx\n", trap.f.rcx);
    TRY("single step of int", "pushf; orl $0x100, (%%rsp); popf; int $0x40", : : : ALL);
}

static void pages(void)
{
    TRY("read of a hole", "mov " HOLE "+0x123, %%eax", : : : ALL);
    TRY("write of a hole", "mov %%eax, " HOLE, : : : ALL);
    TRY("jump into a hole", "mov $" HOLE ", %%eax; jmp *%%rax", : : : ALL);
    TRY("call into a hole", "mov $" HOLE ", %%eax; call *%%rax", : : : ALL);
    TRY("read across into a hole", "mov 0xfffffd, %%rax", : : : ALL);
    say("rax kept %x\n", (unsigned)(trap.f.rax != 0));
    TRY("write across into a hole", "movq $-1, 0xfffffd", : : : ALL);
    say("untouched %x %x %x\n", *(uint8_t *)0xfffffd, *(uint8_t *)0xfffffe, *(uint8_t *)0xffffff);
    TRY("rep movsb runs out",
        "mov $0xfffff0, %%edi; mov %0, %%esi; mov $64, %%ecx; rep movsb", : : "i"(0x9000) : ALL);
    say("rdi %lx rsi %lx rcx %lx\n", trap.f.rdi, trap.f.rsi, trap.f.rcx);
    TRY("rep stosq runs out", "mov $0xfffff4, %%edi; mov $64, %%ecx; rep stosq", : : : ALL);
    say("rdi %lx rcx %lx\n", trap.f.rdi, trap.f.rcx);
    TRY("rep movsw down runs out",
        "std; mov $0x1000002, %%esi; mov $0xffff00, %%edi; mov $4, %%ecx; rep movsw; cld", : : : ALL);
    TRY("push to a hole", "mov %%rsp, %%rbx; mov $" HOLE ", %%esp; push %%rax; mov %%rbx, %%rsp", : : : ALL);
    say("rsp %lx\n", trap.f.rsp);
    TRY("pop to a hole", "push %%rax; pop " HOLE, : : : ALL);
    TRY("fxrstor of a hole", "fxrstor " HOLE, : : : ALL);
    TRY("movups of a hole", "movups " HOLE ", %%xmm1", : : : ALL);
    TRY("popcnt then hole", "mov $0xff, %%ebx; popcnt %%ebx, %%eax; mov " HOLE ", %%ecx", : : : ALL);
    say("eax %lx\n", trap.f.rax);
    TRY("writes up to a hole",
        "mov $0xfffff0, %%ebx; movq $7, (%%rbx); movq $8, 8(%%rbx); movq $9, 16(%%rbx)", : : : ALL);
    say("written %x %x\n", *(uint8_t *)0xfffff0, *(uint8_t *)0xfffff8);
    *(volatile uint8_t *)0xffffff = 0x06;
    TRY("nonsense before a hole", "mov $0xffffff, %%eax; jmp *%%rax", : : : ALL);
    *(volatile uint8_t *)0xffffff = 0x48;
    TRY("half an instruction before a hole", "mov $0xffffff, %%eax; jmp *%%rax", : : : ALL);
    TRY("enter", "mov %%rsp, %%rbx; mov $" HOLE ", %%esp; enter $16, $0", : : : ALL);
    (void)hole;
}

static void units(void)
{
    word cr0 = READ_CR(0), cr4 = READ_CR(4);
    WRITE_CR(0, cr0 | 8); /* TS */
    TRY("sse with ts", "addps %%xmm0, %%xmm0", : : : ALL);
    TRY("x87 with ts", "fld1", : : : ALL);
    TRY("fwait with ts", "fwait", : : : ALL);
    TRY("mmx with ts", "pxor %%mm0, %%mm0", : : : ALL);
    TRY("fxsave with ts", "fxsave 0x9c000", : : : ALL);
    TRY("popcnt with ts", "popcnt %%eax, %%eax", : : : ALL);
    TRY("movnti with ts", "movnti %%eax, 0x9c000", : : : ALL);
    TRY("lfence with ts", "lfence", : : : ALL);
    TRY("ldmxcsr with ts", "ldmxcsr 0x9c000", : : : ALL);
    WRITE_CR(0, cr0 | 4); /* EM */
    TRY("sse with em", "addps %%xmm0, %%xmm0", : : : ALL);
    TRY("x87 with em", "fld1", : : : ALL);
    TRY("mmx with em", "pxor %%mm0, %%mm0", : : : ALL);
    WRITE_CR(0, cr0);
    WRITE_CR(4, cr4 & ~0x200ul);
    TRY("sse without osfxsr", "addps %%xmm0, %%xmm0", : : : ALL);
    WRITE_CR(4, cr4);
    static const uint16_t trapping = 0x37b; /* divide by zero unmasked */
    TRY("division of x87", "fninit; fldcw %0; fld1; fldz; fdivrp; fwait; nop", : : "m"(trapping) : ALL);
    TRY("no-wait x87", "fnstsw %%ax; fnclex; fninit", : : : ALL);
}

static void user_code(void)
{
    TRY("user cli", "cli", : : : ALL);
    TRY("user hlt", "hlt", : : : ALL);
    TRY("user in", "in $0x60, %%al", : : : ALL);
    TRY("user rdmsr", "mov $0xc0000080, %%ecx; rdmsr", : : : ALL);
    TRY("user mov cr", "mov %%cr0, %%rax", : : : ALL);
    TRY("user mov dr", "mov %%dr0, %%rax", : : : ALL);
    TRY("user lgdt", "lgdt 0x9c000", : : : ALL);
    TRY("user invlpg", "invlpg 0x9c000", : : : ALL);
    TRY("user wbinvd", "wbinvd", : : : ALL);
    TRY("user swapgs", "swapgs", : : : ALL);
    TRY("user sysret", "sysretq", : : : ALL);
    TRY("user clts", "clts", : : : ALL);
    TRY("user ltr", "ltr %%ax", : : : ALL);
    TRY("user int3", "int3", : : : ALL);
    TRY("user kernel selector", "mov $0x10, %%eax; mov %%eax, %%ds", : : : ALL);
    TRY("user page fault", "mov " HOLE ", %%eax", : : : ALL);
    TRY("user write fault", "mov %%eax, " HOLE, : : : ALL);
    TRY("user jump fault", "mov $" HOLE ", %%eax; jmp *%%rax", : : : ALL);
    TRY("user kernel page", "mov 0x300000, %%eax", : : : ALL);
    TRY("user sti", "sti", : : : ALL);
    TRY("user popf", "pushf; orl $0x3200, (%%rsp); popf; pushf; pop %%rax; ud2", : : : ALL);
    say("flags %lx\n", trap.f.rax & 0x3200);
    TRY("user iret to kernel",
        "push $0x10; push $0x8b000; push $2; push $0x08; push $0x8000; iretq", : : : ALL);
    TRY("user far ret to kernel", "push $0x08; push $0x8000; lretq", : : : ALL);
    TRY("user sgdt", "sgdt 0x9c000", : : : ALL);
    TRY("user smsw", "smsw %%eax", : : : ALL);
}

int main(void)
{
    tss_rsp(4, 0x90000); /* IST1: stacks are tried too */
    for (unsigned i = 12; i <= 14; i++)
        gate(i, stubs + i * 16, 0x8e, 1);
    (void)*(volatile uint32_t *)0x300000;                    /* so that the tables above are marked as used */
    *(volatile uint64_t *)(0x103000 + 8 * 0x300) = 0x300003; /* supervisor's page */
    divide();
    undefined();
    protection();
    breakpoints();
    pages();
    units();
    run_user(user_code);
    return 0;
}
